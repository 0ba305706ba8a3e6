"""The final schedule as events of a calendar.

An event is one shift. Its **UID** says which: of the schedule, the rotation, the role, the person and the
turn, and which stretch of that turn, so that an edit changes an event instead of replacing it. Stretches are
counted in the schedule without its overrides (restrictions and higher layers cut turns): what an override
takes away renumbers nothing, and of a shift that it cuts in two the first part stays the event it was.

A shift without a turn (an override's, the fallback's, a gap) is known by the day on which it begins.
"""

import hashlib
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from tocsin.domain.schedule.model import Book, Schedule, Shift
from tocsin.domain.schedule.resolver import current, resolve

_MINUTE: Final = timedelta(minutes=1)
_EARLIER: Final = timedelta(days=100)
_Turn = tuple[str | None, str | None, int | None]  # rotation, role, number


@dataclass(frozen=True, slots=True)
class Duty:
    """One shift as an event."""

    uid: str
    schedule: str
    shift: Shift


def duties(book: Book, schedule: Schedule, start: datetime, end: datetime) -> tuple[Duty, ...]:
    """Every shift and gap that touches [start, end), each whole: with its real start and end."""
    # Counting begins earlier: a stretch keeps its number when those before it are out of sight.
    shifts = _whole(book, schedule, start - _EARLIER, end)
    stretches = _stretches(book, schedule, shifts)
    seen: Counter[tuple[object, ...]] = Counter()
    found = []
    for shift in shifts:
        key = (schedule.name, shift.role, shift.user, *_occasion(schedule, shift, stretches))
        if shift.end > start:
            found.append(Duty(_uid(*key, seen[key]), schedule.name, shift))
        seen[key] += 1
    return tuple(found)


def listed(book: Book) -> tuple[str, ...]:
    """The schedules whose shifts a person sees: a rotation's own schedule only where nothing stacks it, since
    the shifts of the others are in the schedules that do.
    """
    stacked = {layer.rotation for plan in book.schedules.values() for layer in plan.layers}
    return tuple(name for name in book.names if name in book.schedules or name not in stacked)


def _whole(book: Book, schedule: Schedule, start: datetime, end: datetime) -> list[Shift]:
    shifts = resolve(book, schedule, start, end)
    if not shifts:
        return []
    first, last = current(book, schedule, start), current(book, schedule, end - _MINUTE)
    whole = []
    for shift in shifts:
        kept = shift
        if shift.start == start:
            kept = replace(kept, start=min([one.start for one in first if _same(one, shift)], default=start))
        if shift.end == end:
            kept = replace(kept, end=max([one.end for one in last if _same(one, shift)], default=end))
        whole.append(kept)
    return whole


def _same(one: Shift, other: Shift) -> bool:
    return replace(one, start=other.start, end=other.end) == other


def _stretches(book: Book, schedule: Schedule, shifts: list[Shift]) -> Mapping[_Turn, list[datetime]]:
    """When the stretches of each turn begin, in order, as they are without overrides."""
    if not shifts:
        return {}
    base: Iterable[Shift] = shifts
    if schedule.overrides:
        start, end = min(shift.start for shift in shifts), max(shift.end for shift in shifts)
        base = resolve(book, replace(schedule, overrides=()), start, end)
    found: dict[_Turn, set[datetime]] = defaultdict(set)
    for shift in base:
        found[_turn(shift)].add(shift.start)
    return {turn: sorted(starts) for turn, starts in found.items()}


def _turn(shift: Shift) -> _Turn:
    return (shift.rotation, shift.role, shift.turn)


def _occasion(
    schedule: Schedule, shift: Shift, stretches: Mapping[_Turn, list[datetime]]
) -> tuple[object, ...]:
    if shift.turn is None:
        return (str(shift.origin), shift.start.astimezone(schedule.zone).date().isoformat())
    starts = stretches.get(_turn(shift), [])
    return (shift.rotation, shift.turn, max(0, bisect_right(starts, shift.start) - 1))


def _uid(*parts: object) -> str:
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:40] + "@tocsin"
