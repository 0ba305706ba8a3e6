from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tocsin.domain.schedule import Book
from tocsin.domain.schedule.hours import Kind
from tocsin.domain.schedule.load import Load, load

MONDAY = datetime(2026, 8, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _load(
    book: Book, days: int, zones: dict[str, ZoneInfo] | None = None, holiday: date | None = None
) -> Load:
    plan = book.schedule("s")
    assert plan is not None
    return load(book, plan, MONDAY, MONDAY + timedelta(days=days), zones or {}, lambda day: day == holiday)


RING = "{name: r, type: daily, start: 2026-08-03T00:00, timezone: UTC, participants: [%s]}"


@pytest.mark.parametrize(
    ("people", "days", "balance"),
    [
        ("a@x.y, b@x.y", 14, 100),
        ("a@x.y, b@x.y, c@x.y", 2, 50),  # a third of the time would have to move; two thirds were the worst
        ("a@x.y, a@x.y, b@x.y", 12, 67),
        ("a@x.y, a@x.y, a@x.y, a@x.y, b@x.y", 10, 40),
        ("a@x.y, b@x.y", 1, 0),
        ("a@x.y", 3, 100),
        ("a@x.y, b@x.y", 0, 100),
    ],
)
def test_the_balance_is_the_share_that_needs_not_move(
    book: Callable[[str], Book], people: str, days: int, balance: int
) -> None:
    made = book(f"rotations: [{RING % people}]\nschedules: [{{name: s, layers: [r]}}]")
    assert _load(made, days).balance == balance


def test_hours_nights_and_weekends_are_counted_by_the_persons_own_clock(book: Callable[[str], Book]) -> None:
    made = book(
        "rotations: [{name: r, type: daily, start: 2026-08-03T08:00, timezone: UTC, "
        "participants: [a@x.y, b@x.y], restrictions: [{start: '08:00', end: '20:00'}]}]\n"
        "schedules: [{name: s, layers: [r]}]"
    )
    # a: Mon, Wed, Fri, Sun; b: Tue, Thu, Sat.
    here = _load(made, 7, holiday=date(2026, 8, 5))
    a, b = here.people
    assert (a.user, a.total, a.nights, a.weekends, a.shifts) == ("a@x.y", 48 * HOUR, 0, 1, 4)
    assert a.by_kind == {
        Kind.WEEKDAY: 24 * HOUR,
        Kind.NIGHT: 0 * HOUR,
        Kind.WEEKEND: 12 * HOUR,
        Kind.HOLIDAY: 12 * HOUR,
    }
    assert (b.total, b.by_kind[Kind.WEEKEND]) == (36 * HOUR, 12 * HOUR)
    # In Tokyo 08:00 to 20:00 UTC is 17:00 to 05:00, five hours of day and seven of night.
    tokyo, _ = _load(made, 7, {"a@x.y": ZoneInfo("Asia/Tokyo")}).people
    assert (tokyo.nights, tokyo.weekends, tokyo.total) == (4, 1, 48 * HOUR)
    assert tokyo.by_kind[Kind.NIGHT] == (7 + 7 + 2 + 5) * HOUR
    assert tokyo.by_kind[Kind.WEEKEND] == (5 + 7) * HOUR


def test_a_night_or_a_weekend_counts_once_however_often_it_is_touched(book: Callable[[str], Book]) -> None:
    made = book(
        "rotations: [{name: r, type: hourly, every: 3, start: 2026-08-03T00:00, timezone: UTC, "
        "participants: [a@x.y, b@x.y]}]\nschedules: [{name: s, layers: [r]}]"
    )
    # a has 00:00 to 03:00 of each day; b 03:00 to 06:00, and 21:00 to 24:00 also of the last evening.
    assert [(one.nights, one.weekends) for one in _load(made, 7).people] == [(7, 1), (8, 1)]


def test_shadows_do_not_count_and_a_secondary_only_alone(book: Callable[[str], Book]) -> None:
    text = (
        "rotations:\n"
        "  - {name: r, type: daily, start: 2026-08-03T00:00, timezone: UTC, participants: [a@x.y]}\n"
        "  - {name: q, type: daily, start: 2026-08-03T00:00, timezone: UTC, role: secondary, "
        "participants: [b@x.y]}\n"
        "  - {name: t, type: daily, start: 2026-08-03T00:00, timezone: UTC, role: shadow, "
        "participants: [c@x.y]}\n"
        "schedules: [{name: s, layers: [%s]}]"
    )
    assert [one.user for one in _load(book(text % "r, q, t"), 3).people] == ["a@x.y"]
    assert [one.user for one in _load(book(text % "q, t"), 3).people] == ["b@x.y"]


def test_members_without_a_shift_are_listed_and_stand_ins_do_not_weigh(book: Callable[[str], Book]) -> None:
    made = book(
        f"rotations: [{RING % 'a@x.y, b@x.y'}]\nschedules: [{{name: s, layers: [r], overrides: "
        "[{start: 2026-08-04T00:00, end: 2026-08-05T00:00, user: x@x.y}]}]"
    )
    here = _load(made, 3)
    assert [(one.user, one.total / HOUR) for one in here.people] == [
        ("a@x.y", 48),
        ("b@x.y", 0),
        ("x@x.y", 24),
    ]
    assert here.balance == 0
