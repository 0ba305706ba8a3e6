from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tocsin.domain.schedule import Book
from tocsin.domain.schedule.checks import Away, Check, Finding, check, coverage

MONDAY = datetime(2026, 8, 3, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
Make = Callable[[str], Book]


def _found(book: Book, *names: str, days: int = 7, **more: Any) -> list[Finding]:
    return list(check(book, names or ("s",), MONDAY, MONDAY + days * DAY, **more))


def _short(findings: list[Finding]) -> list[tuple[str, str, str | None]]:
    return [(one.check, one.schedule, one.user) for one in findings]


OFFICE = (
    "rotations: [{name: r, type: daily, start: 2026-08-03T00:00, timezone: UTC, participants: [a@x.y], "
    "restrictions: [{days: [mon, tue], start: '08:00', end: '20:00'}]}]\n"
    "schedules: [{name: s, layers: [r]%s}]"
)


def test_gaps_are_counted_and_the_first_is_named(book: Make) -> None:
    (gap,) = _found(book(OFFICE % ""))
    assert (gap.check, gap.start, gap.end) == (Check.GAP, MONDAY, MONDAY + 8 * HOUR)
    assert gap.text == (
        "nobody is on call for 144 of 168 hours, first of 3 times from Mon 03 Aug 00:00 (UTC); "
        "a `fallback` would fill this"
    )


def test_what_only_the_fallback_covers_is_said(book: Make) -> None:
    (found,) = _found(book(OFFICE % ", fallback: f@x.y"))
    assert (found.check, found.end) == (Check.FALLBACK, MONDAY + 8 * HOUR)
    assert found.text.startswith("only the fallback is on call for 144 of 168 hours")


@pytest.mark.parametrize(
    ("more", "covered", "by_fallback", "percent"),
    [("", 24, 0, 100 * 24 / 168), (", fallback: f@x.y", 168, 144, 100)],
)
def test_coverage_says_how_much_is_covered_and_by_whom(
    book: Make, more: str, covered: float, by_fallback: float, percent: float
) -> None:
    made = book(OFFICE % more)
    plan = made.schedule("s")
    assert plan is not None
    found = coverage(made, plan, MONDAY, MONDAY + 7 * DAY)
    assert (found.total, found.covered, found.by_fallback) == (168 * HOUR, covered * HOUR, by_fallback * HOUR)
    assert found.percent == pytest.approx(percent)
    assert coverage(made, plan, MONDAY, MONDAY).percent == 100


PAIR = """
rotations:
  - {name: r, type: daily, start: 2026-08-03T00:00, timezone: UTC, participants: [a@x.y, b@x.y]}
  - {name: q, type: daily, start: 2026-08-03T00:00, timezone: UTC, participants: [a@x.y, c@x.y], role: %s}
schedules:
"""


@pytest.mark.parametrize(
    ("role", "schedules", "names", "expected"),
    [
        # In two roles of one schedule: every other day a@x.y is their own backup.
        ("secondary", ["{name: s, layers: [r, q]}"], ["s"], [("double", "s", "a@x.y")]),
        # Beside themselves in one role: nothing is lost.
        ("primary", ["{name: s, layers: [r, q]}"], ["s"], []),
        ("shadow", ["{name: s, layers: [r, q]}"], ["s"], []),
        # In two schedules, told under both; but only if both are asked about.
        (
            "primary",
            ["{name: s, layers: [r]}", "{name: t, layers: [q]}"],
            ["s", "t"],
            [("double", "s", "a@x.y"), ("double", "t", "a@x.y")],
        ),
        ("primary", ["{name: s, layers: [r]}", "{name: t, layers: [q]}"], ["s"], []),
        # One turn seen through two schedules is one duty, and so is the rotation's own schedule.
        ("primary", ["{name: s, layers: [r]}", "{name: t, layers: [r]}"], ["s", "t", "r"], []),
        # The fallback of many is not double.
        (
            "primary",
            ["{name: s, fallback: f@x.y, layers: []}", "{name: t, fallback: f@x.y, layers: []}"],
            ["s", "t"],
            [("fallback", "s", None), ("fallback", "t", None)],
        ),
    ],
)
def test_double_booking(
    book: Make, role: str, schedules: list[str], names: list[str], expected: list[tuple[str, str, str | None]]
) -> None:
    made = book(PAIR % role + "\n".join(f"  - {entry}" for entry in schedules))
    assert _short(_found(made, *names)) == expected


def test_schedules_beside_are_looked_at_but_not_reported_on(book: Make) -> None:
    made = book(PAIR % "primary" + "  - {name: s, layers: [r]}\n  - {name: t, layers: [q], fallback: []}")
    assert _short(_found(made, "s", beside=["t", "gone"])) == [("double", "s", "a@x.y")]


def test_a_double_booking_is_told_with_its_first_time(book: Make) -> None:
    made = book(PAIR % "secondary" + "  - {name: s, timezone: Europe/Berlin, layers: [r, q]}")
    (found,) = _found(made)
    assert (found.start, found.end) == (MONDAY, MONDAY + DAY)
    assert found.text == (
        "a@x.y is on call twice at once, as primary and as secondary, "
        "first of 4 times from Mon 03 Aug 02:00 (Europe/Berlin)"
    )


def test_an_override_in_every_role_is_meant_but_not_two_at_once(book: Make) -> None:
    over = "overrides: [{start: 2026-08-04T00:00, end: 2026-08-05T00:00, user: x@x.y}]"
    one = f"  - {{name: s, layers: [r, {{rotation: r, role: secondary}}], {over}}}"
    assert _short(_found(book(PAIR % "primary" + one))) == []
    two = "\n".join(f"  - {{name: {name}, layers: [r], {over}}}" for name in ("s", "t"))
    assert _short(_found(book(PAIR % "primary" + two), "s", "t")) == [
        ("double", "s", "x@x.y"),
        ("double", "t", "x@x.y"),
    ]


def test_a_member_who_is_never_on_call_is_named(book: Make) -> None:
    made = book(
        "rotations:\n"
        # Each Monday is the first of seven turns.
        "  - {name: r, type: daily, start: 2026-08-03T00:00, timezone: UTC, restrictions: [{days: [mon]}], "
        "participants: [a@x.y, b@x.y, c@x.y, d@x.y, e@x.y, f@x.y, g@x.y]}\n"
        "  - {name: low, type: weekly, start: 2026-08-03T00:00, timezone: UTC, participants: [h@x.y]}\n"
        "  - {name: high, type: weekly, start: 2026-08-03T00:00, timezone: UTC, participants: [i@x.y]}\n"
        "  - {name: past, type: weekly, start: 2026-01-05T00:00, until: 2026-02-02T00:00, timezone: UTC, "
        "participants: [j@x.y]}\n"
        "schedules:\n"
        "  - {name: s, layers: [r], fallback: z@x.y}\n"
        "  - {name: t, layers: [{rotation: high, priority: 2}, {rotation: low, priority: 1}, past]}\n"
    )
    never = [one for one in _found(made, "s", "t") if one.check is Check.NEVER]
    assert _short(never) == [("never", "s", f"{who}@x.y") for who in "bcdefg"] + [("never", "t", "h@x.y")]
    assert never[0].text == "b@x.y is a member but is never on call within a year"


def test_people_whom_no_page_reaches(book: Make) -> None:
    made = book(PAIR % "primary" + "  - {name: s, layers: [r], fallback: [f@x.y, g@x.y]}")
    found = _found(made, reachable={"a@x.y": True, "b@x.y": False, "f@x.y": False})
    assert [(one.user, one.start) for one in found] == [("b@x.y", MONDAY + DAY), ("f@x.y", None)]
    assert found[0].text == (
        "b@x.y has no verified contact method, so that a page would not get there; "
        "on call first of 3 times from Tue 04 Aug 00:00 (UTC)"
    )
    assert found[1].text.endswith("would not get there")


def test_people_who_are_away_but_on_call(book: Make) -> None:
    made = book(PAIR % "primary" + "  - {name: s, layers: [r]}")
    away = [
        Away("b@x.y", MONDAY + 12 * HOUR, MONDAY + 30 * HOUR, "leave"),
        Away("b@x.y", MONDAY, MONDAY + DAY),  # not on call then
        Away("x@x.y", MONDAY, MONDAY + DAY),
    ]
    (found,) = _found(made, away=away)
    assert (found.check, found.user) == (Check.ABSENT, "b@x.y")
    assert (found.start, found.end) == (MONDAY + 24 * HOUR, MONDAY + 30 * HOUR)
    assert found.text == "b@x.y is away (leave) but on call for 6 hours of it, from Tue 04 Aug 00:00 (UTC)"


def test_holidays_say_who_is_on_call(book: Make) -> None:
    made = book(PAIR % "primary" + "  - {name: s, timezone: Pacific/Kiritimati, layers: [r]}")
    # In Kiritimati the 5th begins at 10:00 UTC of the 4th: b until midnight UTC, then a.
    found = _found(made, is_holiday=lambda day: day == date(2026, 8, 5))
    assert [(one.user, one.start, one.end) for one in found] == [
        ("a@x.y", MONDAY + 48 * HOUR, MONDAY + 58 * HOUR),
        ("b@x.y", MONDAY + 34 * HOUR, MONDAY + 48 * HOUR),
    ]
    assert found[0].text == "a@x.y is on call on a holiday, Wed 05 Aug 2026"


def test_a_name_that_is_not_there_is_passed_over(book: Make) -> None:
    assert _found(book(PAIR % "primary" + "  - {name: s, layers: [r]}"), "gone") == []
