from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.time import (
    BusinessHours,
    format_duration,
    known_country,
    next_business_day,
    parse_duration,
    parse_weekday,
    parse_zone,
    to_instant,
    to_wall,
)

CHICAGO = ZoneInfo("America/Chicago")


@pytest.mark.parametrize(
    ("wall", "zone", "first", "last"),
    [
        ("2020-06-01T12:00", "America/Chicago", "2020-06-01T12:00-05:00", "2020-06-01T12:00-05:00"),
        # Twice: the first for starts and hand-offs, the last for the ends of restrictions.
        ("2018-11-04T01:30", "America/Chicago", "2018-11-04T01:30-05:00", "2018-11-04T01:30-06:00"),
        ("2020-11-01T01:00", "America/Chicago", "2020-11-01T01:00-05:00", "2020-11-01T01:00-06:00"),
        ("2020-11-01T02:00", "America/Chicago", "2020-11-01T02:00-06:00", "2020-11-01T02:00-06:00"),
        # Never: the first instant after the gap.
        ("2018-03-11T02:30", "America/Chicago", "2018-03-11T03:00-05:00", "2018-03-11T03:00-05:00"),
        ("2018-03-11T02:00", "America/Chicago", "2018-03-11T03:00-05:00", "2018-03-11T03:00-05:00"),
        ("2020-10-04T02:15", "Australia/Lord_Howe", "2020-10-04T02:30+11:00", "2020-10-04T02:30+11:00"),
        ("2020-04-05T01:45", "Australia/Lord_Howe", "2020-04-05T01:45+11:00", "2020-04-05T01:45+10:30"),
        ("2011-12-30T12:00", "Pacific/Apia", "2011-12-31T00:00+14:00", "2011-12-31T00:00+14:00"),
    ],
)
def test_a_wall_time_is_one_instant(wall: str, zone: str, first: str, last: str) -> None:
    naive, where = datetime.fromisoformat(wall), ZoneInfo(zone)
    assert to_instant(naive, where) == datetime.fromisoformat(first)
    assert to_instant(naive, where, last=True) == datetime.fromisoformat(last)


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2035, 1, 1)),
    st.sampled_from(sorted(available_timezones())),
)
def test_it_reads_back_wherever_the_wall_time_exists(wall: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    moment = wall.replace(second=0, microsecond=0)
    first, last = to_instant(moment, zone), to_instant(moment, zone, last=True)
    assert first <= last
    shown = to_wall(first, zone)
    assert shown >= moment
    if shown != moment:
        # In a gap: one minute earlier the clock stood before the time that does not exist.
        assert to_wall(first - timedelta(seconds=1), zone) < moment


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("5m", 300), ("2h", 7200), ("1d", 86400), ("1w", 604800), ("1h30m", 5400), (" 90s ", 90)],
)
def test_durations_are_read_and_written(text: str, seconds: int) -> None:
    value = parse_duration(text)
    assert value == timedelta(seconds=seconds)
    assert parse_duration(format_duration(value)) == value


@pytest.mark.parametrize("text", ["", "5", "m", "-5m", "5m5m", "1.5h", "10:00", "9" * 30 + "d", "99999d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|unit"):
        parse_duration(text)


def test_zones_and_days_are_checked() -> None:
    assert parse_zone("Europe/Berlin") == ZoneInfo("Europe/Berlin")
    assert [parse_weekday(text) for text in ("mon", "Tues", "WEDNESDAY", "sun")] == [0, 1, 2, 6]
    for wrong in ("Mars/Olympus", "../etc/passwd", "", "Europe"):
        with pytest.raises(ValueError, match="IANA"):
            parse_zone(wrong)
    with pytest.raises(ValueError, match="day of the week"):
        parse_weekday("mo")


BERLIN = BusinessHours(ZoneInfo("Europe/Berlin"), country="DE")


@pytest.mark.parametrize(
    ("declared", "deadline", "opening"),
    [
        ("2026-11-23T02:00", "1h", "2026-11-23T09:00"),  # Monday at night: the same morning
        ("2026-11-23T08:30", "1h", "2026-11-24T09:00"),  # the deadline is 09:30, after the opening
        ("2026-11-23T08:00", "1h", "2026-11-24T09:00"),  # strictly after the deadline
        ("2026-11-27T17:30", "1h", "2026-11-30T09:00"),  # Friday evening
        ("2026-11-28T12:00", "4h", "2026-11-30T09:00"),  # at the weekend
        ("2026-12-24T17:30", "1h", "2026-12-28T09:00"),  # Christmas, then a weekend
        ("2026-12-31T18:00", "1h", "2027-01-04T09:00"),  # New Year's Day is a Friday
    ],
)
def test_the_next_business_day_is_the_first_opening_after_the_deadline(
    declared: str, deadline: str, opening: str
) -> None:
    at = datetime.fromisoformat(declared).replace(tzinfo=BERLIN.zone)
    expected = datetime.fromisoformat(opening).replace(tzinfo=BERLIN.zone)
    assert next_business_day(BERLIN, at, parse_duration(deadline)) == expected


def test_an_office_is_open_at_its_start_and_not_at_its_end() -> None:
    zone = BERLIN.zone
    assert not BERLIN.is_open(datetime(2026, 11, 23, 8, 59, tzinfo=zone))
    assert BERLIN.is_open(datetime(2026, 11, 23, 9, tzinfo=zone))
    assert not BERLIN.is_open(datetime(2026, 11, 23, 17, tzinfo=zone))
    assert not BERLIN.is_open(datetime(2026, 12, 25, 12, tzinfo=zone))
    assert BERLIN.closing(datetime(2026, 11, 23, 12, tzinfo=zone)) == datetime(2026, 11, 23, 17, tzinfo=zone)


def test_hours_may_run_past_midnight_or_never_come() -> None:
    night = BusinessHours(ZoneInfo("UTC"), frozenset({4}), BusinessHours().end, BusinessHours().start)
    assert night.is_open(datetime(2026, 11, 28, 3, tzinfo=UTC))  # Friday's night, on Saturday
    assert not night.is_open(datetime(2026, 11, 27, 3, tzinfo=UTC))
    assert BusinessHours(days=frozenset()).next_opening(datetime(2026, 11, 23, tzinfo=UTC)) is None
    assert known_country("US-CA")
    assert not known_country("XX")
