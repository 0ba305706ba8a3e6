"""One rotation: which turn holds an instant, and the pieces of its turns within a range.

Every question jumps by arithmetic to the turn near the instant asked for; nothing is counted up from the
start, so that an answer for next year costs what one for the first day costs.
"""

from calendar import monthrange
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from functools import lru_cache
from itertools import count
from typing import Final, NamedTuple

from tocsin.domain.schedule.model import Advance, DayWindow, Restriction, Rotation, Unit
from tocsin.domain.time import to_instant, to_wall

_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)
_DAY_MINUTES: Final = 1440
_WEEK_MINUTES: Final = 7 * _DAY_MINUTES
_LENGTH: Final = {Unit.HOURLY: timedelta(hours=1), Unit.DAILY: _DAY, Unit.WEEKLY: _WEEK}
_PERIOD_MINUTES: Final = {Unit.HOURLY: 60, Unit.DAILY: _DAY_MINUTES, Unit.WEEKLY: _WEEK_MINUTES}


class Piece(NamedTuple):
    """A stretch of one turn in which its people are on call."""

    start: datetime
    end: datetime
    turn: int
    people: tuple[str, ...]


def boundary(rotation: Rotation, number: int, every: int) -> datetime:
    """The instant at which turn `number` begins, were turns `every` units long."""
    return to_instant(next(_walls(rotation, number, every)), rotation.zone)


def _walls(rotation: Rotation, number: int, every: int) -> Iterator[datetime]:
    """The wall times at which turn `number` and those after it begin."""
    delay = timedelta(days=rotation.delay_days)
    if rotation.unit is Unit.MONTHLY:
        for turn in count(number):
            yield _add_months(rotation.start, turn * every) + delay
    step = every * _LENGTH[rotation.unit]
    wall = rotation.start + delay + number * step
    while True:
        yield wall
        wall += step


def number_at(rotation: Rotation, instant: datetime, every: int) -> int:
    """The number of the last turn that begins at or before `instant`; -1 before the first."""
    wall = to_wall(instant, rotation.zone) - timedelta(days=rotation.delay_days)
    if rotation.unit is Unit.MONTHLY:
        months = (wall.year - rotation.start.year) * 12 + wall.month - rotation.start.month
        number = months // every
    else:
        number = (wall - rotation.start) // (every * _LENGTH[rotation.unit])
    # The wall runs ahead of or behind the count near a change of clocks and at the end of a short month.
    number = max(number, 0)
    while boundary(rotation, number + 1, every) <= instant:
        number += 1
    while number >= 0 and boundary(rotation, number, every) > instant:
        number -= 1
    return number


def turns_around(rotation: Rotation, instant: datetime) -> tuple[datetime, datetime]:
    """From the start of the turn that holds `instant` to the end of the one after it."""
    number = number_at(rotation, instant, rotation.every)
    return boundary(rotation, number, rotation.every), boundary(rotation, number + 2, rotation.every)


def versions(
    rotation: Rotation, start: datetime, end: datetime
) -> Iterator[tuple[Rotation, datetime, datetime]]:
    """The rotation as it was and is within [start, end), oldest first, each with its part of the range."""
    if rotation.since is not None and start < rotation.since:
        if rotation.earlier is not None:
            yield from versions(rotation.earlier, start, min(end, rotation.since))
        start = rotation.since
    if start < end:
        yield rotation, start, end


def pieces(rotation: Rotation, start: datetime, end: datetime) -> Iterator[Piece]:
    """In order of time and without overlap, clipped to [start, end). Unassigned turns give no piece."""
    for version, since, until in versions(rotation, start, end):
        yield from _pieces(version, since, until)


def _pieces(rotation: Rotation, start: datetime, end: datetime) -> Iterator[Piece]:
    if rotation.until is not None:
        end = min(end, to_instant(rotation.until, rotation.zone))
    if start >= end or not rotation.participants:
        return iter(())
    turns = _turns(rotation, start, end)
    return _open(turns, _merged(rotation, start, end)) if rotation.restrictions else turns


def _open(turns: Iterator[Piece], openings: list[tuple[datetime, datetime]]) -> Iterator[Piece]:
    """What of the turns lies within the openings; both are in order."""
    place = 0
    for start, end, turn, people in turns:
        while place < len(openings) and openings[place][1] <= start:
            place += 1
        here = place  # an opening may go on into the next turn
        while here < len(openings) and openings[here][0] < end:
            opening, closing = openings[here]
            yield Piece(max(start, opening), min(end, closing), turn, people)
            here += 1


def next_handoffs(rotation: Rotation, after: datetime, count: int) -> tuple[tuple[datetime, int], ...]:
    """The next `count` instants strictly after `after` at which a turn begins, each with the turn's
    number.
    """
    found: list[tuple[datetime, int]] = []
    every = 1 if rotation.advance is Advance.OCCURRENCE else rotation.every
    number = number_at(rotation, after, every) + 1
    seen = turn_of(rotation, number - 1) if number > 0 else -1
    # Restrictions repeat weekly, so a period that counts comes at the latest after 168 others.
    for candidate in range(number, number + (count + 1) * 169 * rotation.every):
        turn = turn_of(rotation, candidate)
        begins = boundary(rotation, candidate, every)
        if turn is None or turn == seen or begins == boundary(rotation, candidate + 1, every):
            continue
        seen = turn
        found.append((begins, turn))
        if len(found) == count:
            break
    return tuple(found)


def turn_of(rotation: Rotation, number: int) -> int | None:
    """The turn that period `number` belongs to; None where `advance: occurrence` does not count the
    period.
    """
    if rotation.advance is Advance.CLOCK:
        return number
    return _counted(number, rotation.every, *_periods_of(rotation))


def turn_at(rotation: Rotation, instant: datetime) -> int | None:
    """The turn of `instant`, which goes on where `advance: occurrence` does not count the time; None before
    the first.
    """
    if rotation.advance is Advance.CLOCK:
        number = number_at(rotation, instant, rotation.every)
        return None if number < 0 else number
    number = number_at(rotation, instant, 1)
    before, active = _periods_of(rotation)
    cycle, place = divmod(number, len(active))
    turn = (cycle * before[-1] + before[place + 1] - 1) // rotation.every
    return None if number < 0 or turn < 0 else turn


def _counted(number: int, every: int, before: tuple[int, ...], active: tuple[bool, ...]) -> int | None:
    cycle, place = divmod(number, len(active))
    return (cycle * before[-1] + before[place]) // every if active[place] else None


def people_of(rotation: Rotation, turn: int) -> tuple[str, ...]:
    ring = rotation.participants
    return ring[(turn + rotation.ring_offset) % len(ring)].people


def _turns(rotation: Rotation, start: datetime, end: datetime) -> Iterator[Piece]:
    by_occurrence = rotation.advance is Advance.OCCURRENCE
    every = 1 if by_occurrence else rotation.every
    before, active = _periods_of(rotation) if by_occurrence else ((0, 1), (True,))
    number = max(number_at(rotation, start, every), 0)
    walls, zone = _walls(rotation, number, every), rotation.zone
    begins = to_instant(next(walls), zone)
    while begins < end:
        ends = to_instant(next(walls), zone)
        if begins < ends and start < ends:
            turn = number
            if by_occurrence:
                # A period that does not count is the end of the turn before: a restriction whose end comes
                # twice in the night in which clocks go back may reach into it.
                cycle, place = divmod(number, len(active))
                turn = (cycle * before[-1] + before[place + 1] - 1) // rotation.every
            people = people_of(rotation, turn)
            if people and turn >= 0:
                yield Piece(max(start, begins), min(end, ends), turn, people)
        number += 1
        begins = ends


def _periods_of(rotation: Rotation) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    first = rotation.start + timedelta(days=rotation.delay_days)
    return _active_periods(rotation.unit, first, rotation.restrictions)


@lru_cache(maxsize=4096)
def _active_periods(
    unit: Unit, first: datetime, restrictions: tuple[Restriction, ...]
) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    """For the periods of one week from `first`: how many before each count, and whether each counts."""
    # Every month holds a whole week, hence some time; without restrictions every period does.
    if unit is Unit.MONTHLY or not restrictions:
        return (0, 1), (True,)
    minutes = _PERIOD_MINUTES[unit]
    offset = first.weekday() * _DAY_MINUTES + first.hour * 60 + first.minute
    windows = [window for restriction in restrictions for window in week_windows(restriction)]
    active = tuple(
        any(
            _overlap((offset + number * minutes) % _WEEK_MINUTES, minutes, opening, length)
            for opening, length in windows
        )
        for number in range(_WEEK_MINUTES // minutes)
    )
    before = [0]
    for counts in active:
        before.append(before[-1] + counts)
    return tuple(before), active


def _overlap(start: int, length: int, opening: int, open_for: int) -> bool:
    # On the circle of a week: one of the two begins inside the other.
    return (opening - start) % _WEEK_MINUTES < length or (start - opening) % _WEEK_MINUTES < open_for


@lru_cache(maxsize=4096)
def week_windows(restriction: Restriction) -> tuple[tuple[int, int], ...]:
    """(minute of the week at which it opens, minutes it stays open) for each opening of a week."""
    if isinstance(restriction, DayWindow):
        opens, closes = _minute(restriction.start), _minute(restriction.end)
        length = (closes - opens) % _DAY_MINUTES or _DAY_MINUTES
        return tuple((day * _DAY_MINUTES + opens, length) for day in restriction.days)
    opens = restriction.from_day * _DAY_MINUTES + _minute(restriction.from_time)
    closes = restriction.to_day * _DAY_MINUTES + _minute(restriction.to_time)
    return ((opens, (closes - opens) % _WEEK_MINUTES or _WEEK_MINUTES),)


def _minute(clock: time) -> int:
    return clock.hour * 60 + clock.minute


def _merged(rotation: Rotation, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    zone = rotation.zone
    windows = sorted(window for entry in rotation.restrictions for window in week_windows(entry))
    first = to_wall(start, zone)
    # A window of a week may have opened in the week before the one that holds `start`.
    monday = datetime.combine(first.date() - timedelta(days=first.weekday() + 7), datetime.min.time())
    merged: list[tuple[datetime, datetime]] = []
    while True:
        for opens, length in windows:
            wall = monday + timedelta(minutes=opens)
            opening = to_instant(wall, zone)
            if opening >= end:
                return merged
            closing = to_instant(wall + timedelta(minutes=length), zone, last=True)
            if closing <= start or closing <= opening:
                continue
            if merged and opening <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], closing))
            else:
                merged.append((opening, closing))
        monday += _WEEK


def _add_months(start: datetime, months: int) -> datetime:
    # Always from the first start, so that a 31st clamped in February is a 31st again in March.
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return start.replace(year=year, month=month + 1, day=min(start.day, monthrange(year, month + 1)[1]))
