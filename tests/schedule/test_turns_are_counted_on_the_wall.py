from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tocsin.domain.schedule import Book, Participant, Rotation, Unit, on_call, resolve
from tocsin.domain.schedule.turns import boundary, pieces

Make = Callable[[str], Book]
Rows = Callable[..., list[tuple[str | None, str, str]]]


def _rotation(unit: Unit, start: str, zone: str, every: int = 1, people: int = 3) -> Rotation:
    ring = tuple(Participant((f"u{number}",)) for number in range(people))
    return Rotation("r", unit, datetime.fromisoformat(start), ZoneInfo(zone), ring, every)


@pytest.mark.parametrize(
    ("unit", "every", "start", "zone", "since", "expected"),
    [
        # 24 hours of wall time are a day, also the day of 25 hours.
        *(
            (
                unit,
                every,
                "2020-10-30T01:30",
                "America/Chicago",
                "2020-10-30T01:30-05:00",
                [
                    "2020-10-30T01:30-05:00",
                    "2020-10-31T01:30-05:00",
                    "2020-11-01T01:30-05:00",
                    "2020-11-02T01:30-06:00",
                    "2020-11-03T01:30-06:00",
                ],
            )
            for unit, every in ((Unit.DAILY, 1), (Unit.HOURLY, 24))
        ),
        (
            Unit.DAILY,
            1,
            "2020-03-06T02:30",
            "America/Chicago",
            "2020-03-06T02:30-06:00",
            [
                "2020-03-06T02:30-06:00",
                "2020-03-07T02:30-06:00",
                "2020-03-08T03:00-05:00",
                "2020-03-09T02:30-05:00",
                "2020-03-10T02:30-05:00",
            ],
        ),
        (
            Unit.HOURLY,
            1,
            "2020-07-06T02:30",
            "America/Chicago",
            "2020-10-31T23:30-05:00",
            [
                "2020-10-31T23:30-05:00",
                "2020-11-01T00:30-05:00",
                "2020-11-01T01:30-05:00",
                "2020-11-01T02:30-06:00",
                "2020-11-01T03:30-06:00",
                "2020-11-01T04:30-06:00",
            ],
        ),
        (
            Unit.DAILY,
            1,
            "2020-10-02T02:15",
            "Australia/Lord_Howe",
            "2020-10-02T02:15+10:30",
            [
                "2020-10-02T02:15+10:30",
                "2020-10-03T02:15+10:30",
                "2020-10-04T02:30+11:00",
                "2020-10-05T02:15+11:00",
            ],
        ),
        (
            Unit.MONTHLY,
            1,
            "2024-01-31T09:00",
            "Europe/Berlin",
            "2024-01-31T09:00+01:00",
            [
                "2024-01-31T09:00+01:00",
                "2024-02-29T09:00+01:00",
                "2024-03-31T09:00+02:00",
                "2024-04-30T09:00+02:00",
                "2024-05-31T09:00+02:00",
            ],
        ),
        (
            Unit.WEEKLY,
            2,
            "2024-01-01T09:00",
            "America/New_York",
            "2024-02-26T09:00-05:00",
            ["2024-02-26T09:00-05:00", "2024-03-11T09:00-04:00", "2024-03-25T09:00-04:00"],
        ),
    ],
)
def test_it_hands_off_at_these_instants(
    unit: Unit, every: int, start: str, zone: str, since: str, expected: list[str]
) -> None:
    rotation = _rotation(unit, start, zone, every)
    begin = datetime.fromisoformat(since)
    found = [
        piece.start
        for piece in pieces(rotation, begin, datetime.fromisoformat(expected[-1]) + timedelta(minutes=1))
    ]
    assert found == [datetime.fromisoformat(text) for text in expected]


def test_a_turn_lost_to_a_change_of_clocks_passes_its_member_over() -> None:
    rotation = _rotation(Unit.HOURLY, "2020-03-08T00:00", "America/Chicago", people=4)
    start = datetime(2020, 3, 8, 6, tzinfo=UTC)
    found = [
        (piece.people[0], piece.start.hour) for piece in pieces(rotation, start, start + timedelta(hours=5))
    ]
    # 02:00 to 03:00 does not exist, so u2 has no turn.
    assert found == [("u0", 6), ("u1", 7), ("u3", 8), ("u0", 9), ("u1", 10)]


def test_a_day_has_twenty_three_or_twenty_five_hours() -> None:
    rotation = _rotation(Unit.DAILY, "2020-01-01T00:00", "America/Chicago")
    lengths = {}
    for piece in pieces(rotation, datetime(2020, 1, 1, 6, tzinfo=UTC), datetime(2021, 1, 1, 6, tzinfo=UTC)):
        hours = (piece.end - piece.start).total_seconds() / 3600
        lengths[hours] = lengths.get(hours, 0) + 1
    assert lengths == {24.0: 364, 23.0: 1, 25.0: 1}


def test_day_thirty_one_comes_back_after_a_short_month() -> None:
    rotation = _rotation(Unit.MONTHLY, "2023-10-31T00:00", "UTC")
    days = [boundary(rotation, number, 1).date().isoformat() for number in range(8)]
    assert days == [
        "2023-10-31",
        "2023-11-30",
        "2023-12-31",
        "2024-01-31",
        "2024-02-29",
        "2024-03-31",
        "2024-04-30",
        "2024-05-31",
    ]


OWN = """
rotations:
  - name: primary-oncall
    type: weekly
    participants:
      - user: alice@example.com
      - user: bob@example.com
      - user: charlie@example.com
    handoff_time: "09:00"
    timezone: "America/New_York"

  - name: secondary-oncall
    type: weekly
    start_delay: 7  # days after primary
"""


def test_the_users_own_rotations_hand_over_by_week(book: Make, rows: Rows) -> None:
    made = book(OWN)
    assert rows(made, "primary-oncall", "2024-01-01T00:00", "2024-01-29T09:00") == [
        (None, "2024-01-01T00:00-05:00", "2024-01-01T09:00-05:00"),
        ("alice", "2024-01-01T09:00-05:00", "2024-01-08T09:00-05:00"),
        ("bob", "2024-01-08T09:00-05:00", "2024-01-15T09:00-05:00"),
        ("charlie", "2024-01-15T09:00-05:00", "2024-01-22T09:00-05:00"),
        ("alice", "2024-01-22T09:00-05:00", "2024-01-29T09:00-05:00"),
    ]
    assert rows(made, "secondary-oncall", "2024-01-01T09:00", "2024-01-22T09:00") == [
        (None, "2024-01-01T09:00-05:00", "2024-01-08T09:00-05:00"),
        ("alice", "2024-01-08T09:00-05:00", "2024-01-15T09:00-05:00"),
        ("bob", "2024-01-15T09:00-05:00", "2024-01-22T09:00-05:00"),
    ]


def test_secondary_is_who_was_primary_a_week_before_also_over_a_change_of_clocks(book: Make) -> None:
    made = book(OWN)
    primary, secondary = made.schedule("primary-oncall"), made.schedule("secondary-oncall")
    assert primary is not None
    assert secondary is not None
    zone = primary.zone
    wall = datetime(2024, 1, 8, 9)
    while wall < datetime(2025, 1, 8):
        now, before = (moment.replace(tzinfo=zone) for moment in (wall, wall - timedelta(days=7)))
        assert [s.user for s in on_call(made, secondary, now)] == [
            s.user for s in on_call(made, primary, before)
        ]
        wall += timedelta(hours=11)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # (23) a turn for each Friday
        (
            (
                "type: daily, start: 2024-08-01T00:00, until: 2024-08-22T00:00, advance: occurrence, "
                "restrictions: [{days: [fri]}], participants: [a@x.y, b@x.y, c@x.y]"
            ),
            ["08-02 a", "08-09 b", "08-16 c"],
        ),
        # (24) working days
        (
            (
                "type: daily, start: 2024-08-05T00:00, until: 2024-08-19T00:00, advance: occurrence, "
                "restrictions: [{days: [mon, tue, wed, thu, fri], start: 00:00, end: 12:00}], "
                "participants: [a@x.y, b@x.y, c@x.y, d@x.y, e@x.y]"
            ),
            [f"08-{day:02} {who}" for first in (5, 12) for day, who in enumerate("abcde", first)],
        ),
        # (27) weeks are anchored at the start
        (
            (
                "type: weekly, start: 2024-08-08T00:00, until: 2024-08-22T00:00, advance: occurrence, "
                "restrictions: [{days: [mon, tue, wed, thu, fri], start: 00:00, end: 12:00}], "
                "participants: [a@x.y, b@x.y, c@x.y, d@x.y, e@x.y]"
            ),
            [f"08-{day:02} a" for day in (8, 9, 12, 13, 14)]
            + [f"08-{day:02} b" for day in (15, 16, 19, 20, 21)],
        ),
        # two working days each
        (
            (
                "type: daily, every: 2, start: 2024-08-08T00:00, until: 2024-08-15T00:00, "
                "advance: occurrence, "
                "restrictions: [{days: [mon, tue, wed, thu, fri], start: 00:00, end: 12:00}], "
                "participants: [a@x.y, b@x.y, c@x.y]"
            ),
            ["08-08 a", "08-09 a", "08-12 b", "08-13 b", "08-14 c"],
        ),
        # by the clock, the weekend uses up turns
        (
            (
                "type: daily, start: 2024-08-08T00:00, until: 2024-08-15T00:00, "
                "restrictions: [{days: [mon, tue, wed, thu, fri], start: 00:00, end: 12:00}], "
                "participants: [a@x.y, b@x.y, c@x.y]"
            ),
            ["08-08 a", "08-09 b", "08-12 b", "08-13 c", "08-14 a"],
        ),
    ],
)
def test_restrictions_and_turns(book: Make, text: str, expected: list[str]) -> None:
    made = book(f"rotations: [{{name: r, timezone: UTC, {text}}}]")
    plan = made.schedule("r")
    assert plan is not None
    found = resolve(made, plan, datetime(2024, 8, 1, tzinfo=UTC), datetime(2024, 9, 1, tzinfo=UTC))
    assert [f"{shift.start:%m-%d} {shift.user[0]}" for shift in found if shift.user] == expected


def test_a_restriction_ends_at_the_last_of_two_equal_times(book: Make, rows: Rows) -> None:
    made = book(
        "rotations: [{name: r, type: weekly, start: 2018-01-01T00:00, timezone: America/Chicago, "
        "participants: [a@x.y], "
        "restrictions: [{start: '01:30', end: '02:00'}, {start: '00:00', end: '01:30'}]}]"
    )
    assert rows(made, "r", "2018-11-04T00:00", "2018-11-04T03:00") == [
        ("a", "2018-11-04T00:00-05:00", "2018-11-04T02:00-06:00"),
        (None, "2018-11-04T02:00-06:00", "2018-11-04T03:00-06:00"),
    ]
    # In spring 01:30 to 02:00 ends where the gap ends.
    assert rows(made, "r", "2018-03-11T01:00", "2018-03-11T04:00")[0] == (
        "a",
        "2018-03-11T01:00-06:00",
        "2018-03-11T03:00-05:00",
    )


@pytest.mark.parametrize(
    ("restriction", "expected"),
    [
        ("{days: [mon], start: '22:00', end: '06:00'}", [("a", "08-05T22", "08-06T06")]),
        (
            "{from: 'fri 17:00', to: 'mon 09:00'}",
            [("a", "08-05T00", "08-05T09"), ("a", "08-09T17", "08-12T00")],
        ),
        ("{from: 'mon 00:00', to: 'mon 00:00'}", [("a", "08-05T00", "08-12T00")]),
        (
            "{days: [sun], start: '20:00', end: '08:00'}",
            [("a", "08-05T00", "08-05T08"), ("a", "08-11T20", "08-12T00")],
        ),
        ("{days: [tue]}", [("a", "08-06T00", "08-07T00")]),
    ],
)
def test_restrictions_may_cross_midnight_and_the_week(
    book: Make, rows: Rows, restriction: str, expected: list[tuple[str, str, str]]
) -> None:
    made = book(
        f"rotations: [{{name: r, type: monthly, start: 2024-01-01T00:00, timezone: UTC, "
        f"participants: [a@x.y], "
        f"restrictions: [{restriction}]}}]"
    )
    found = rows(made, "r", "2024-08-05T00:00", "2024-08-12T00:00")
    assert [(who, start[5:13], end[5:13]) for who, start, end in found if who] == expected


def test_groups_stand_together_and_a_hole_is_a_hole(book: Make, rows: Rows) -> None:
    made = book(
        "rotations: [{name: r, type: daily, start: 2024-08-05T00:00, timezone: UTC, participants: "
        "[{user: a@x.y}, {group: [b@x.y, c@x.y]}, {unassigned: true}]}]"
    )
    assert [
        (who, start[8:10]) for who, start, _ in rows(made, "r", "2024-08-05T00:00", "2024-08-09T00:00")
    ] == [
        ("a", "05"),
        ("b", "06"),
        ("c", "06"),
        (None, "07"),
        ("a", "08"),
    ]


def test_nobody_before_the_start_nor_after_the_end(book: Make, rows: Rows) -> None:
    made = book(
        "rotations: [{name: r, type: daily, start: 2024-08-05T09:00, until: 2024-08-06T12:00, timezone: UTC, "
        "participants: [a@x.y, b@x.y]}]"
    )
    assert [(who, end[8:13]) for who, _, end in rows(made, "r", "2024-08-01T00:00", "2024-08-09T00:00")] == [
        (None, "05T09"),
        ("a", "06T09"),
        ("b", "06T12"),
        (None, "09T00"),
    ]


@pytest.mark.parametrize(
    ("form", "first"),
    [
        ("type: weekly, handoff_day: wed", "2024-01-03T09:00"),
        ("type: weekly, handoff_day: monday, handoff_time: 10:00", "2024-01-01T10:00"),
        ("type: daily, handoff_time: 06:30", "2024-01-01T06:30"),
        ("type: monthly, handoff_day: 31, handoff_time: 08:00", "2024-01-31T08:00"),
        ("type: weekly, start: 2024-05-01", "2024-05-01T09:00"),
        ("type: weekly, start: 2024-05-01, handoff_time: 12:00", "2024-05-01T12:00"),
        ("start_delay: 3", "2024-01-04T09:00"),
        ("type: hourly, every: 12", "2024-01-01T09:00"),
    ],
)
def test_what_is_not_said_has_a_default(book: Make, form: str, first: str) -> None:
    made = book(f"rotations: [{{name: r, participants: [a@x.y], {form}}}]")
    assert boundary(made.rotations["r"], 0, 1) == datetime.fromisoformat(first).replace(tzinfo=UTC)


def test_a_follower_takes_all_that_it_does_not_say(book: Make) -> None:
    made = book(
        OWN
        + """
  - {name: third, start_delay: 7}
  - {name: tokyo, timezone: Asia/Tokyo, participants: [t@example.com], follows: primary-oncall}
  - {name: later, follows: primary-oncall, handoff_time: "12:00"}
"""
    )
    third, tokyo, later = (made.rotations[name] for name in ("third", "tokyo", "later"))
    assert third.delay_days == 14
    assert third.people == made.rotations["primary-oncall"].people
    assert (tokyo.zone.key, tokyo.start, tokyo.delay_days) == ("Asia/Tokyo", datetime(2024, 1, 1, 9), 0)
    assert later.start == datetime(2024, 1, 1, 12)
