from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.domain.schedule import (
    Advance,
    Book,
    DayWindow,
    Layer,
    Origin,
    Override,
    OverrideKind,
    Participant,
    Rotation,
    Schedule,
    Shift,
    Unit,
    WeekSpan,
    on_call,
    resolve,
)
from tocsin.domain.schedule.turns import pieces

ZONES = sorted({"Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia", *available_timezones()})
PEOPLE = ("a", "b", "c", "d")

zones = st.sampled_from(ZONES).map(ZoneInfo)
clocks = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
days = st.integers(0, 6)
instants = st.datetimes(datetime(2023, 1, 1), datetime(2027, 1, 1)).map(
    lambda moment: moment.replace(second=0, microsecond=0, fold=0, tzinfo=UTC)
)
participants = st.lists(
    st.one_of(
        st.sampled_from(PEOPLE).map(lambda one: Participant((one,))),
        st.just(Participant(())),
        st.just(Participant(("a", "b"))),
    ),
    min_size=1,
    max_size=5,
).map(tuple)
windows = st.one_of(
    st.builds(DayWindow, st.sets(days, min_size=1).map(lambda some: tuple(sorted(some))), clocks, clocks),
    st.builds(WeekSpan, days, clocks, days, clocks),
)
rotations = st.builds(
    Rotation,
    name=st.just("r"),
    unit=st.sampled_from(Unit),
    start=st.datetimes(datetime(2022, 1, 1), datetime(2026, 1, 1)).map(
        lambda t: t.replace(second=0, microsecond=0, fold=0)
    ),
    zone=zones,
    participants=participants,
    every=st.integers(1, 5),
    until=st.one_of(st.none(), st.just(datetime(2026, 6, 1, 12))),
    advance=st.sampled_from(Advance),
    restrictions=st.lists(windows, max_size=2).map(tuple),
    role=st.sampled_from(["primary", "primary", "secondary", "shadow"]),
    delay_days=st.sampled_from([0, 0, 1, 7]),
)


@st.composite
def plans(draw: st.DrawFn) -> tuple[Book, Schedule]:
    layers = draw(st.lists(rotations, min_size=1, max_size=3))
    rings = {f"r{number}": layer for number, layer in enumerate(layers)}
    stack = tuple(Layer(name, draw(st.integers(0, 1))) for name in rings)
    overrides = tuple(
        Override(start, start + timedelta(hours=draw(st.integers(1, 300))), kind, user, replaces)
        for start, kind, user, replaces in draw(
            st.lists(
                st.tuples(
                    instants,
                    st.sampled_from(OverrideKind),
                    st.sampled_from([*PEOPLE, "x"]),
                    st.one_of(st.none(), st.sampled_from(PEOPLE)),
                ),
                max_size=3,
            )
        )
    )
    fallback = draw(st.sampled_from([(), ("f",)]))
    plan = Schedule("s", draw(zones), stack, fallback, overrides)
    return Book(rings, {"s": plan}), plan


def _at(shifts: list[Shift], instant: datetime) -> set[tuple[str | None, str | None, Origin]]:
    return {(shift.user, shift.role, shift.origin) for shift in shifts if shift.holds(instant)}


@settings(max_examples=80, deadline=None)
@given(plans(), instants, st.integers(1, 60 * 24 * 10), st.floats(0, 1))
def test_splitting_a_range_never_changes_the_answer(
    made: tuple[Book, Schedule], start: datetime, minutes: int, share: float
) -> None:
    book, plan = made
    end = start + timedelta(minutes=minutes)
    middle = start + timedelta(minutes=int(minutes * share))
    whole = resolve(book, plan, start, end)
    parts = [*resolve(book, plan, start, middle), *resolve(book, plan, middle, end)]
    joined: dict[tuple[object, ...], Shift] = {}
    for shift in parts:
        key = (shift.user, shift.rotation, shift.role, shift.origin, shift.turn, shift.start)
        before = next((old for old in joined if old[:5] == key[:5] and joined[old].end == shift.start), None)
        if before is not None and shift.start == middle:
            one = joined.pop(before)
            joined[before] = Shift(
                one.user, one.rotation, one.role, one.start, shift.end, one.origin, one.turn
            )
        else:
            joined[key] = shift
    assert sorted(map(repr, joined.values())) == sorted(map(repr, whole))


@settings(max_examples=80, deadline=None)
@given(plans(), instants, st.integers(0, 60 * 24 * 20))
def test_on_call_is_the_shift_that_holds_the_instant(
    made: tuple[Book, Schedule], start: datetime, minutes: int
) -> None:
    book, plan = made
    instant = start + timedelta(minutes=minutes)
    shifts = resolve(book, plan, start, start + timedelta(days=21))
    expected = {row for row in _at(shifts, instant) if row[0] is not None}
    assert _at(on_call(book, plan, instant), instant) == expected


@settings(max_examples=80, deadline=None)
@given(plans(), instants)
def test_somebody_or_a_gap_holds_every_instant(made: tuple[Book, Schedule], start: datetime) -> None:
    book, plan = made
    end = start + timedelta(days=15)
    shifts = resolve(book, plan, start, end)
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
    if plan.fallback:
        assert all(shift.user is not None for shift in shifts)


@settings(max_examples=100, deadline=None)
@given(rotations, instants)
def test_one_layer_never_overlaps_itself(rotation: Rotation, start: datetime) -> None:
    found = list(pieces(rotation, start, start + timedelta(days=40)))
    assert all(piece.start < piece.end for piece in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert all(one.turn <= other.turn for one, other in pairwise(found))


@settings(max_examples=60, deadline=None)
@given(zones, st.integers(2, 5), st.lists(windows, min_size=1, max_size=2), clocks)
def test_by_occurrence_everybody_has_as_many_turns_within_one(
    zone: ZoneInfo, size: int, restrictions: list[DayWindow | WeekSpan], handoff: time
) -> None:
    ring = tuple(Participant((f"u{number}",)) for number in range(size))
    start = datetime.combine(datetime(2024, 1, 1), handoff)
    rotation = Rotation(
        "r", Unit.DAILY, start, zone, ring, advance=Advance.OCCURRENCE, restrictions=tuple(restrictions)
    )
    end = datetime(2024, 7, 1, tzinfo=UTC)
    turns = {
        piece.turn: piece.people[0] for piece in pieces(rotation, datetime(2023, 12, 30, tzinfo=UTC), end)
    }
    counts = [list(turns.values()).count(f"u{number}") for number in range(size)]
    # A window that a change of clocks swallows whole leaves its member without that one turn.
    assert max(counts) - min(counts) <= 2


def test_a_year_of_every_zone_has_no_gap_that_nobody_made() -> None:
    start, end = datetime(2025, 6, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    ring = tuple(Participant((one,)) for one in PEOPLE)
    for name in ZONES:
        for unit, wall in (
            (Unit.DAILY, datetime(2024, 1, 1, 2, 15)),
            (Unit.WEEKLY, datetime(2024, 1, 7, 2, 30)),
        ):
            rotation = Rotation("r", unit, wall, ZoneInfo(name), ring)
            book = Book({"r": rotation})
            plan = book.schedule("r")
            assert plan is not None
            assert all(shift.user for shift in resolve(book, plan, start, end)), name
