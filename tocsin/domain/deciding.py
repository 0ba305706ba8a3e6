"""What becomes of one event, in one place: routed, enriched, judged and grouped. The worker, the rehearsal
and the tester of the routing page all ask here, so that they cannot answer differently.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from tocsin.domain import grouping, routing, severity, urgency
from tocsin.domain.expression import facts_of
from tocsin.domain.routing import EMPTY, Flapping, Names, Route, Routed, Visit
from tocsin.domain.severity import Severity, SeverityRow, Urgency
from tocsin.domain.signal import Signal, facts
from tocsin.domain.urgency import ChosenUrgency, UrgencyRule


class Way(Protocol):
    """An integration, as far as deciding asks."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def service(self) -> str | None: ...
    @property
    def severity_map(self) -> Mapping[str, Severity]: ...


class Service(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def severity(self) -> Severity | None: ...


S = TypeVar("S", bound=Service)


@dataclass(frozen=True)
class Around(Generic[S]):
    """The configuration. `unrouted` gives the service for what no route sends anywhere that exists."""

    services: Mapping[str, S]
    unrouted: Callable[[datetime], S]
    urgency_rule: Callable[[S], UrgencyRule]
    severities: Mapping[Severity, SeverityRow]
    routes: Route = EMPTY
    names: Names = field(default_factory=Names)

    def urgency(
        self, service: S, level: Severity, now: datetime, route: Urgency | None = None
    ) -> ChosenUrgency:
        rule = self.urgency_rule(service)
        return urgency.choose(route=route, rule=rule, severity=level, table=self.severities, now=now)


@dataclass(frozen=True)
class Placement(Generic[S]):
    """One service that an alert goes to, and how. `severity` None: it opens nothing there. `labels` are all
    that the alert has now; `summary` and `runbook` are "" where no route sets them, `dedup_key` is "" where
    it stays the tool's own.
    """

    service: S
    severity: Severity | None
    urgency: Urgency
    group_key: str
    raise_at: datetime | None
    reasons: tuple[tuple[str, str, str], ...]  # stage, outcome, reason
    labels: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    runbook: str = ""
    dedup_key: str = ""
    group_within: timedelta | None = None  # a group's incident takes alerts only so long after the last one
    group_limit: int | None = None  # and only so many
    pause: timedelta | None = None  # a new alert waits so long, and is nothing if it ends meanwhile
    flapping: Flapping | None = None
    visited: tuple[Visit, ...] = ()


def decide(
    signal: Signal, way: Way, around: Around[S], now: datetime, *, trace: bool = False
) -> tuple[Placement[S], ...]:
    """Every service that the event goes to, the first reached first. With `trace` each comes with every route
    that was looked at.
    """
    routed = _routed(signal, way, around, now, trace=trace)
    return tuple(_placed(signal, way, around, each, routed.visited, now) for each in (routed, *routed.also))


def key_of(signal: Signal, way: Way, around: Around[S], now: datetime) -> str:
    """The dedup key by which the event's alert is known: by a route's template, else the tool's own."""
    if not around.routes.renames:
        return signal.dedup_key
    return _routed(signal, way, around, now, trace=False).dedup_key or signal.dedup_key


def _routed(signal: Signal, way: Way, around: Around[S], now: datetime, *, trace: bool) -> Routed:
    return routing.decide(
        around.routes,
        signal.labels,
        default_service=way.service,
        reserved=facts(signal, integration=way.name, kind=way.kind),
        facts=facts_of(signal, integration=way.name, kind=way.kind),
        names=around.names,
        now=now,
        trace=trace,
    )


def _placed(
    signal: Signal,
    way: Way,
    around: Around[S],
    routed: Routed,
    visited: tuple[Visit, ...],
    now: datetime,
) -> Placement[S]:
    service = around.services.get(routed.service or "")
    reason = routed.reason
    if service is None:
        service = around.unrouted(now)
        reason += f"; there is no such service, so it goes to {service.name}" if routed.service else ""
    word = signal.severity or ""
    chosen = severity.choose(
        route=routed.severity,
        mapped=way.severity_map.get(word) or way.severity_map.get(word.lower()),
        payload=signal.severity,
        service=service.severity,
    )
    loud = around.urgency(service, chosen.severity or Severity.SEV4, now, routed.urgency)
    group = grouping.group_of(
        signal,
        integration=way.name,
        group_by=routed.group_by,
        labels=routed.seen,
        dedup_key=routed.dedup_key,
    )
    reasons = (
        ("route", service.name, reason),
        *(("enrich", "route" if path == "root" else f"route {path}", did) for path, did in routed.steps),
        ("severity", str(chosen.severity or "none"), chosen.reason),
        ("urgency", str(loud.urgency), loud.reason),
        ("group", group.key[:200], group.reason),
    )
    return Placement(
        service=service,
        severity=chosen.severity,
        urgency=loud.urgency,
        group_key=group.key,
        raise_at=loud.raise_at,
        reasons=reasons,
        labels={**signal.labels, **routed.labels} if routed.labels else dict(signal.labels),
        summary=routed.summary,
        runbook=routed.runbook,
        dedup_key=routed.dedup_key,
        group_within=routed.group_within,
        group_limit=routed.group_limit,
        pause=routed.pause,
        flapping=routed.flapping,
        visited=visited,
    )
