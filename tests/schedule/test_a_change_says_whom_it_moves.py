from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.domain.schedule import Book, Layer, Override, OverrideKind, Participant, Rotation, Schedule, Unit
from tocsin.domain.schedule.diff import Moved, Stint, compare
from tocsin.domain.schedule.model import UTC_ZONE
from tocsin.domain.schedule.spans import common, joined, length, without

MONDAY = datetime(2026, 8, 3, tzinfo=UTC)
DAY = timedelta(days=1)


def _ring(name: str, *people: str, role: str = "primary") -> Rotation:
    members = tuple(Participant((who,)) for who in people)
    return Rotation(name, Unit.DAILY, datetime(2026, 8, 3), UTC_ZONE, members, role=role)


def _book(*rings: Rotation, overrides: tuple[Override, ...] = (), fallback: tuple[str, ...] = ()) -> Book:
    layers = tuple(Layer(ring.name) for ring in rings)
    return Book(
        {ring.name: ring for ring in rings}, {"s": Schedule("s", UTC_ZONE, layers, fallback, overrides)}
    )


def _days(first: int, last: int, role: str = "primary") -> Stint:
    return Stint("s", role, MONDAY + first * DAY, MONDAY + last * DAY)


def test_an_override_gives_one_person_the_time_of_the_other() -> None:
    before = _book(_ring("r", "a", "b"))
    after = _book(
        _ring("r", "a", "b"), overrides=(Override(MONDAY, MONDAY + DAY, OverrideKind.OVERRIDE, "x"),)
    )
    assert compare(before, after, ["s"], MONDAY, MONDAY + 4 * DAY) == (
        Moved("a", (), (_days(0, 1),)),
        Moved("x", (_days(0, 1),), ()),
    )


def test_a_changed_ring_moves_each_day_that_changes_hands_and_joins_neighbours() -> None:
    before, after = _book(_ring("r", "a", "b")), _book(_ring("r", "a", "a", "b"))
    # a b a b a b  becomes  a a b a a b
    assert compare(before, after, ["s"], MONDAY, MONDAY + 6 * DAY) == (
        Moved("a", (_days(1, 2), _days(3, 4)), (_days(2, 3),)),
        Moved("b", (_days(2, 3),), (_days(1, 2), _days(3, 4))),
    )


def test_where_it_comes_from_does_not_matter() -> None:
    before = _book(_ring("r", "a"))
    named = _book(_ring("r", "a"), overrides=(Override(MONDAY, MONDAY + DAY, user="a"),))
    turned = _book(replace(_ring("r", "a", "a"), every=3))
    assert compare(before, named, ["s"], MONDAY, MONDAY + 9 * DAY) == ()
    assert compare(before, turned, ["s"], MONDAY, MONDAY + 9 * DAY) == ()


def test_a_fallback_counts_and_roles_are_told_apart() -> None:
    before = _book(_ring("r", "a"), _ring("q", "b", role="secondary"))
    after = _book(_ring("r", "b"), _ring("q", "a", role="secondary"))
    assert compare(before, after, ["s"], MONDAY, MONDAY + DAY) == (
        Moved("a", (_days(0, 1, "secondary"),), (_days(0, 1),)),
        Moved("b", (_days(0, 1),), (_days(0, 1, "secondary"),)),
    )
    empty, covered = _book(), _book(fallback=("f",))
    assert compare(empty, covered, ["s"], MONDAY, MONDAY + DAY) == (Moved("f", (_days(0, 1),), ()),)


def test_a_schedule_that_is_new_or_gone_moves_all_of_its_time() -> None:
    made = _book(_ring("r", "a"))
    assert compare(Book(), made, ["s"], MONDAY, MONDAY + DAY) == (Moved("a", (_days(0, 1),), ()),)
    assert compare(made, Book(), ["s", "s"], MONDAY, MONDAY + DAY) == (Moved("a", (), (_days(0, 1),)),)
    assert compare(made, Book(), ["another"], MONDAY, MONDAY + DAY) == ()


minutes = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8).map(
    lambda pairs: [(MONDAY + timedelta(minutes=a), MONDAY + timedelta(minutes=b)) for a, b in pairs]
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(minutes, minutes)
def test_sets_of_time_are_what_a_minute_by_minute_count_says(
    one: list[tuple[datetime, datetime]], other: list[tuple[datetime, datetime]]
) -> None:
    def holds(spans: object, at: datetime) -> bool:
        return any(start <= at < end for start, end in spans)  # type: ignore[attr-defined]  # any spans

    left, right = joined(one), joined(other)
    assert list(left) == sorted(left)
    assert all(a[1] < b[0] for a, b in pairwise(left))
    both, rest = common(left, right), without(left, right)
    for number in range(61):
        at = MONDAY + timedelta(minutes=number)
        assert holds(left, at) is holds(one, at)
        assert holds(both, at) is (holds(one, at) and holds(other, at))
        assert holds(rest, at) is (holds(one, at) and not holds(other, at))
    assert length(both) + length(rest) == length(left)
