from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tocsin.domain.schedule import (
    Book,
    Layer,
    Origin,
    Override,
    OverrideKind,
    Participant,
    Rotation,
    Schedule,
    Unit,
    changes_anything,
    current,
    following,
    on_call,
    preceding,
    resolve,
)
from tocsin.domain.schedule.model import UTC_ZONE

DAY = datetime(2024, 8, 5, tzinfo=UTC)
Spec = tuple[str, float, float, int]  # who, from, until (hours of the day), priority


def _hour(hour: float) -> datetime:
    return DAY + timedelta(hours=hour)


def _plan(
    layers: list[Any], overrides: list[Override] | None = None, fallback: str = ""
) -> tuple[Book, Schedule]:
    """A day of layers, each (who, from, until, priority[, role]); "" for who is an unassigned turn."""
    rotations, stack = {}, []
    for number, (who, start, end, priority, *rest) in enumerate(layers):
        name = f"{who or 'hole'}-{number}"
        rotations[name] = Rotation(
            name=name,
            unit=Unit.MONTHLY,
            start=_hour(start).replace(tzinfo=None),
            until=_hour(end).replace(tzinfo=None),
            zone=UTC_ZONE,
            participants=(Participant((who,) if who else ()),),
            role=rest[0] if rest else "primary",
        )
        stack.append(Layer(name, priority))
    plan = Schedule("s", UTC_ZONE, tuple(stack), (fallback,) if fallback else (), tuple(overrides or ()))
    return Book(rotations, {"s": plan}), plan


def _day(book: Book, plan: Schedule, start: float = 0, end: float = 24) -> list[str]:
    """Who was on call from when to when, equal neighbours joined whatever they came from."""
    joined: list[tuple[str, float, float]] = []
    found = resolve(book, plan, _hour(start), _hour(end))
    for shift in sorted(found, key=lambda one: (one.user or "", one.start)):
        first, last = ((edge - DAY).total_seconds() / 3600 for edge in (shift.start, shift.end))
        who = shift.user or "-"
        if joined and joined[-1][0] == who and joined[-1][2] == first:
            joined[-1] = (who, joined[-1][1], last)
        else:
            joined.append((who, first, last))
    return [
        f"{who} {first:g}-{last:g}" for who, first, last in sorted(joined, key=lambda row: (row[1], row[0]))
    ]


def _over(
    who: str | None, start: float, end: float, kind: str = "override", replaces: str | None = None
) -> Override:
    return Override(_hour(start), _hour(end), OverrideKind(kind), who, replaces)


def test_a_day_of_layers_and_overrides() -> None:
    book, plan = _plan(
        [
            ("A", 10, 15, 1),
            ("B", 11, 13, 1),
            ("A", 16, 19, 1),
            ("A", 21, 22, 1),
            ("B", 22, 24, 1),
            ("C", 12, 14, 2),
            ("D", 14, 15, 2),
            ("D", 17, 18, 2),
            ("D", 20, 23, 2),
        ],
        [_over("E", 22, 23), _over("A", 22, 22.5)],
    )
    assert _day(book, plan) == [
        "- 0-10",
        "A 10-12",
        "B 11-12",
        "C 12-14",
        "D 14-15",
        "- 15-16",
        "A 16-17",
        "D 17-18",
        "A 18-19",
        "- 19-20",
        "D 20-22",
        "A 22-22.5",
        "E 22.5-23",
        "B 23-24",
    ]


BASE = [("X", 8, 12, 1), ("Y", 12, 16, 1)]


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], ["- 0-8", "X 8-12", "Y 12-16", "- 16-24"]),
        # A plain one: all of its span, gaps included, instead of whoever is on.
        ([_over("P", 6, 14)], ["- 0-6", "P 6-14", "Y 14-16", "- 16-24"]),
        # `replaces` is limited to that person's shifts.
        ([_over("P", 6, 14, "replace", "X")], ["- 0-8", "P 8-12", "Y 12-16", "- 16-24"]),
        ([_over("P", 9, 10, "replace", "X")], ["- 0-8", "X 8-9", "P 9-10", "X 10-12", "Y 12-16", "- 16-24"]),
        # Somebody who is not on call cannot be replaced: nobody is added.
        ([_over("P", 8, 12, "replace", "Z")], ["- 0-8", "X 8-12", "Y 12-16", "- 16-24"]),
        # Without a name it takes everybody, but fills no gap.
        ([_over("P", 6, 18, "replace")], ["- 0-8", "P 8-16", "- 16-24"]),
        ([_over(None, 9, 13, "remove", "X")], ["- 0-8", "X 8-9", "- 9-12", "Y 12-16", "- 16-24"]),
        ([_over(None, 9, 13, "remove")], ["- 0-8", "X 8-9", "- 9-13", "Y 13-16", "- 16-24"]),
        ([_over("P", 6, 10, "add")], ["- 0-6", "P 6-10", "X 8-12", "Y 12-16", "- 16-24"]),
        # Each person is taken by the last that applies …
        ([_over("P", 8, 12), _over("Q", 8, 12)], ["- 0-8", "Q 8-12", "Y 12-16", "- 16-24"]),
        ([_over("P", 8, 12, "replace", "X"), _over("Q", 8, 12)], ["- 0-8", "Q 8-12", "Y 12-16", "- 16-24"]),
        (
            [_over("P", 8, 12), _over("Q", 8, 12, "replace", "X")],
            ["- 0-8", "P 8-12", "Q 8-12", "Y 12-16", "- 16-24"],
        ),
        # … and results are not overridden again: X becomes P, not Q.
        (
            [_over("P", 8, 12, "replace", "X"), _over("Q", 8, 12, "replace", "P")],
            ["- 0-8", "P 8-12", "Y 12-16", "- 16-24"],
        ),
        (
            [_over("Y", 8, 16, "replace", "X"), _over("X", 8, 16, "replace", "Y")],
            ["- 0-8", "Y 8-12", "X 12-16", "- 16-24"],
        ),
        ([_over("P", 8, 12, "add"), _over(None, 8, 12, "remove")], ["- 0-8", "P 8-12", "Y 12-16", "- 16-24"]),
        ([_over("X", 10, 14, "add")], ["- 0-8", "X 8-14", "Y 12-16", "- 16-24"]),
        # One that ends before it begins has no effect.
        ([_over("P", 12, 8)], ["- 0-8", "X 8-12", "Y 12-16", "- 16-24"]),
    ],
)
def test_overrides(overrides: list[Override], expected: list[str]) -> None:
    assert _day(*_plan(BASE, overrides)) == expected


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        # Within a role the highest priority wins, equal ones stand together.
        ([("A", 0, 24, 1), ("B", 8, 16, 2)], ["A 0-8", "B 8-16", "A 16-24"]),
        ([("A", 0, 24, 1), ("B", 8, 16, 1)], ["A 0-24", "B 8-16"]),
        # Roles do not compete.
        ([("A", 0, 24, 1), ("B", 8, 16, 2, "secondary")], ["A 0-24", "B 8-16"]),
        # A shadow covers no gap.
        ([("A", 8, 24, 1), ("S", 0, 24, 9, "shadow")], ["- 0-8", "S 0-24", "A 8-24"]),
        # An unassigned turn is as good as none: the lower layer shows through.
        ([("A", 0, 24, 1), ("", 8, 16, 2)], ["A 0-24"]),
        ([("", 0, 24, 1)], ["- 0-24"]),
    ],
)
def test_layers(layers: list[Any], expected: list[str]) -> None:
    assert _day(*_plan(layers)) == expected


def test_the_fallback_fills_what_is_left_and_says_so() -> None:
    book, plan = _plan(BASE, [_over(None, 8, 9, "remove"), _over("P", 16, 20)], fallback="F")
    assert _day(book, plan) == ["F 0-9", "X 9-12", "Y 12-16", "P 16-20", "F 20-24"]
    origins = {shift.user: shift.origin for shift in resolve(book, plan, _hour(0), _hour(24))}
    assert origins == {
        "F": Origin.FALLBACK,
        "X": Origin.ROTATION,
        "Y": Origin.ROTATION,
        "P": Origin.OVERRIDE,
    }


def test_a_plain_override_stands_in_every_role_but_shadow() -> None:
    layers = [("A", 0, 24, 1), ("B", 0, 24, 1, "secondary"), ("S", 0, 24, 1, "shadow")]
    book, plan = _plan(layers, [_over("P", 8, 16)])
    shifts = on_call(book, plan, _hour(12))
    assert [(shift.user, shift.role) for shift in shifts] == [
        ("P", "primary"),
        ("P", "secondary"),
        ("S", "shadow"),
    ]


def test_an_override_is_one_row_over_handoffs_and_gaps() -> None:
    book, plan = _plan(BASE, [_over("P", 6, 18)])
    (shift,) = [one for one in resolve(book, plan, _hour(0), _hour(24)) if one.user == "P"]
    assert (shift.start, shift.end, shift.origin, shift.rotation) == (
        _hour(6),
        _hour(18),
        Origin.OVERRIDE,
        None,
    )


def test_replaced_shifts_keep_their_own_ends() -> None:
    layers = [("X", 8, 10, 1), ("X", 14, 16, 1)]
    book, plan = _plan(layers, [_over("P", 0, 24, "replace", "X")])
    assert _day(book, plan) == ["- 0-8", "P 8-10", "- 10-14", "P 14-16", "- 16-24"]


@pytest.mark.parametrize(
    ("override", "changes"),
    [
        (_over("P", 8, 9), True),
        (_over("X", 8, 12), False),  # the person who is on call anyway
        (_over("X", 8, 12.5), True),
        (_over("P", 0, 24, "replace", "Z"), False),
        (_over(None, 0, 8, "remove"), False),
        (_over("Y", 12, 13, "add"), False),
        (_over("Y", 11, 13, "add"), True),
        (_over("X", 8, 12, "replace", "X"), False),
    ],
)
def test_an_override_that_changes_nothing_is_known(override: Override, changes: bool) -> None:  # noqa: FBT001 - a column
    assert changes_anything(*_plan(BASE), override) is changes


def test_now_next_and_before() -> None:
    book, plan = _plan([("X", 8, 12, 1), ("Y", 12, 16, 1), ("Z", 20, 24, 1)])
    assert [(one.user, one.start, one.end) for one in current(book, plan, _hour(9))] == [
        ("X", _hour(8), _hour(12))
    ]
    assert [one.user for one in following(book, plan, _hour(9))] == ["Y"]
    assert [one.user for one in following(book, plan, _hour(13))] == ["Z"]
    assert [one.user for one in preceding(book, plan, _hour(13))] == ["X"]
    assert [one.user for one in preceding(book, plan, _hour(18))] == ["Y"]
    assert preceding(book, plan, _hour(9)) == []
    (gap,) = current(book, plan, _hour(18))
    assert (gap.user, gap.origin, gap.start, gap.end) == (None, Origin.GAP, _hour(16), _hour(20))
    assert on_call(book, plan, _hour(18)) == []


def test_next_and_before_may_be_asked_of_one_role() -> None:
    layers = [("A", 0, 12, 1), ("B", 12, 24, 1), ("C", 0, 12, 1, "secondary"), ("A", 12, 24, 1, "secondary")]
    book, plan = _plan(layers)
    assert [one.user for one in following(book, plan, _hour(9))] == ["B"]
    assert [one.user for one in following(book, plan, _hour(9), "primary")] == ["B"]
    assert [one.user for one in following(book, plan, _hour(9), "secondary")] == ["A"]
    assert [one.user for one in preceding(book, plan, _hour(13), "secondary")] == ["C"]
    assert following(book, plan, _hour(9), "shadow") == []


def test_rows_come_by_start_then_user_and_are_clipped(book: Callable[[str], Book]) -> None:
    made = book(
        "rotations: [{name: r, type: weekly, timezone: UTC, "
        "participants: [{group: [b@x.y, a@x.y]}, {user: c@x.y}]}]"
    )
    plan = made.schedule("r")
    assert plan is not None
    start = datetime(2024, 1, 4, tzinfo=UTC)
    found = resolve(made, plan, start, start + timedelta(days=7))
    assert [(shift.user, shift.start.day, shift.end.day) for shift in found] == [
        ("a@x.y", 4, 8),
        ("b@x.y", 4, 8),
        ("c@x.y", 8, 11),
    ]
    assert resolve(made, plan, start, start) == []


def test_two_turns_of_one_person_are_two_shifts(book: Callable[[str], Book]) -> None:
    made = book("rotations: [{name: r, type: daily, timezone: UTC, participants: [a@x.y]}]")
    plan = made.schedule("r")
    assert plan is not None
    start = datetime(2024, 1, 4, 9, tzinfo=UTC)
    assert len(resolve(made, plan, start, start + timedelta(days=3))) == 3


def test_an_edited_role_holds_from_the_edit_on() -> None:
    book, _ = _plan([("A", 0, 24, 1)])
    ring = book.rotations["A-0"]
    edited = replace(ring, role="secondary", since=_hour(12), earlier=ring)
    plan = Schedule("s", UTC_ZONE, (Layer("A-0", 1),), overrides=(_over("P", 10, 14),))
    found = resolve(Book({"A-0": edited}, {"s": plan}), plan, _hour(0), _hour(24))
    assert [(one.user, one.role, one.start, one.end) for one in found] == [
        ("A", "primary", _hour(0), _hour(10)),
        ("P", "primary", _hour(10), _hour(12)),
        ("P", "secondary", _hour(12), _hour(14)),
        ("A", "secondary", _hour(14), _hour(24)),
    ]


def test_whoever_is_on_call_anyway_is_not_listed_again_for_standing_in() -> None:
    layers = [("X", 8, 12, 1), ("Y", 8, 12, 1)]
    for order in (layers, layers[::-1]):
        book, plan = _plan(order, [_over("Y", 8, 12, "replace", "X")])
        assert [one.user for one in on_call(book, plan, _hour(9))] == ["Y"]
