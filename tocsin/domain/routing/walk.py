"""The walk through the tree: where it ends, with what settings, and why."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from tocsin.domain.expression import Facts, Template
from tocsin.domain.routing.enriching import enrich
from tocsin.domain.routing.tree import Flapping, Route, Tables
from tocsin.domain.severity import Severity, Urgency

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_KEY: Final = 512  # the column's


@dataclass(frozen=True)
class Visit:
    """One node that was looked at. `path` counts from the root: "root", "1", "1.2"; `did` tells what it added
    to the alert.
    """

    path: str
    route: str
    matched: bool
    reason: str
    did: tuple[str, ...] = ()


@dataclass(frozen=True)
class Names:
    """What names in a tree stand for: services that exist, the services of each team, tables."""

    has_service: Callable[[str], bool] = lambda _name: True
    of_team: Callable[[str], tuple[str, ...]] = lambda _team: ()
    tables: Tables = field(default_factory=dict)


@dataclass(frozen=True)
class Routed:
    """Where an alert goes. `labels` are those that routes added. `also` holds further services, each from a
    route reached past a `continue`.
    """

    service: str | None
    severity: Severity | None
    urgency: Urgency | None
    group_by: tuple[str, ...]
    reason: str
    visited: tuple[Visit, ...] = ()
    also: tuple["Routed", ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    runbook: str = ""
    dedup_key: str = ""  # "" : the tool's own
    group_within: timedelta | None = None
    group_limit: int | None = None
    pause: timedelta | None = None
    flapping: Flapping | None = None
    steps: tuple[tuple[str, str], ...] = ()  # what enriched it: path, what was done
    seen: Mapping[str, str] = field(default_factory=dict)  # everything a matcher saw


def decide(
    tree: Route,
    labels: Mapping[str, str],
    *,
    default_service: str | None = None,
    reserved: Mapping[str, str] | None = None,
    facts: Facts | None = None,
    names: Names | None = None,
    now: datetime = _EPOCH,
    trace: bool = True,
) -> Routed:
    """Walk the tree. `default_service` is the integration's own: it serves where no route names one. `now`
    matters to time windows only.

    `reserved` (see `domain.signal.facts`) stands above labels of the same name: an outsider's label cannot
    pretend to be another integration. Without `trace` only nodes that can match are looked at, and `visited`
    is empty.
    """
    seen = {**labels, **(reserved or {})}
    walk = _Walk(facts or Facts(reserved or {}), names or Names(), now, [] if trace else None)
    ends = list(walk.down(tree, _State(seen=seen), "root"))
    results = _by_service([walk.result(end, default_service) for end in ends])
    first = results[0] if results else walk.result(_State(seen=seen), default_service)
    if not trace and len(results) <= 1:
        return first
    return replace(first, visited=tuple(walk.visited or ()), also=tuple(results[1:]))


@dataclass(frozen=True, slots=True)
class _State:
    """What has been inherited so far. `service` and `team`: whichever was said last."""

    seen: Mapping[str, str]
    path: str = "root"
    service: str | None = None
    severity: Severity | None = None
    urgency: Urgency | None = None
    group_by: tuple[str, ...] = ()
    group_within: timedelta | None = None
    group_limit: int | None = None
    pause: timedelta | None = None
    flapping: Flapping | None = None
    dedup_key: Template | None = None
    added: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    runbook: str = ""
    steps: tuple[tuple[str, str], ...] = ()


class _Walk:
    def __init__(self, facts: Facts, names: Names, now: datetime, visited: list[Visit] | None) -> None:
        self._facts = facts
        self._names = names
        self._now = now
        self.visited = visited

    def down(self, route: Route, above: _State, path: str) -> Iterator[_State]:
        """Yield the state at every node where the walk ends; nothing when this node does not match."""
        if self.visited is None:
            if not self._matches(route, above.seen):
                return
            here = self._below(route, above, path)
        else:
            failed = self._why_not(route, above.seen)
            if failed:
                self.visited.append(Visit(path, route.label, matched=False, reason=failed))
                return
            here = self._below(route, above, path)
            did = tuple(step for where, step in here.steps if where == path)
            why = "everything it asks for holds" if route.conditional else "matches all"
            self.visited.append(Visit(path, route.label, matched=True, reason=why, did=did))
        numbers = range(len(route.routes)) if self.visited is not None else route.index.candidates(here.seen)
        ended_below = False
        for number in numbers:
            child = route.routes[number]
            found = list(
                self.down(child, here, f"{number + 1}" if path == "root" else f"{path}.{number + 1}")
            )
            yield from found
            ended_below = ended_below or bool(found)
            if found and not child.continue_:
                return
        if not ended_below:
            yield here

    def _matches(self, route: Route, seen: Mapping[str, str]) -> bool:
        for matcher in route.matchers:
            if not matcher.matches(seen):
                return False
        if route.condition is not None and not route.condition.holds(self._facts, seen)[0]:
            return False
        return not (route.during or route.outside) or route.is_open(self._now)

    def _why_not(self, route: Route, seen: Mapping[str, str]) -> str:
        """As `_matches`, in words; "" when it does."""
        failed = next((matcher for matcher in route.matchers if not matcher.matches(seen)), None)
        if failed is not None:
            actual = seen.get(failed.name)
            return f"{failed} does not hold: {failed.name} is " + (f"“{actual[:80]}”" if actual else "absent")
        if route.condition is not None:
            holds, problem = route.condition.holds(self._facts, seen)
            if not holds:
                return f"“{route.condition.text[:120]}” is not true" + (f": {problem}" if problem else "")
        if not route.is_open(self._now):
            inside = any(hours.is_open(self._now) for hours in route.outside)
            return "it is inside the hours that it leaves out" if inside else "it is outside its hours"
        return ""

    def _below(self, route: Route, above: _State, path: str) -> _State:
        given = enrich(route, self._facts, above.seen, self._names.tables) if route.enriches else None
        seen = above.seen
        if given is not None:
            seen = {**seen, **given.added}
            if given.summary:
                seen["summary"] = given.summary
        service, notes = self._service(route, seen)
        steps = tuple((path, step) for step in (*(given.steps if given else ()), *notes))
        return _State(
            seen,
            path,
            service or above.service,
            route.severity or (given.severity if given else None) or above.severity,
            route.urgency or above.urgency,
            above.group_by if route.group_by is None else route.group_by,
            above.group_within if route.group_within is None else route.group_within,
            above.group_limit if route.group_limit is None else route.group_limit,
            above.pause if route.pause is None else route.pause,
            above.flapping if route.flapping is None else route.flapping,
            route.dedup_key or above.dedup_key,
            {**above.added, **given.added} if given and given.added else above.added,
            (given.summary if given else "") or above.summary,
            (given.runbook if given else "") or above.runbook,
            above.steps + steps if steps else above.steps,
        )

    def _service(self, route: Route, seen: Mapping[str, str]) -> tuple[str | None, tuple[str, ...]]:
        """The service that the route names, or that of its team."""
        template = route.service_template
        if template is not None:
            found = template.render(self._facts, seen)
            if found.value is None:
                return None, (f"names no service: {found.problem}",)
            if not self._names.has_service(found.value):
                return None, (f"{route.service} is {found.value}, and there is no such service",)
            return str(found.value), ()
        if route.service is not None or route.team is None:
            return route.service, ()
        services = self._names.of_team(route.team)
        if not services:
            return None, (f"team {route.team} has no service",)
        chosen = default_service(route.team, services)
        why = "its only service" if len(services) == 1 else "the one named like it"
        if len(services) > 1 and chosen != route.team:
            why = "the first by name of its services"
        return chosen, (f"team {route.team}: {chosen}, {why}",)

    def result(self, end: _State, default_service: str | None) -> Routed:
        where = "the root route" if end.path == "root" else f"route {end.path}"
        if end.service is not None:
            reason = f"{where} sends to {end.service}"
        elif default_service is not None:
            reason = f"{where} names no service; the integration's own is {default_service}"
        else:
            reason = f"{where} names no service and the integration has none"
        key, steps = self._key(end)
        return Routed(
            end.service or default_service,
            end.severity,
            end.urgency,
            end.group_by,
            reason,
            labels=end.added,
            summary=end.summary,
            runbook=end.runbook,
            dedup_key=key,
            group_within=end.group_within,
            group_limit=end.group_limit,
            pause=end.pause,
            flapping=end.flapping,
            steps=steps,
            seen=end.seen,
        )

    def _key(self, end: _State) -> tuple[str, tuple[tuple[str, str], ...]]:
        if end.dedup_key is None:
            return "", end.steps
        found = end.dedup_key.render(self._facts, end.seen)
        if found.value is None:
            text = f"the dedup key stays the tool's own: {found.problem}"
            return "", (*end.steps, (end.path, text))
        key = str(found.value)[:_LONGEST_KEY]
        return key, (*end.steps, (end.path, f"dedup key set: {key[:120]}"))


def default_service(team: str, services: tuple[str, ...]) -> str:
    """Where an alert goes that a route sends to a team: the service named like the team, else the first by
    name.
    """
    return team if team in services else min(services)


def _by_service(results: list[Routed]) -> list[Routed]:
    """One result for each service, the first reached; one without a service only when it is alone."""
    kept: dict[str, Routed] = {}
    for result in results:
        if result.service is not None:
            kept.setdefault(result.service, result)
    return list(kept.values()) or results[:1]
