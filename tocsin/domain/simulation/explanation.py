"""What one event would do at one instant: every decision, and who is called when if nobody answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tocsin.domain.configuration.model import Integration, Organisation
from tocsin.domain.routing import Visit
from tocsin.domain.severity import Severity, Urgency
from tocsin.domain.signal import EventAction, Signal
from tocsin.domain.simulation.engine import Play
from tocsin.domain.simulation.model import Page
from tocsin.domain.simulation.world import World

HORIZON: Final = timedelta(days=4)  # over any week-end, so that "the next business day" is seen


@dataclass(frozen=True)
class Reason:
    """One decision: at which stage, what came out, and why."""

    stage: str
    outcome: str
    reason: str


@dataclass(frozen=True)
class Explanation:
    """For one service that the event goes to. `severity` None: it opens nothing."""

    service: str
    severity: Severity | None
    urgency: Urgency
    group_key: str
    respond_within: timedelta | None
    reasons: tuple[Reason, ...]
    visited: tuple[Visit, ...]
    pages: tuple[Page, ...]
    notes: tuple[tuple[datetime, str], ...]
    labels: Mapping[str, str] = field(default_factory=dict)  # as routes left them
    summary: str = ""
    runbook: str = ""
    dedup_key: str = ""


def explain(
    organisation: Organisation,
    integration: Integration,
    signal: Signal,
    now: datetime,
    horizon: timedelta = HORIZON,
) -> tuple[Explanation, ...]:
    """One explanation for each service. Suppression by other events is not in it: the event stands alone."""
    world = World(organisation)
    found = []
    for placement in world.place(integration, signal, now, trace=True):
        play = Play(world)
        if placement.severity is not None and signal.action is EventAction.TRIGGER:
            play.open(signal.dedup_key, placement, now)
            play.until(now + horizon, inclusive=False)
        result = play.result(now, now + horizon)
        row = world.row(placement.severity) if placement.severity else None
        found.append(
            Explanation(
                service=placement.service.name,
                severity=placement.severity,
                urgency=placement.urgency,
                group_key=placement.group_key,
                respond_within=row.respond_within if row else None,
                reasons=tuple(Reason(*reason) for reason in placement.reasons),
                visited=placement.visited,
                pages=result.pages,
                notes=tuple((at, text) for at, _key, text in result.notes),
                labels=placement.labels,
                summary=placement.summary or signal.summary,
                runbook=placement.runbook,
                dedup_key=placement.dedup_key or signal.dedup_key,
            )
        )
    return tuple(found)
