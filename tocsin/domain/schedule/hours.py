"""Time on call by its kind, as it is paid and as it weighs.

The kind is that of the clock on the wall of a zone: a **holiday** and a **weekend** day last from midnight to
midnight; of what remains, 22:00 to 06:00 is **night** and the rest **weekday**. The time counted is the time
that passes, so the night in which the clocks go forward has an hour less.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from tocsin.domain.time import to_instant, to_wall

_DAY: Final = timedelta(days=1)
NIGHT_ENDS: Final = time(6)
NIGHT_BEGINS: Final = time(22)
_SATURDAY: Final = 5


class Kind(StrEnum):
    WEEKDAY = "weekday"
    NIGHT = "night"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"


@dataclass(frozen=True, slots=True)
class Part:
    """Instants in UTC; `day` is the day on the wall."""

    day: date
    kind: Kind
    start: datetime
    end: datetime


def split(
    start: datetime, end: datetime, zone: ZoneInfo, is_holiday: Callable[[date], bool]
) -> Iterator[Part]:
    """[start, end) cut where the day or the kind changes, in order; `is_holiday` is asked about days on the
    wall of `zone`.
    """
    day = to_wall(start, zone).date()
    reached = start
    while reached < end:
        for kind, closes in _of_day(day, is_holiday):
            until = min(to_instant(closes, zone), end)
            if reached < until:
                yield Part(day, kind, reached, until)
                reached = until
        day += _DAY


def _of_day(day: date, is_holiday: Callable[[date], bool]) -> tuple[tuple[Kind, datetime], ...]:
    """The kinds of a day in order, each with the wall time at which it ends."""
    midnight = datetime.combine(day + _DAY, time())
    if is_holiday(day):
        return ((Kind.HOLIDAY, midnight),)
    if day.weekday() >= _SATURDAY:
        return ((Kind.WEEKEND, midnight),)
    return (
        (Kind.NIGHT, datetime.combine(day, NIGHT_ENDS)),
        (Kind.WEEKDAY, datetime.combine(day, NIGHT_BEGINS)),
        (Kind.NIGHT, midnight),
    )
