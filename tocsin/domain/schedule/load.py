"""How heavy a schedule is for whom, and how evenly it is shared."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from tocsin.domain.schedule.hours import NIGHT_BEGINS, NIGHT_ENDS, Kind, split
from tocsin.domain.schedule.model import SECONDARY, SHADOW, Book, Schedule
from tocsin.domain.schedule.resolver import resolve
from tocsin.domain.schedule.spans import Span, joined, length
from tocsin.domain.time import to_instant, to_wall

_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class PersonLoad:
    """`by_kind` adds up to `total`. `nights` (22:00 to 06:00) and `weekends` (Saturday and Sunday) are those
    of which any part was on call, by the person's own clock.
    """

    user: str
    total: timedelta
    by_kind: Mapping[Kind, timedelta]
    nights: int
    weekends: int
    shifts: int


@dataclass(frozen=True, slots=True)
class Load:
    """`balance` is 100 when all members have the same time and 0 when one has it all: it falls by the share
    of the time that would have to change hands.
    """

    people: tuple[PersonLoad, ...]
    balance: int


def load(
    book: Book,
    schedule: Schedule,
    start: datetime,
    end: datetime,
    zones: Mapping[str, ZoneInfo],
    is_holiday: Callable[[date], bool],
) -> Load:
    """Everybody who is on call in [start, end), and every member of the layers, by name.

    A shadow does not count, and a secondary only where the schedule has nothing else. `zones` gives people's
    own zones; the others get the schedule's. The balance is that of the members; who only stood in is not
    looked at.
    """
    spans, members = _spans(book, schedule, start, end)
    people = tuple(
        _person(user, spans[user], zones.get(user, schedule.zone), is_holiday)
        for user in sorted({*members, *spans})
    )
    return Load(people, _balance([one.total for one in people if one.user in members]))


def shares(
    book: Book, schedule: Schedule, start: datetime, end: datetime
) -> tuple[int, Mapping[str, timedelta]]:
    """The balance and the members' time, without the rest of what `load` tells."""
    spans, members = _spans(book, schedule, start, end)
    times = {user: length(joined(spans[user])) for user in sorted(members)}
    return _balance(list(times.values())), times


def _spans(
    book: Book, schedule: Schedule, start: datetime, end: datetime
) -> tuple[dict[str, list[Span]], set[str]]:
    """When people are on call in the roles that count, and who the members of their layers are."""
    layers = [
        (layer.role or rotation.role, rotation)
        for layer in schedule.layers
        if (rotation := book.rotations.get(layer.rotation)) is not None
    ]
    roles = {role for role, _ in layers if role != SHADOW}
    passed_over = {SHADOW, SECONDARY} if roles - {SECONDARY} else {SHADOW}
    spans: dict[str, list[Span]] = defaultdict(list)
    for shift in resolve(book, schedule, start, end):
        if shift.user is not None and shift.role not in passed_over:
            spans[shift.user].append((shift.start, shift.end))
    members = {person for role, rotation in layers if role not in passed_over for person in rotation.people}
    return spans, members


def _person(user: str, shifts: list[Span], zone: ZoneInfo, is_holiday: Callable[[date], bool]) -> PersonLoad:
    spans = joined(shifts)
    by_kind = dict.fromkeys(Kind, timedelta())
    weekends: set[date] = set()
    nights: set[date] = set()
    for start, end in spans:
        for part in split(start, end, zone, is_holiday):
            by_kind[part.kind] += part.end - part.start
            if part.day.weekday() >= _SATURDAY:
                weekends.add(part.day - timedelta(days=part.day.weekday()))
        nights.update(_nights(start, end, zone))
    return PersonLoad(user, length(spans), by_kind, len(nights), len(weekends), len(shifts))


def _nights(start: datetime, end: datetime, zone: ZoneInfo) -> set[date]:
    """The evenings of the nights that [start, end) touches."""
    found: set[date] = set()
    evening, last = to_wall(start, zone).date() - _DAY, to_wall(end, zone).date()
    while evening <= last:
        begins = to_instant(datetime.combine(evening, NIGHT_BEGINS), zone)
        ends = to_instant(datetime.combine(evening + _DAY, NIGHT_ENDS), zone)
        if start < ends and begins < end:
            found.add(evening)
        evening += _DAY
    return found


def _balance(times: list[timedelta]) -> int:
    total = sum(times, timedelta())
    if len(times) <= 1 or not total:
        return 100
    mean = total / len(times)
    moving = sum((abs(time - mean) for time in times), timedelta()) / 2
    worst = total * (len(times) - 1) / len(times)
    return round(100 * (1 - moving / worst))
