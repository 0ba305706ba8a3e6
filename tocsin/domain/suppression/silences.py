"""Silences and maintenance windows, found for an alert without looking at all of them.

Most name at least one label by its value (`instance="db1"`, or `instance=~"db1|db2"`): such a silence is
looked up by that label. Only those that name none are tried one by one.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from tocsin.domain.routing import Matcher, Op
from tocsin.domain.suppression.held import Facts, Held, HoldKind, clock
from tocsin.domain.suppression.recurrence import UTC_ZONE, Recurring, Span, following, span_at
from tocsin.domain.time import format_duration

_LITERALS: Final = re.compile(r"[\w @:,/%=<>~\-]+(?:\|[\w @:,/%=<>~\-]+)*")
Key = tuple[str, str]


class SilenceKind(StrEnum):
    SILENCE = "silence"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True)
class Silence:
    """`services` () means every service. The first time is from `starts_at` to `ends_at`, aware."""

    uid: str
    kind: SilenceKind
    matchers: tuple[Matcher, ...]
    services: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime
    rrule: str = ""
    zone: ZoneInfo = UTC_ZONE
    title: str = ""  # for people: its name or comment, and whose it is

    @property
    def window(self) -> Recurring:
        return Recurring(Span(self.starts_at, self.ends_at), self.rrule, self.zone)

    def hits(self, facts: Facts) -> bool:
        """Whatever the time is."""
        if self.services and not any(service in self.services for service in facts.services):
            return False
        return all(matcher.matches(facts.labels) for matcher in self.matchers)

    def held(self, span: Span, now: datetime) -> Held:
        left = format_duration(span.end - now)
        ends = f"at {clock(span.end)} (in {left}), or when it is expired"
        kind = HoldKind(self.kind)
        return Held(kind, self.uid, f"the {kind} “{self.title[:200]}”", now, span.end, ends)


@dataclass
class SilenceIndex:
    """Made once for many alerts. It may hold silences that are over, or are still to come."""

    silences: tuple[Silence, ...] = ()
    _by_key: dict[Key, list[Silence]] = field(default_factory=dict)
    _by_service: dict[str, list[Silence]] = field(default_factory=dict)
    _others: list[Silence] = field(default_factory=list)
    _open: dict[str, Span] = field(default_factory=dict)  # what was found open last, by uid
    _closed: dict[str, Span] = field(default_factory=dict)  # while it is known not to be open

    def __post_init__(self) -> None:
        ways = [_ways(silence.matchers) for silence in self.silences]
        crowd = Counter(key for each in ways for way in each for key in way)
        for silence, each in zip(self.silences, ways, strict=True):
            # The way that it shares with the fewest others: `alertname="Slow"` may be in thousands.
            keys = min(each, key=lambda way: sum(crowd[key] for key in way), default=[])
            for key in keys:
                self._by_key.setdefault(key, []).append(silence)
            if keys:
                continue
            for service in silence.services:
                self._by_service.setdefault(service, []).append(silence)
            if not silence.services:
                self._others.append(silence)

    def hitting(self, facts: Facts, now: datetime) -> Iterator[tuple[Silence, Span]]:
        """Those that are open at `now` and hit the alert, each with the time that is open."""
        if not self.silences:
            return
        seen: set[str] = set()
        for silence in self._candidates(facts):
            if silence.uid in seen:
                continue
            seen.add(silence.uid)
            span = self.open_at(silence, now)
            if span is not None and silence.hits(facts):
                yield silence, span

    def holds(self, facts: Facts, now: datetime) -> list[Held]:
        return [silence.held(span, now) for silence, span in self.hitting(facts, now)]

    def open_at(self, silence: Silence, now: datetime) -> Span | None:
        if not silence.rrule:
            return span_at(silence.window, now)
        known = self._open.get(silence.uid)
        if known is not None and known.holds(now):
            return known
        closed = self._closed.get(silence.uid)
        if closed is not None and closed.holds(now):
            return None
        found = span_at(silence.window, now)
        if found is not None:
            self._open[silence.uid] = found
            return found
        ahead = following(silence.window, now, 1)
        until = ahead[0].start if ahead else now.replace(year=now.year + 1, month=1, day=1)
        self._closed[silence.uid] = Span(now, until)
        return None

    def _candidates(self, facts: Facts) -> Iterator[Silence]:
        if self._by_key:
            by_key = self._by_key
            for pair in facts.labels.items():
                yield from by_key.get(pair, ())
        for service in facts.services:
            yield from self._by_service.get(service, ())
        yield from self._others


def _ways(matchers: Iterable[Matcher]) -> list[list[Key]]:
    """Each is what one matcher takes an alert to have: one pair of a few. None: it can't be looked up."""
    return [way for matcher in matchers if (way := _values(matcher))]


def _values(matcher: Matcher) -> list[Key]:
    """An absent label counts as empty, so a matcher that holds of the empty value finds nothing here."""
    if matcher.op is Op.EQUAL and matcher.value:
        return [(matcher.name, matcher.value)]
    if matcher.op is Op.MATCHES and _LITERALS.fullmatch(matcher.value):
        return [(matcher.name, value) for value in dict.fromkeys(matcher.value.split("|"))]
    return []


def too_broad(matchers: Iterable[Matcher]) -> bool:
    """Whether every one of them holds of an alert without any labels, so that they hit whatever there is."""
    nothing: Mapping[str, str] = {}
    return all(matcher.matches(nothing) for matcher in matchers)
