"""Between the clock on the wall and the instant.

Rules, the same everywhere: a wall time that does not exist (skipped by a change to summer time) means the
first instant after the gap; one that happens twice means its first occurrence, unless the caller asks for the
last, as the end of a restriction does, so that a change of clocks never opens a hole in somebody's shift.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FULL_NAMES: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORTEST_NAME: Final = 3
_SECOND: Final = timedelta(seconds=1)
_ZERO: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - wall time


def parse_weekday(text: str) -> int:
    """Monday is 0. Accepts `mon`, `Monday`, `tues`; raises ValueError."""
    cleaned = text.strip().lower()
    if len(cleaned) >= _SHORTEST_NAME:
        for number, name in enumerate(_FULL_NAMES):
            if name.startswith(cleaned):
                return number
    raise ValueError("expected a day of the week: " + ", ".join(WEEKDAYS))


def parse_zone(name: str) -> ZoneInfo:
    """Raise ValueError when the IANA database has no such zone."""
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("expected an IANA time zone such as Europe/Berlin") from error
    return zone


def zone_or_utc(name: str) -> ZoneInfo:
    """For zones that were checked when they were kept: one that the database has lost since stops nobody."""
    try:
        return parse_zone(name)
    except ValueError:
        return ZoneInfo("UTC")


def to_wall(instant: datetime, zone: ZoneInfo) -> datetime:
    """What a clock in `zone` shows at `instant`, naive."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def to_instant(wall: datetime, zone: ZoneInfo, *, last: bool = False) -> datetime:
    """The UTC instant of a naive wall time in `zone`, by the rules at the top of this module."""
    steady = _steady(zone, wall.year, wall.month)
    if steady is not None:
        return steady + (wall - _ZERO)
    before, after = _offset(wall.replace(fold=0), zone), _offset(wall.replace(fold=1), zone)
    if before == after:
        return (wall - before).replace(tzinfo=UTC)
    if before > after:  # the clocks went back: the wall time happens twice
        return (wall - (after if last else before)).replace(tzinfo=UTC)
    return _end_of_gap(wall, zone, before, after)


@lru_cache(maxsize=16_384)
def _steady(zone: ZoneInfo, year: int, month: int) -> datetime | None:
    """The instant of _ZERO, were the offset always that of a month in which no clock is changed; None for
    other months. Clocks are never changed twice within a day.
    """
    first = datetime(year, month, 1)  # noqa: DTZ001 - wall time
    try:
        offsets = {_offset(first + timedelta(days=day), zone) for day in range(-1, 33)}
    except OverflowError:  # at the ends of the calendar
        return None
    return _ZERO.replace(tzinfo=UTC) - offsets.pop() if len(offsets) == 1 else None


def _offset(wall: datetime, zone: ZoneInfo) -> timedelta:
    offset = zone.utcoffset(wall)
    return timedelta(0) if offset is None else offset


def _end_of_gap(wall: datetime, zone: ZoneInfo, before: timedelta, after: timedelta) -> datetime:
    # zoneinfo has no list of transitions to ask, so the change of offset is found by halving.
    low = (wall - after).replace(tzinfo=UTC)
    high = (wall - before).replace(tzinfo=UTC)
    while high - low > _SECOND:
        middle = low + (high - low) / 2
        middle = middle.replace(microsecond=0)
        if middle <= low:
            middle = low + _SECOND
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)
