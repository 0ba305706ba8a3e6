from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.domain.schedule.hours import Kind, split
from tocsin.domain.time import to_wall

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)


def _never(day: date) -> bool:
    return False


def _christmas(day: date) -> bool:
    return (day.month, day.day) == (12, 25)


@pytest.mark.parametrize(
    ("start", "end", "zone", "expected"),
    [
        # A Thursday: night, day, night.
        (
            "2026-08-06T00:00",
            "2026-08-07T00:00",
            "Europe/Berlin",
            ["06 night 6", "06 weekday 16", "06 night 2"],
        ),
        ("2026-08-06T21:30", "2026-08-06T22:15", "Europe/Berlin", ["06 weekday 0.5", "06 night 0.25"]),
        # The night to Saturday is night until midnight, and then weekend.
        (
            "2026-08-07T20:00",
            "2026-08-08T08:00",
            "Europe/Berlin",
            ["07 weekday 2", "07 night 2", "08 weekend 8"],
        ),
        (
            "2026-08-09T20:00",
            "2026-08-10T08:00",
            "Europe/Berlin",
            ["09 weekend 4", "10 night 6", "10 weekday 2"],
        ),
        # A holiday wins over all, also over a weekend (2027-12-25 is a Saturday).
        (
            "2026-12-24T20:00",
            "2026-12-26T01:00",
            "Europe/Berlin",
            ["24 weekday 2", "24 night 2", "25 holiday 24", "26 weekend 1"],
        ),
        ("2027-12-25T00:00", "2027-12-26T00:00", "Europe/Berlin", ["25 holiday 24"]),
        # Clocks forward at 02:00 on a Sunday: 23 hours. Back: 25.
        ("2026-03-29T00:00", "2026-03-30T00:00", "Europe/Berlin", ["29 weekend 23"]),
        ("2026-10-25T00:00", "2026-10-26T00:00", "Europe/Berlin", ["25 weekend 25"]),
        # Cairo changes in the night to Friday: the night has 5 or 7 hours.
        (
            "2026-04-24T01:00",
            "2026-04-25T00:00",
            "Africa/Cairo",
            ["24 night 5", "24 weekday 16", "24 night 2"],
        ),
        (
            "2026-10-29T00:00",
            "2026-10-30T00:00",
            "Africa/Cairo",
            ["29 night 6", "29 weekday 16", "29 night 3"],
        ),
        # 30 December 2011, a Friday, did not take place in Apia.
        (
            "2011-12-29T12:00",
            "2011-12-31T06:00",
            "Pacific/Apia",
            ["29 weekday 10", "29 night 2", "31 weekend 6"],
        ),
        ("2026-08-06T10:00", "2026-08-06T10:00", "UTC", []),
        ("2026-08-06T10:00", "2026-08-06T09:00", "UTC", []),
    ],
)
def test_it_says_which_hours_are_of_which_kind(start: str, end: str, zone: str, expected: list[str]) -> None:
    home = ZoneInfo(zone)
    edges = [datetime.fromisoformat(text).replace(tzinfo=home).astimezone(UTC) for text in (start, end)]
    found = [
        f"{part.day:%d} {part.kind} {(part.end - part.start) / HOUR:g}"
        for part in split(edges[0], edges[1], home, _christmas)
    ]
    assert found == expected


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.sampled_from(sorted(available_timezones())).map(ZoneInfo),
    st.datetimes(datetime(2015, 1, 1), datetime(2030, 1, 1)),
    st.integers(1, 60 * 24 * 9),
)
def test_the_parts_are_the_whole_and_each_is_what_the_clock_shows(
    zone: ZoneInfo, begins: datetime, minutes: int
) -> None:
    start = begins.replace(second=0, microsecond=0, tzinfo=UTC)
    end = start + timedelta(minutes=minutes)
    parts = list(split(start, end, zone, _christmas))
    assert parts[0].start == start
    assert parts[-1].end == end
    assert all(one.end == other.start for one, other in pairwise(parts))
    for part in parts:
        for instant in (part.start, part.start + (part.end - part.start) / 2):
            wall = to_wall(instant, zone)
            assert wall.date() == part.day
            if _christmas(part.day):
                assert part.kind is Kind.HOLIDAY
            elif part.day.weekday() >= 5:
                assert part.kind is Kind.WEEKEND
            else:
                assert (part.kind is Kind.NIGHT) is (wall.hour < 6 or wall.hour >= 22)


def test_nobody_needs_a_calendar_of_holidays() -> None:
    start = datetime(2026, 12, 25, tzinfo=UTC)
    assert {part.kind for part in split(start, start + HOUR, ZoneInfo("UTC"), _never)} == {Kind.NIGHT}
