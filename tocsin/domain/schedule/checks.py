"""What of a schedule is allowed but probably not meant, found in its final form.

Each finding stands for all occasions of its kind: the text says how many there are and how long they last,
`start` and `end` are the first of them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import combinations
from typing import Final

from tocsin.domain.schedule.model import SHADOW, Book, Origin, Rotation, Schedule, Shift
from tocsin.domain.schedule.resolver import resolve
from tocsin.domain.schedule.spans import Span, Spans, common, joined, length
from tocsin.domain.schedule.turns import boundary, pieces
from tocsin.domain.time import to_instant, to_wall

YEAR: Final = timedelta(days=366)
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)


class Check(StrEnum):
    GAP = "gap"
    FALLBACK = "fallback"
    DOUBLE = "double"  # one person twice at once
    NEVER = "never"  # a member without a shift in a year
    UNREACHABLE = "unreachable"  # a member without a contact method that counts
    ABSENT = "absent"
    HOLIDAY = "holiday"


@dataclass(frozen=True, slots=True)
class Finding:
    check: Check
    schedule: str
    text: str
    user: str | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """`covered` is the time in which anybody is on call, that `by_fallback` included."""

    total: timedelta
    covered: timedelta
    by_fallback: timedelta

    @property
    def percent(self) -> float:
        return 100 * (self.covered / self.total) if self.total else 100.0


@dataclass(frozen=True, slots=True)
class Away:
    user: str
    start: datetime
    end: datetime
    note: str = ""


def coverage(book: Book, schedule: Schedule, start: datetime, end: datetime) -> Coverage:
    return _coverage(resolve(book, schedule, start, end), start, end)


def check(
    book: Book,
    names: Iterable[str],
    start: datetime,
    end: datetime,
    *,
    beside: Iterable[str] = (),
    reachable: Mapping[str, bool] | None = None,
    away: Iterable[Away] = (),
    is_holiday: Callable[[date], bool] | None = None,
) -> tuple[Finding, ...]:
    """What is doubtful about these schedules in [start, end), schedule by schedule.

    Who is never on call is asked of a year from `start`. `reachable` says of people whether a page would get
    to them (who is not in it is not asked about); `is_holiday` is asked about days on the wall of the
    schedule's zone. Whether somebody is booked double is looked at among `names` and the schedules `beside`
    them.
    """
    wanted = dict.fromkeys(names)
    plans = {
        name: plan for name in dict.fromkeys((*wanted, *beside)) if (plan := book.schedule(name)) is not None
    }
    shifts = {name: resolve(book, plan, start, end) for name, plan in plans.items()}
    absences = tuple(away)
    double = _doubles(book, shifts)
    found: list[Finding] = []
    for name, plan in ((name, plan) for name, plan in plans.items() if name in wanted):
        here = shifts[name]
        found.extend(_gaps(plan, here, start, end))
        found.extend(double.get(name, ()))
        found.extend(never(book, plan, start))
        found.extend(_unreachable(book, plan, here, reachable or {}))
        found.extend(_absent(plan, here, absences))
        if is_holiday is not None:
            found.extend(_holidays(plan, here, is_holiday))
    return tuple(found)


def doubles(book: Book, names: Iterable[str], start: datetime, end: datetime) -> Mapping[str, list[Finding]]:
    """Who is booked double in or among these schedules, by schedule."""
    plans = {name: plan for name in names if (plan := book.schedule(name)) is not None}
    return _doubles(book, {name: resolve(book, plan, start, end) for name, plan in plans.items()})


def members(book: Book, schedule: Schedule) -> tuple[str, ...]:
    """Everybody whom the layers name, shadows included."""
    rings = (book.rotations.get(layer.rotation) for layer in schedule.layers)
    return tuple(dict.fromkeys(person for ring in rings if ring for person in ring.people))


def never(book: Book, schedule: Schedule, start: datetime) -> Iterator[Finding]:
    """The members whom neither a turn of theirs nor anything else puts on call in the year after `start`."""
    waiting = {
        person
        for layer in schedule.layers
        if (ring := book.rotations.get(layer.rotation)) is not None and not over(ring, start)
        for person in ring.people
    }
    reached = start
    # Mostly all have had their turn within weeks, and the rest of the year need not be looked at.
    while waiting and reached < start + YEAR:
        until = min(max(reached + 28 * _DAY, start + 2 * (reached - start)), start + YEAR)
        waiting.difference_update(shift.user or "" for shift in resolve(book, schedule, reached, until))
        reached = until
    for user in sorted(waiting):
        text = f"{user} is a member but is never on call within a year"
        yield Finding(Check.NEVER, schedule.name, text, user)


def never_in(rotation: Rotation, start: datetime) -> tuple[str, ...]:
    """The members of a ring who have no turn in the year after `start`, whatever else covers it."""
    waiting = set(rotation.people)
    for piece in pieces(rotation, start, start + YEAR):
        waiting.difference_update(piece.people)
        if not waiting:
            break
    return tuple(sorted(waiting))


def over(rotation: Rotation, instant: datetime) -> bool:
    return rotation.until is not None and to_instant(rotation.until, rotation.zone) <= max(
        instant, boundary(rotation, 0, 1)
    )


def _coverage(shifts: Iterable[Shift], start: datetime, end: datetime) -> Coverage:
    on = [shift for shift in shifts if shift.user is not None and shift.role != SHADOW]
    fallback = (shift for shift in on if shift.origin is Origin.FALLBACK)
    return Coverage(max(end - start, timedelta()), length(_spans(on)), length(_spans(fallback)))


def _gaps(plan: Schedule, shifts: list[Shift], start: datetime, end: datetime) -> Iterator[Finding]:
    for which, origin, words in (
        (Check.GAP, Origin.GAP, "nobody is on call"),
        (Check.FALLBACK, Origin.FALLBACK, "only the fallback is on call"),
    ):
        spans = _spans(shift for shift in shifts if shift.origin is origin)
        if spans:
            text = (
                f"{words} for {_hours(length(spans))} of {_hours(end - start)} hours, {_first(plan, spans)}"
            )
            if which is Check.GAP:
                text += "; a `fallback` would fill this"
            yield Finding(which, plan.name, text, None, *spans[0])


@dataclass(frozen=True, slots=True)
class _Duty:
    schedule: str
    role: str
    rotation: str | None

    def clashes(self, other: "_Duty") -> bool:
        """Whether one person cannot well be on both."""
        if self.schedule == other.schedule and self.role == other.role:
            return False
        if self.rotation is None and other.rotation is None:
            # An override stands in every role of its schedule on purpose.
            return self.schedule != other.schedule
        # The same turn seen through two schedules is one duty.
        return self.rotation != other.rotation


def _doubles(book: Book, shifts: Mapping[str, list[Shift]]) -> dict[str, list[Finding]]:
    """Per schedule, who is on call twice at once: here in two roles, or here and in another schedule.

    A fallback is there for many at once; and a rotation's own schedule says nothing that those in which it is
    a layer do not say.
    """
    layered = {layer.rotation for plan in book.schedules.values() for layer in plan.layers}
    duties: dict[str, dict[_Duty, list[Span]]] = defaultdict(lambda: defaultdict(list))
    for name, several in shifts.items():
        if name not in book.schedules and name in layered:
            continue
        for shift in several:
            if shift.user is not None and shift.role != SHADOW and shift.origin is not Origin.FALLBACK:
                duty = _Duty(name, shift.role or "", shift.rotation)
                duties[shift.user][duty].append((shift.start, shift.end))
    found: dict[str, list[Finding]] = defaultdict(list)
    for user in sorted(duties):
        times = {duty: joined(spans) for duty, spans in duties[user].items()}
        for one, other in combinations(times, 2):
            if not one.clashes(other) or not (spans := common(times[one], times[other])):
                continue
            found[one.schedule].append(_double(book, user, one, other, spans))
            if one.schedule != other.schedule:
                found[other.schedule].append(_double(book, user, other, one, spans))
    return found


def _double(book: Book, user: str, here: _Duty, there: _Duty, spans: Spans) -> Finding:
    plan = book.schedule(here.schedule)
    where = f"as {there.role}" if there.schedule == here.schedule else f"in {there.schedule} as {there.role}"
    text = f"{user} is on call twice at once, as {here.role} and {where}"
    return Finding(
        Check.DOUBLE, here.schedule, f"{text}, {_first(plan, spans)}" if plan else text, user, *spans[0]
    )


def _unreachable(
    book: Book, plan: Schedule, shifts: list[Shift], reachable: Mapping[str, bool]
) -> Iterator[Finding]:
    times = _by_user(shifts)
    for user in sorted({*members(book, plan), *plan.fallback, *times}):
        if not reachable.get(user, True):
            spans = times.get(user)
            text = f"{user} has no verified contact method, so that a page would not get there"
            when = f"; on call {_first(plan, spans)}" if spans else ""
            start, end = spans[0] if spans else (None, None)
            yield Finding(Check.UNREACHABLE, plan.name, text + when, user, start, end)


def _absent(plan: Schedule, shifts: list[Shift], away: tuple[Away, ...]) -> Iterator[Finding]:
    times = _by_user(shifts)
    for one in sorted(away, key=lambda entry: (entry.start, entry.user)):
        spans = common(times.get(one.user, ()), joined([(one.start, one.end)]))
        if spans:
            why = f" ({one.note})" if one.note else ""
            text = f"{one.user} is away{why} but on call for {_hours(length(spans))} hours of it"
            yield Finding(Check.ABSENT, plan.name, f"{text}, {_first(plan, spans)}", one.user, *spans[0])


def _holidays(plan: Schedule, shifts: list[Shift], is_holiday: Callable[[date], bool]) -> Iterator[Finding]:
    if not shifts:
        return
    times = _by_user(shifts)
    day = to_wall(shifts[0].start, plan.zone).date()
    last = to_wall(max(shift.end for shift in shifts), plan.zone).date()
    while day <= last:
        if is_holiday(day):
            edges = [to_instant(datetime.combine(one, time()), plan.zone) for one in (day, day + _DAY)]
            whole = joined([(edges[0], edges[1])])
            for user in sorted(times):
                if spans := common(times[user], whole):
                    text = f"{user} is on call on a holiday, {day:%a %d %b %Y}"
                    yield Finding(Check.HOLIDAY, plan.name, text, user, *spans[0])
        day += _DAY


def _by_user(shifts: Iterable[Shift]) -> dict[str, Spans]:
    found: dict[str, list[Span]] = defaultdict(list)
    for shift in shifts:
        if shift.user is not None and shift.role != SHADOW:
            found[shift.user].append((shift.start, shift.end))
    return {user: joined(spans) for user, spans in found.items()}


def _spans(shifts: Iterable[Shift]) -> Spans:
    return joined((shift.start, shift.end) for shift in shifts)


def _first(plan: Schedule, spans: Spans) -> str:
    start = spans[0][0].astimezone(plan.zone)
    when = f"{start:%a %d %b %H:%M} ({plan.zone.key})"
    return f"first of {len(spans)} times from {when}" if len(spans) > 1 else f"from {when}"


def _hours(time_on: timedelta) -> str:
    return f"{round(time_on / _HOUR, 1):g}"
