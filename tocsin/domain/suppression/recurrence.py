"""When a window that recurs is open: RFC 5545 rules on the wall clock of a zone.

A window that is open from 02:00 to 04:00 is so by the clock on the wall on every day, whatever the clocks
did that night. A wall time that does not exist begins at the first instant after the gap; one that happens
twice begins the first time and ends the last time.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice, pairwise
from typing import Final
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

from tocsin.domain.time import to_instant, to_wall

LONGEST: Final = 255
UTC_ZONE: Final = ZoneInfo("UTC")
_HORIZON: Final = timedelta(days=366 * 5)
_FOREVER: Final = timedelta(days=366 * 30)
_AHEAD: Final = timedelta(days=366 * 2)
_FREQUENCIES: Final = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY"})
_PART: Final = re.compile(r"[A-Z]+=[A-Z0-9,+\-]+")
_HOW: Final = "expected a rule such as FREQ=WEEKLY;BYDAY=SU or FREQ=MONTHLY;BYDAY=1SU"


@dataclass(frozen=True)
class Span:
    """Open from `start` (inclusive) to `end` (exclusive); aware."""

    start: datetime
    end: datetime

    def holds(self, at: datetime) -> bool:
        return self.start <= at < self.end


@dataclass(frozen=True)
class Recurring:
    """`first` is the first time it is open; `rule` "" is that one time only."""

    first: Span
    rule: str = ""
    zone: ZoneInfo = UTC_ZONE


def check_rule(text: str, first: Span, zone: ZoneInfo) -> str:
    """The rule as it is kept. Raises ValueError: it cannot be read, never happens, or overlaps itself."""
    rule = text.strip().upper().removeprefix("RRULE:").rstrip(";")
    parts = rule.split(";")
    if len(rule) > LONGEST or not all(_PART.fullmatch(part) for part in parts):
        raise ValueError(_HOW)
    names = [part.partition("=")[0] for part in parts]
    if len(set(names)) != len(names):
        raise ValueError("a part of the rule is there twice")
    given = dict(part.split("=", 1) for part in parts)
    if given.get("FREQ") not in _FREQUENCIES:
        raise ValueError(f"{_HOW}; FREQ is one of {', '.join(sorted(_FREQUENCIES))}")
    if {"BYHOUR", "BYMINUTE", "BYSECOND", "BYEASTER"} & set(names):
        raise ValueError("the time of day is that of the start: leave BYHOUR, BYMINUTE and BYSECOND out")
    window = Recurring(first, rule, zone)
    try:
        spans = following(window, first.start, 3)
    except (ValueError, TypeError, OverflowError, IndexError, KeyError) as error:
        raise ValueError(_HOW) from error
    if not spans:
        raise ValueError("the rule never happens within five years")
    if any(later.start < earlier.end for earlier, later in pairwise(spans)):
        raise ValueError("it would begin again before it ended: make it shorter, or rarer")
    return rule


def span_at(window: Recurring, at: datetime) -> Span | None:
    """The time that is open at `at`, if any."""
    if not window.rule:
        return window.first if window.first.holds(at) else None
    return next((span for span in _spans(window, at, at) if span.holds(at)), None)


def following(window: Recurring, at: datetime, count: int) -> list[Span]:
    """The next `count` times that end after `at`, the one that is open included; within five years."""
    if not window.rule:
        return [window.first] if window.first.end > at else []
    found: list[Span] = []
    for span in _spans(window, at, at + _HORIZON):
        if len(found) >= count:
            break
        if span.end > at:
            found.append(span)
    return found


def last_end(window: Recurring, at: datetime) -> datetime | None:
    """When it is over for good, as far as one sees from `at`; None: not within two years."""
    if not window.rule:
        return window.first.end
    ends = [span.end for span in _spans(window, at, at + _AHEAD)]
    if ends and ends[-1] > at + _AHEAD - timedelta(days=366):
        return None
    return max(ends, default=window.first.end)


def _spans(window: Recurring, since: datetime, until: datetime) -> Iterator[Span]:
    """Those that begin before `until` and do not end before `since`, in order."""
    zone = window.zone
    begins = to_wall(window.first.start, zone)
    length = to_wall(window.first.end, zone) - begins
    # A day more at both ends, for clocks that are changed.
    earliest = to_wall(since, zone) - length - timedelta(days=1)
    latest = to_wall(until, zone) + timedelta(days=1)
    rule, count = _rule(window.rule, begins)
    walls: Iterable[datetime] = rule.xafter(earliest, inc=True) if count is None else islice(rule, count)
    for wall in walls:
        if wall > latest:
            return
        if wall < earliest:
            continue
        yield Span(to_instant(wall, zone), to_instant(wall + length, zone, last=True))


@lru_cache(maxsize=4096)
def _rule(text: str, begins: datetime) -> tuple[rrule, int | None]:
    """With how often it happens at all. Never without an end: a rule that never happens would be sought for
    until the year 9999.
    """
    given = dict(part.split("=", 1) for part in text.split(";"))
    until, count = given.pop("UNTIL", ""), given.pop("COUNT", "")
    read = rrulestr(";".join(f"{name}={value}" for name, value in given.items()), dtstart=begins)
    if not isinstance(read, rrule):
        raise TypeError(_HOW)
    end = begins + _FOREVER
    return read.replace(until=min(_until(until), end) if until else end), int(count) if count else None


def _until(text: str) -> datetime:
    """As the wall has it; a day alone is meant to its end."""
    digits = text.rstrip("Z")
    if "T" in digits:
        return datetime.strptime(digits, "%Y%m%dT%H%M%S")  # noqa: DTZ007 - wall time
    return datetime.strptime(digits, "%Y%m%d") + timedelta(days=1, seconds=-1)  # noqa: DTZ007 - wall time
