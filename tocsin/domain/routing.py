"""The routing tree: which service an alert belongs to, and what the route says about severity, urgency and
grouping.

Words as Alertmanager uses them. A **matcher** compares one label (`=`, `!=`, `=~`, `!~`; a regular
expression must match the whole value; a label that is absent counts as empty). A **route** holds matchers,
settings and further routes. An alert walks down from the root: what a route does not say it inherits from
the one above; among the routes below, the first that matches wins, unless it says `continue`, which lets
the ones after it have their say too.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Final

from tocsin.domain.pattern import Pattern, compile_pattern
from tocsin.domain.severity import Severity, Urgency

MAX_DEPTH: Final = 32
_LONGEST: Final = 2048
_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:/-]*")
_MATCHER: Final = re.compile(
    r'\s*("(?:[^"\\]|\\.)*"|[a-zA-Z_][a-zA-Z0-9_.:/-]*)\s*(=~|!~|!=|==?)\s*(.*?)\s*', re.DOTALL
)
_ESCAPES: Final = {"n": "\n", "t": "\t", "\\": "\\", '"': '"'}


class Op(StrEnum):
    EQUAL = "="
    NOT_EQUAL = "!="
    MATCHES = "=~"
    MATCHES_NOT = "!~"


@dataclass(frozen=True)
class Matcher:
    """Made by `parse_matcher`; `value` of a regular expression is known to compile."""

    name: str
    op: Op
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        actual = labels.get(self.name, "")
        if self.op is Op.EQUAL:
            return actual == self.value
        if self.op is Op.NOT_EQUAL:
            return actual != self.value
        return _pattern(self.value).matches(actual) is (self.op is Op.MATCHES)

    def __str__(self) -> str:
        name = self.name if _NAME.fullmatch(self.name) else _quoted(self.name)
        return f"{name}{self.op}{_quoted(self.value)}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


@lru_cache(maxsize=4096)
def _pattern(text: str) -> Pattern:
    return compile_pattern(text)


def parse_matcher(text: str) -> Matcher:
    """Read `team="payments"`, `severity=~"critical|page"`, `env!=dev`. Raises ValueError saying what was
    expected.
    """
    found = _MATCHER.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        msg = 'expected a matcher such as team="payments", severity=~"critical|page" or env!="dev"'
        raise ValueError(msg)
    name, op, raw = found.groups()
    matcher = Matcher(_unquote(name), Op("=" if op == "==" else op), _unquote(raw))
    if not matcher.name:
        msg = "a matcher needs the name of a label"
        raise ValueError(msg)
    if matcher.op in {Op.MATCHES, Op.MATCHES_NOT}:
        _pattern(matcher.value)
    return matcher


def _unquote(raw: str) -> str:
    if not raw.startswith('"'):
        if '"' in raw:
            msg = "a value with a quotation mark in it must be quoted as a whole"
            raise ValueError(msg)
        return raw
    if re.fullmatch(r'"(?:[^"\\]|\\.)*"', raw, re.DOTALL) is None:
        msg = "the quoted value does not end where the matcher ends"
        raise ValueError(msg)
    # As in Alertmanager, a backslash before anything but n, t, " and \ stands for itself: regular
    # expressions stay legible.
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[0]), raw[1:-1], flags=re.DOTALL)


@dataclass(frozen=True)
class Route:
    """One node. None means: as the route above. `group_by` () means: not grouped by labels, whatever is
    above.
    """

    matchers: tuple[Matcher, ...] = ()
    service: str | None = None
    severity: Severity | None = None
    urgency: Urgency | None = None
    group_by: tuple[str, ...] | None = None
    continue_: bool = False
    routes: tuple["Route", ...] = ()

    @property
    def label(self) -> str:
        return "{" + ", ".join(str(matcher) for matcher in self.matchers) + "}"


EMPTY: Final = Route()


@dataclass(frozen=True)
class Visit:
    """One node that was looked at. `path` counts from the root: "root", "1", "1.2"."""

    path: str
    route: str
    matched: bool
    reason: str


@dataclass(frozen=True)
class Routed:
    """Where an alert goes. `also` holds further services, each from a route reached past a `continue`."""

    service: str | None
    severity: Severity | None
    urgency: Urgency | None
    group_by: tuple[str, ...]
    reason: str
    visited: tuple[Visit, ...] = ()
    also: tuple["Routed", ...] = field(default=())


def decide(
    tree: Route,
    labels: Mapping[str, str],
    *,
    default_service: str | None = None,
    reserved: Mapping[str, str] | None = None,
) -> Routed:
    """Walk the tree. `default_service` is the integration's own: it serves where no route names one.

    `reserved` (see `domain.signal.facts`) stands above labels of the same name: an outsider's label cannot
    pretend to be another integration.
    """
    seen = {**labels, **(reserved or {})}
    visited: list[Visit] = []
    ends = list(_walk(tree, _Inherited(), "root", seen, visited))
    results = _by_service([_result(end, default_service) for end in ends])
    first = results[0]
    return Routed(
        first.service,
        first.severity,
        first.urgency,
        first.group_by,
        first.reason,
        tuple(visited),
        tuple(results[1:]),
    )


@dataclass(frozen=True)
class _Inherited:
    path: str = "root"
    service: str | None = None
    severity: Severity | None = None
    urgency: Urgency | None = None
    group_by: tuple[str, ...] = ()

    def below(self, route: Route, path: str) -> "_Inherited":
        return _Inherited(
            path,
            route.service or self.service,
            route.severity or self.severity,
            route.urgency or self.urgency,
            self.group_by if route.group_by is None else route.group_by,
        )


def _walk(
    route: Route, above: _Inherited, path: str, labels: Mapping[str, str], visited: list[Visit]
) -> Iterator[_Inherited]:
    """Yield the settings of every node where the walk ends; nothing when this node does not match."""
    failed = next((matcher for matcher in route.matchers if not matcher.matches(labels)), None)
    if failed is not None:
        actual = labels.get(failed.name)
        reason = f"{failed} does not hold: {failed.name} is " + (f"“{actual[:80]}”" if actual else "absent")
        visited.append(Visit(path, route.label, matched=False, reason=reason))
        return
    visited.append(
        Visit(
            path, route.label, matched=True, reason="every matcher holds" if route.matchers else "matches all"
        )
    )
    here = above.below(route, path)
    ended_below = False
    for number, child in enumerate(route.routes, start=1):
        found = list(
            _walk(child, here, f"{path}.{number}" if path != "root" else str(number), labels, visited)
        )
        yield from found
        ended_below = ended_below or bool(found)
        if found and not child.continue_:
            return
    if not ended_below:
        yield here


def _result(end: _Inherited, default_service: str | None) -> Routed:
    where = "the root route" if end.path == "root" else f"route {end.path}"
    if end.service is not None:
        reason = f"{where} sends to {end.service}"
    elif default_service is not None:
        reason = f"{where} names no service; the integration's own is {default_service}"
    else:
        reason = f"{where} names no service and the integration has none"
    return Routed(end.service or default_service, end.severity, end.urgency, end.group_by, reason)


def _by_service(results: list[Routed]) -> list[Routed]:
    """One result for each service, the first reached; one without a service only when it is alone."""
    kept: dict[str, Routed] = {}
    for result in results:
        if result.service is not None:
            kept.setdefault(result.service, result)
    return list(kept.values()) or results[:1] or [_result(_Inherited(), None)]
