"""The rules themselves, without tables: `domain.schedule.notices`."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.duty.conftest import at
from tocsin.domain.schedule import Origin, Shift
from tocsin.domain.schedule.notices import Spell, comes_on, hand_offs, spells, told_at

HOUR = timedelta(hours=1)
Row = tuple[str, int, int]  # who, from and until, in hours of the 23rd; "who/role", "who!" by fallback


def shift(row: Row) -> Shift:
    name, start, end = row
    who, _, role = name.partition("/")
    origin = Origin.FALLBACK if who.endswith("!") else Origin.ROTATION
    midnight = at("23 00:00")
    return Shift(
        who.rstrip("!"), "r", role or "primary", midnight + start * HOUR, midnight + end * HOUR, origin
    )


def made(*rows: Row) -> tuple[Spell, ...]:
    return spells("s", map(shift, rows))


def hour(instant: datetime) -> int:
    return int((instant - at("23 00:00")) / HOUR)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("a", 0, 4), ("b", 4, 8)], [(4, ["a"], ["b"])]),
        ([("a", 0, 4), ("a", 4, 8), ("b", 8, 9)], [(8, ["a"], ["b"])]),
        ([("a", 0, 8), ("b", 4, 8)], []),
        ([("a", 0, 8), ("b", 0, 4), ("c", 4, 8)], [(4, ["b"], ["c"])]),
        ([("a", 0, 4), ("b", 5, 8)], [(5, [], ["b"])]),
        ([("a", 0, 4), ("f!", 4, 8), ("b", 8, 9)], [(8, [], ["b"])]),
        ([("a", 0, 4), ("f!", 4, 8)], []),
        ([("a/shadow", 0, 4), ("b/shadow", 4, 8)], []),
        (
            [("a", 0, 4), ("b", 4, 8), ("b/second", 0, 4), ("a/second", 4, 8)],
            [(4, ["a"], ["b"]), (4, ["b"], ["a"])],
        ),
        ([("a", 0, 4), ("b", 0, 4), ("c", 4, 8), ("d", 4, 8)], [(4, ["a", "b"], ["c", "d"])]),
    ],
    ids=[
        "one to another",
        "turns of one person are one",
        "who joins takes nothing over",
        "beside who stays",
        "after a gap",
        "after the fallback",
        "to the fallback",
        "shadows",
        "each role by itself",
        "two to two",
    ],
)
def test_hand_offs(rows: list[Row], expected: list[tuple[int, list[str], list[str]]]) -> None:
    found = hand_offs(made(*rows), at("23 00:00"), at("24 00:00"))
    assert [(hour(one.at), list(one.outgoing), list(one.incoming)) for one in found] == expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("b", 4, 8)], True),
        ([("b", 3, 4), ("b", 4, 8)], False),
        ([("b/second", 3, 4), ("b", 4, 8)], False),
        ([("b/second", 3, 9), ("b", 4, 8)], False),
        ([("b/shadow", 3, 4), ("b", 4, 8)], True),
        ([("b!", 3, 4), ("b", 4, 8)], True),
        ([("b", 2, 3), ("b", 4, 8)], True),
        ([("b/second", 4, 8), ("b", 4, 8)], True),
        ([("b!", 4, 8)], False),
    ],
    ids=[
        "from being off",
        "a turn before",
        "another role before",
        "another role all along",
        "a shadow before",
        "the fallback before",
        "an hour off",
        "two roles at once",
        "the fallback itself",
    ],
)
def test_who_comes_on(rows: list[Row], expected: bool) -> None:  # noqa: FBT001 - a table's column
    found = made(*rows)
    spell = max((one for one in found if one.role == "primary"), key=lambda one: one.end)
    assert comes_on(spell, found, HOUR, at("23 03:30")) is expected


def test_others_are_told_when_half_the_time_is_over() -> None:
    assert told_at(at("23 09:00"), at("23 08:00")) == at("23 08:30")
    assert told_at(at("23 09:00"), at("23 08:50")) == at("23 08:55")


@given(
    cuts=st.lists(st.integers(1, 90), min_size=1, max_size=12, unique=True),
    who=st.lists(st.sampled_from(["a", "b", "c", "f!"]), min_size=13, max_size=13),
    looks=st.lists(st.integers(0, 100), min_size=1, max_size=20, unique=True),
)
def test_however_often_one_looks_each_hand_off_is_seen_once(
    cuts: list[int], who: list[str], looks: list[int]
) -> None:
    turns = zip(who, pairwise([0, *sorted(cuts), 100]), strict=False)
    found = made(*((person, *span) for person, span in turns))
    times = [at("23 00:00") + look * HOUR for look in sorted({0, *looks, 100})]
    seen = [one for after, until in pairwise(times) for one in hand_offs(found, after, until)]
    assert seen == list(hand_offs(found, times[0], times[-1]))
    shifts = [one for one in found if not one.fallback]
    assert len(seen) == sum(one.start > times[0] for one in shifts)
    assert all(one.outgoing != one.incoming for one in seen)
