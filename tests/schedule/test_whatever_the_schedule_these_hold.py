from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.schedule import made
from tocsin.domain.schedule import (
    Advance,
    Book,
    DayWindow,
    Layer,
    Origin,
    Participant,
    Rotation,
    Schedule,
    Shift,
    Unit,
    WeekSpan,
    current,
    on_call,
    resolve,
)
from tocsin.domain.schedule.turns import number_at, pieces, turn_of

Plan = tuple[Book, Schedule, datetime]
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def _at(shifts: Iterable[Shift], instant: datetime) -> set[tuple[object, ...]]:
    held = (shift for shift in shifts if shift.holds(instant))
    return {(one.user, one.rotation, one.role, one.origin, one.turn) for one in held}


@settings(max_examples=100, deadline=None, derandomize=True)
@given(made.plans(), st.integers(1, 60 * 24 * 10), st.floats(0, 1))
def test_splitting_a_range_never_changes_the_answer(plan: Plan, minutes: int, share: float) -> None:
    book, schedule, start = plan
    end = start + timedelta(minutes=minutes)
    middle = start + timedelta(minutes=int(minutes * share))
    before, after = resolve(book, schedule, start, middle), resolve(book, schedule, middle, end)
    joined = [shift for shift in before if shift.end < middle]
    for shift in (shift for shift in before if shift.end == middle):
        rest = next((one for one in after if _goes_on(shift, one)), None)
        if rest is not None:
            after.remove(rest)
        joined.append(replace(shift, end=rest.end if rest else middle))
    joined.extend(after)
    assert sorted(map(repr, joined)) == sorted(map(repr, resolve(book, schedule, start, end)))


def _goes_on(shift: Shift, other: Shift) -> bool:
    return other.start == shift.end and replace(other, start=shift.start, end=shift.end) == shift


@settings(max_examples=100, deadline=None, derandomize=True)
@given(made.plans(), st.integers(0, 60 * 24 * 6))
def test_on_call_is_the_shift_that_holds_the_instant(plan: Plan, minutes: int) -> None:
    book, schedule, start = plan
    instant = start + timedelta(minutes=minutes)
    shifts = resolve(book, schedule, start, start + 7 * DAY)
    held = _at(shifts, instant)
    assert _at(current(book, schedule, instant), instant) == held
    assert _at(on_call(book, schedule, instant), instant) == {row for row in held if row[0] is not None}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(made.plans(), st.integers(0, 60 * 24 * 2))
def test_a_current_shift_has_its_real_ends(plan: Plan, minutes: int) -> None:
    book, schedule, start = plan
    instant = start + timedelta(minutes=minutes)
    wide = resolve(book, schedule, instant - 100 * DAY, instant + 100 * DAY)
    ends = {
        repr(shift)
        for shift in wide
        if shift.holds(instant) and instant - 100 * DAY < shift.start and shift.end < instant + 100 * DAY
    }
    assert ends <= set(map(repr, current(book, schedule, instant)))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(made.plans())
def test_somebody_or_a_gap_holds_every_instant(plan: Plan) -> None:
    book, schedule, start = plan
    end = start + 15 * DAY
    shifts = resolve(book, schedule, start, end)
    assert all(start <= shift.start < shift.end <= end for shift in shifts)
    covering = sorted((shift.start, shift.end) for shift in shifts if shift.role != "shadow")
    reached = start
    for begins, ends in covering:
        assert begins <= reached
        reached = max(reached, ends)
    assert reached == end
    for gap in (shift for shift in shifts if shift.origin is Origin.GAP):
        others = [one for one in shifts if one is not gap and one.role != "shadow"]
        assert not any(one.start < gap.end and gap.start < one.end for one in others)
    if schedule.fallback and schedule.earlier is None:
        assert all(shift.user is not None for shift in shifts)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(made.plans(layers=1), st.integers(1, 40))
def test_one_layer_never_overlaps_itself(plan: Plan, days: int) -> None:
    book, _, start = plan
    found = list(pieces(book.rotations["r0"], start, start + days * DAY))
    assert all(piece.start < piece.end for piece in found)
    assert all(one.end <= other.start for one, other in pairwise(found))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    made.zones,
    st.sampled_from([Unit.DAILY, Unit.WEEKLY, Unit.MONTHLY]),
    st.integers(1, 3),
    st.integers(2, 5),
    made.clocks,
    st.integers(0, 400),
)
def test_by_the_clock_everybody_has_as_many_turns_within_one(
    zone: ZoneInfo, unit: Unit, every: int, size: int, handoff: time, first: int
) -> None:
    ring = tuple(Participant((f"u{number}",)) for number in range(size))
    rotation = Rotation("r", unit, datetime.combine(datetime(2023, 1, 31), handoff), zone, ring, every)
    start = datetime(2023, 2, 3, tzinfo=UTC) + first * DAY
    turns = {piece.turn: piece.people[0] for piece in pieces(rotation, start, start + 700 * DAY)}
    counts = Counter(turns.values())
    assert max(counts.values()) - min(counts[f"u{number}"] for number in range(size)) <= 1


@settings(max_examples=60, deadline=None, derandomize=True)
@given(made.zones, st.integers(2, 5), st.lists(made.windows, min_size=1, max_size=2), made.clocks)
def test_by_occurrence_everybody_has_as_many_turns_within_one(
    zone: ZoneInfo, size: int, restrictions: list[DayWindow | WeekSpan], handoff: time
) -> None:
    ring = tuple(Participant((f"u{number}",)) for number in range(size))
    start = datetime.combine(datetime(2024, 1, 1), handoff)
    rotation = Rotation(
        "r", Unit.DAILY, start, zone, ring, advance=Advance.OCCURRENCE, restrictions=tuple(restrictions)
    )
    days = number_at(rotation, datetime(2024, 7, 1, tzinfo=UTC), 1)
    turns = {turn for number in range(days) if (turn := turn_of(rotation, number)) is not None}
    # Those that a change of clocks swallows whole are nobody's: the ring does not wait for it.
    had = {
        piece.turn for piece in pieces(rotation, datetime(2023, 12, 30, tzinfo=UTC), _ends(rotation, days))
    }
    assert had <= turns
    assert len(turns - had) <= 1
    counts = Counter(turn % size for turn in turns)
    assert max(counts.values()) - min(counts[number] for number in range(size)) <= 1


def _ends(rotation: Rotation, days: int) -> datetime:
    return (rotation.start + days * DAY).replace(tzinfo=rotation.zone).astimezone(UTC)


def _pair(zone: ZoneInfo, start: time, end: time) -> tuple[Book, Schedule]:
    """Two layers of people who share the day between them."""
    week = (0, 1, 2, 3, 4, 5, 6)
    monday = datetime(2024, 1, 1)
    rings = {
        name: Rotation(
            name,
            Unit.WEEKLY,
            datetime.combine(monday, opens),
            zone,
            (Participant((f"{name}1",)), Participant((f"{name}2",))),
            restrictions=(DayWindow(week, opens, closes),),
        )
        for name, opens, closes in (("a", start, end), ("b", end, start))
    }
    plan = Schedule("s", zone, (Layer("a"), Layer("b")))
    return Book(rings, {"s": plan}), plan


def _ring(zone: ZoneInfo, unit: Unit, every: int, start: datetime) -> tuple[Book, Schedule]:
    ring = (Participant(("a",)), Participant(("b",)))
    plan = Schedule("s", zone, (Layer("r"),))
    return Book({"r": Rotation("r", unit, start, zone, ring, every)}, {"s": plan}), plan


def test_two_years_of_every_zones_clock_changes_have_no_gap_that_nobody_made() -> None:
    seen: set[tuple[object, ...]] = set()
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        near = made.changes(zone, 2026, 2028) or (datetime(2026, 1, 1, tzinfo=UTC),)
        walls = tuple((instant, instant.astimezone(zone).utcoffset()) for instant in near)
        if walls in seen:  # another name for the same clock
            continue
        seen.add(walls)
        plans = [
            _pair(zone, time(8), time(20)),
            _pair(zone, time(2, 30), time(14, 30)),
            _pair(zone, time(2), time(3)),
            _ring(zone, Unit.HOURLY, 12, datetime(2024, 1, 1, 2, 15)),
            _ring(zone, Unit.DAILY, 1, datetime(2024, 1, 1, 2, 30)),
            _ring(zone, Unit.WEEKLY, 1, datetime(2024, 1, 7, 0, 30)),
        ]
        for instant in near:
            for book, plan in plans:
                shifts = resolve(book, plan, instant - 36 * HOUR, instant + 36 * HOUR)
                assert all(shift.user for shift in shifts), (name, instant)
    assert len(seen) > 30
