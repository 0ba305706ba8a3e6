from datetime import UTC, datetime, timedelta

import pytest

from tocsin.domain.configuration import load
from tocsin.domain.schedule import Book, resolve
from tocsin.domain.schedule.definition import RotationDefinition, make_book
from tocsin.domain.schedule.revision import Revision, revise

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)  # a Wednesday
FORM = (
    "rotations: [{{name: r, type: weekly, timezone: UTC, handoff_time: '09:00', "
    "participants: [{people}]{more}}}{rest}]"
)


def _definitions(people: str, more: str = "", rest: str = "") -> dict[str, RotationDefinition]:
    ring = ", ".join(f"{one}@x.y" for one in people)
    text = FORM.format(people=ring, more=more and f", {more}", rest=rest and f", {rest}")
    return dict(load({"a": text}).organisation.rotations)


def _weeks(book: Book, name: str, first: int, count: int) -> str:
    """Who has the weeks from so many before or after NOW, a letter each."""
    plan = book.schedule(name)
    assert plan is not None
    found = ""
    for number in range(first, first + count):
        at = NOW + timedelta(days=7 * number)
        (shift,) = resolve(book, plan, at, at + timedelta(minutes=1))
        found += shift.user[0] if shift.user else "-"
    return found


def _edit(old: dict[str, RotationDefinition], new: dict[str, RotationDefinition]) -> tuple[Revision, Book]:
    revision = revise(old, {}, new, NOW)
    return revision, make_book(revision.definitions, {}, revision.pasts)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        # This week is b's; the next turn goes to whoever stands after b in the new list.
        ("abc", "abcd", "abcdabc"),
        ("abc", "abxc", "abxcabx"),
        ("abc", "xbac", "abacxba"),
        ("abc", "ac", "abcacac"),  # b is gone: the next of the old ring who is still there
        ("abc", "xy", "abxyxyx"),
        ("abc", "b", "abbbbbb"),
    ],
)
def test_new_participants_take_turns_from_the_next_handoff_on(before: str, after: str, expected: str) -> None:
    old = _definitions(before)
    assert _weeks(make_book(old, {}), "r", -1, 3) == "abc"
    _, book = _edit(old, _definitions(after))
    assert _weeks(book, "r", -1, 7) == expected
    assert _weeks(book, "r", -30, 30) == _weeks(make_book(old, {}), "r", -30, 30)


def test_another_handoff_keeps_whoever_is_on_call() -> None:
    old = _definitions("abc")
    _, book = _edit(old, _definitions("abc", "handoff_day: thu"))
    plan = book.schedule("r")
    assert plan is not None
    days = [
        (shift.user, shift.start.day)
        for shift in resolve(book, plan, NOW - timedelta(days=3), NOW + timedelta(days=9))
    ]
    assert days == [("a@x.y", 22), ("b@x.y", 23), ("b@x.y", 25), ("c@x.y", 26), ("a@x.y", 3)]


def test_a_follower_keeps_its_past_too() -> None:
    rest = "{name: s, start_delay: 7}"
    old = _definitions("abc", rest=rest)
    _, book = _edit(old, _definitions("xy", rest=rest))
    primary = _weeks(book, "r", -10, 18)
    assert _weeks(book, "s", -9, 18) == primary


def test_an_edit_that_changes_nothing_is_none() -> None:
    old = _definitions("abc")
    revision, book = _edit(old, _definitions("abc"))
    assert revision.changed == ()
    assert book == make_book(old, {})


def test_several_edits_add_up() -> None:
    old = _definitions("abc")
    first = revise(old, {}, _definitions("abcd"), NOW)
    later = NOW + timedelta(days=21)
    second = revise(first.definitions, first.pasts, _definitions("ad"), later)
    book = make_book(second.definitions, {}, second.pasts)
    assert _weeks(book, "r", -1, 8) == "abcdadad"
    assert len(second.pasts["r"]) == 2
