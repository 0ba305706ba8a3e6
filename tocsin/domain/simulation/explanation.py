"""What one event would do at one instant: every decision, and who is called when if nobody answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tocsin.domain.configuration.model import Integration, Organisation
from tocsin.domain.routing import Visit
from tocsin.domain.severity import Severity, Urgency
from tocsin.domain.signal import EventAction, Signal
from tocsin.domain.simulation.engine import Play
from tocsin.domain.simulation.model import Page
from tocsin.domain.simulation.quiet import alone, facts_for, rules_of, verdicts
from tocsin.domain.simulation.world import Placement, World
from tocsin.domain.suppression import Facts, Held, Rules

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
    suppression: tuple[Reason, ...] = ()  # a verdict of each kind of hold
    held: bool = False
    held_until: datetime | None = None  # when it would be told if it still fired; None: beyond the horizon


def explain(
    organisation: Organisation,
    integration: Integration,
    signal: Signal,
    now: datetime,
    horizon: timedelta = HORIZON,
) -> tuple[Explanation, ...]:
    """One explanation for each service. The event stands alone: no other fires, which might inhibit it. Where
    something holds it, who is called is told from when it is released.
    """
    world, rules = World(organisation), rules_of(organisation)
    placements = world.place(integration, signal, now, trace=True)
    seen = facts_for(signal, integration, placements)
    held = alone(rules, seen, placements, now, now)
    verdict = tuple(Reason(*each) for each in verdicts(rules, seen, placements, held))
    free_at = _free_at(rules, seen, placements, held, now, now + horizon)
    found = []
    for placement in placements:
        play = Play(world)
        if placement.severity is not None and signal.action is EventAction.TRIGGER and free_at is not None:
            play.open(signal.dedup_key, placement, free_at)
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
                suppression=verdict,
                held_until=free_at if held else None,
                held=bool(held),
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


def _free_at(
    rules: Rules,
    seen: Facts,
    placements: Sequence[Placement],
    held: Sequence[Held],
    now: datetime,
    horizon: datetime,
) -> datetime | None:
    """When nothing holds it any more; None: not before the horizon."""
    at: datetime = now
    while held:
        ends = [one.until for one in held if one.until is not None]
        if len(ends) < len(held) or max(ends) >= horizon:
            return None
        at = max(ends)
        held = alone(rules, seen, placements, at, now)
    return at
