"""Who is on call, worked out minute by minute and straight from the words of the rules.

It shares nothing with the resolver but the values it is asked about, knows no arithmetic but counting, and
is far too slow for use. Two marks of the clock on the wall say all about changes of clocks: **reached**, the
latest time the clock has shown so far, and **left**, the earliest that it will still show. A hand-off at a
wall time has happened once the clock reached it; so one in a gap happens at the gap's end, and one that comes
twice at its first. A restriction is over once nothing before its end is left, nor its end another time; so an
end that comes twice is its last. Offsets are whole minutes from 1973 on, which is all the oracle is good for.
"""

from calendar import monthrange
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tocsin.domain.schedule import (
    Advance,
    Book,
    DayWindow,
    Origin,
    Override,
    OverrideKind,
    Restriction,
    Rotation,
    Schedule,
    Unit,
)

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
MARGIN = 3 * DAY  # no clock is turned by more than a day


class Row(NamedTuple):
    user: str | None
    rotation: str | None
    role: str | None
    origin: Origin
    turn: int | None
    override: int | None = None


class Told(NamedTuple):
    user: str | None
    rotation: str | None
    role: str | None
    origin: Origin
    turn: int | None
    start: datetime
    end: datetime


def tell(book: Book, schedule: Schedule, start: datetime, end: datetime) -> list[Told]:
    """As `resolve` should answer; whole minutes."""
    told: list[Told] = []
    running: dict[Row, datetime] = {}
    rings = [ring for one in book.rotations.values() for ring in _versions(one)]
    marks = {zone: _marks(zone, start, end) for zone in {ring.zone for ring in rings}}
    turns = {id(ring): _Turns(ring, start, end) for ring in rings}
    at = start
    while at < end:
        stack: list[tuple[str, int, Row]] = []
        roles: list[str] = []
        plan = schedule
        while plan.since is not None and at < plan.since and plan.earlier is not None:
            plan = plan.earlier
        for layer in plan.layers:
            ring = newest = book.rotations[layer.rotation]
            while ring.since is not None and at < ring.since and ring.earlier is not None:
                ring = ring.earlier
            role = layer.role or ring.role
            roles.append(role)
            turn, people = turns[id(ring)].at(*marks[ring.zone][at])
            stack.extend(
                (role, layer.priority, Row(person, newest.name, role, Origin.ROTATION, turn))
                for person in people
            )
        rows = set(_final(stack, roles, plan.fallback, schedule.overrides, at))
        over = [row for row in running if row not in rows]
        told.extend(Told(*row[:5], running.pop(row), at) for row in over)
        for row in rows:
            running.setdefault(row, at)
        at += MINUTE
    told.extend(Told(*row[:5], began, end) for row, began in running.items())
    return sorted(told, key=_order)


def _order(one: Told) -> tuple[object, ...]:
    return (one.start, one.user or "", one.role or "", one.rotation or "", one.end)


def _versions(ring: Rotation) -> Iterator[Rotation]:
    while True:
        yield ring
        if ring.earlier is None:
            return
        ring = ring.earlier


def _marks(
    zone: ZoneInfo, start: datetime, end: datetime
) -> dict[datetime, tuple[datetime, datetime, datetime]]:
    """For every minute, what the clock has reached, and what it has left to show from then on and after."""
    first = start - MARGIN
    count = int((end + MARGIN - first) / MINUTE)
    instants = [first + number * MINUTE for number in range(count)]
    walls = [instant.astimezone(zone).replace(tzinfo=None, fold=0) for instant in instants]
    reached, left = list(walls), list(walls)
    for number in range(1, count):
        reached[number] = max(reached[number], reached[number - 1])
        left[-number - 1] = min(left[-number - 1], left[-number])
    after = [*left[1:], left[-1]]
    return dict(zip(instants, zip(reached, left, after, strict=True), strict=True))


class _Turns:
    """One rotation's turns and openings in wall time, counted up from its start."""

    def __init__(self, ring: Rotation, start: datetime, end: datetime) -> None:
        self.ring = ring
        last = end.astimezone(ring.zone).replace(tzinfo=None, fold=0) + MARGIN
        first = start.astimezone(ring.zone).replace(tzinfo=None, fold=0) - MARGIN
        begins = ring.start + ring.delay_days * DAY
        opens = list(_openings(ring.restrictions, min(begins, first) - 8 * DAY, last + 40 * DAY))
        by_occurrence = ring.advance is Advance.OCCURRENCE
        self.begins: list[datetime] = []  # of each period
        self.turns: list[int | None] = []  # to which turn it belongs
        counted = number = 0
        while (period := _step(ring, number)) <= last:
            until = _step(ring, number + 1)
            if by_occurrence and ring.restrictions:
                counted += any(opening < until and period < closing for opening, closing in opens)
            else:
                counted += 1
            # What no turn counts is the end of the one before.
            self.turns.append((counted - 1) // ring.every if counted else None)
            self.begins.append(period)
            number += 1
        self.opens = [(o, c) for o, c in opens if first - 8 * DAY <= o <= last]

    def at(self, reached: datetime, left: datetime, after: datetime) -> tuple[int | None, tuple[str, ...]]:
        ring = self.ring
        if not ring.participants or (ring.until is not None and reached >= ring.until):
            return None, ()
        if ring.restrictions and not any(
            reached >= opens and (left < closes or after <= closes) for opens, closes in self.opens
        ):
            return None, ()
        past = sum(begins <= reached for begins in self.begins)
        turn = self.turns[past - 1] if past else None
        if turn is None:
            return None, ()
        return turn, ring.participants[(turn + ring.ring_offset) % len(ring.participants)].people


def _step(ring: Rotation, number: int) -> datetime:
    """The wall time at which period `number` begins."""
    later = ring.delay_days * DAY
    if ring.unit is Unit.MONTHLY:
        year, month = ring.start.year, ring.start.month
        for _ in range(number):
            year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        day = min(ring.start.day, monthrange(year, month)[1])
        return ring.start.replace(year=year, month=month, day=day) + later
    unit = {Unit.HOURLY: DAY / 24, Unit.DAILY: DAY, Unit.WEEKLY: 7 * DAY}[ring.unit]
    return ring.start + number * unit + later


def _openings(
    restrictions: Iterable[Restriction], start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    day = start.replace(hour=0, minute=0, second=0, microsecond=0)
    while day <= end:
        for one in restrictions:
            if isinstance(one, DayWindow):
                if day.weekday() in one.days:
                    closes = datetime.combine(day, one.end)
                    opens = datetime.combine(day, one.start)
                    yield opens, closes if closes > opens else closes + DAY
            elif day.weekday() == one.from_day:
                opens = datetime.combine(day, one.from_time)
                closes = datetime.combine(day, one.to_time)
                while closes.weekday() != one.to_day or closes <= opens:
                    closes += DAY
                yield opens, closes
        day += DAY


def _final(
    stack: list[tuple[str, int, Row]],
    roles: list[str],
    fallback: tuple[str, ...],
    overrides: tuple[Override, ...],
    at: datetime,
) -> list[Row]:
    tops = {role: max(p for r, p, _ in stack if r == role) for role, _, _ in stack}
    rows = [row for role, priority, row in stack if priority == tops[role]]
    standing = list(dict.fromkeys(role for role in roles if role != "shadow")) or ["primary"]
    active = [(n, one) for n, one in enumerate(overrides) if one.start <= at < one.end]
    rows = _changed(rows, active, standing)
    if not [row for row in rows if row.role != "shadow"]:
        for person in fallback:
            rows.append(Row(person, None, standing[0], Origin.FALLBACK, None))
        if not fallback:
            rows.append(Row(None, None, None, Origin.GAP, None))
    return rows


def _changed(rows: list[Row], active: list[tuple[int, Override]], standing: list[str]) -> list[Row]:
    kept: list[Row] = []
    put: list[Row] = []
    for row in rows:
        taking = [(number, one) for number, one in active if _applies(one, row)]
        if not taking:
            kept.append(row)
            continue
        number, one = taking[-1]  # the last created wins
        if one.kind is OverrideKind.REPLACE:
            put.append(Row(one.user, row.rotation, row.role, one.origin, row.turn, number))
    plain = [(number, one) for number, one in active if one.kind is OverrideKind.OVERRIDE]
    for number, one in plain[-1:]:
        put.extend(Row(one.user, None, role, one.origin, None, number) for role in standing)
    for number, one in active:
        if one.kind is OverrideKind.ADD:
            put.append(Row(one.user, None, standing[0], one.origin, None, number))
    for row in put:  # nobody is on call twice in a role because of an override
        if (row.user, row.role) not in {(other.user, other.role) for other in kept}:
            kept.append(row)
    return kept


def _applies(one: Override, row: Row) -> bool:
    if one.kind is OverrideKind.ADD:
        return False
    if one.kind is OverrideKind.OVERRIDE or one.replaces is None:
        return row.role != "shadow"
    return one.replaces == row.user


def joined(spans: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Stretches in order of time, those that touch or overlap as one."""
    found: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
