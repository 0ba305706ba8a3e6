"""Calendars as programs write them, and as nobody should; and the rules that hold whatever they say."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.calendars.conftest import event, text_of
from tocsin.domain.schedule import OverrideKind
from tocsin.domain.schedule.imported import Held, Wanted, changes, instants, together
from tocsin.lib import ical

START = datetime(2026, 11, 25, tzinfo=UTC)
END = START + timedelta(days=366)
MINUTE = timedelta(minutes=1)


def _read(*events: str, encoding: str = "utf-8") -> ical.Reading:
    return ical.read(text_of(*events).encode(encoding), START, END)


def _one(*lines: str) -> ical.Happening:
    reading = _read("\r\n".join(["BEGIN:VEVENT", "UID:1", *lines, "END:VEVENT"]))
    assert reading.broken == ()
    (found,) = reading.happenings
    return found


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_umlauts_survive_every_encoding(encoding: str) -> None:
    (found,) = _read(event("Bereitschaft: Jörg Müß", "20261201", "20261202"), encoding=encoding).happenings
    assert found.summary == "Bereitschaft: Jörg Müß"


def test_a_zone_may_go_by_its_windows_name() -> None:
    found = _one(
        "DTSTART;TZID=W. Europe Standard Time:20270701T090000",
        "DTEND;TZID=W. Europe Standard Time:20270701T170000",
    )
    assert found.start == datetime(2027, 7, 1, 7, tzinfo=UTC)


def test_a_zone_may_be_defined_in_the_calendar() -> None:
    zone = (
        "BEGIN:VTIMEZONE\r\nTZID:Ours\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n"
        "TZOFFSETFROM:+0530\r\nTZOFFSETTO:+0530\r\nEND:STANDARD\r\nEND:VTIMEZONE"
    )
    start = "BEGIN:VEVENT\r\nUID:1\r\nDTSTART;TZID=Ours:20261201T093000\r\nDURATION:PT1H\r\nEND:VEVENT"
    (found,) = _read(zone, start).happenings
    assert found.start == datetime(2026, 12, 1, 4, tzinfo=UTC)


def test_a_few_lines_that_repeat_without_measure_are_refused() -> None:
    def hourly(uid: str) -> str:
        return event("A", "20261125T100000Z", "20261125T110000Z", "RRULE:FREQ=HOURLY", uid=uid)

    assert len(_read(hourly("1")).happenings) > 8_000
    with pytest.raises(ical.UnreadableError, match="more than 10000 times"):
        _read(hourly("1"), hourly("2"))


def test_dates_may_be_listed_instead_of_ruled() -> None:
    reading = _read(
        event("A", "20261201T100000Z", "20261201T110000Z", "RDATE:20261205T100000Z,20261209T100000Z")
    )
    assert [one.start.day for one in reading.happenings] == [1, 5, 9]
    assert len({one.which for one in reading.happenings}) == 3


def test_an_event_that_runs_at_the_edge_is_seen_and_one_that_is_over_is_not() -> None:
    reading = _read(
        event("over", "20261101T100000Z", "20261101T110000Z"),
        event("running", "20261101T100000Z", "20261130T110000Z"),
        event("beyond", "20280101T100000Z", "20280101T110000Z"),
        event("long ago, and wrong", "20151101T100000Z", "20151031T110000Z"),
    )
    assert [one.summary for one in reading.happenings] == ["running"]
    assert reading.broken == ()


@pytest.mark.parametrize("end", ["DTEND:20261201T090000Z", "DURATION:-PT1H"])
def test_what_ends_before_it_starts_is_not_turned_round(end: str) -> None:
    reading = _read(f"BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20261201T100000Z\r\n{end}\r\nEND:VEVENT")
    assert [one.why for one in reading.broken] == ["it ends before it starts"]


def test_events_that_share_a_uid_are_all_seen() -> None:
    reading = _read(
        event("A", "20261201T100000Z", "20261201T110000Z", uid="same"),
        event("B", "20261202T100000Z", "20261202T110000Z", uid="same"),
        event("A again", "20261201T100000Z", "20261201T120000Z", "SEQUENCE:2", uid="same"),
    )
    assert sorted(one.summary for one in reading.happenings) == ["A again", "B"]
    assert len({one.uid for one in reading.happenings}) == 2


def test_a_day_without_an_end_is_one_day_and_with_the_same_end_too() -> None:
    zone = ZoneInfo("Europe/Berlin")
    for lines in (
        ("DTSTART;VALUE=DATE:20270328",),
        ("DTSTART;VALUE=DATE:20270328", "DTEND;VALUE=DATE:20270328"),
    ):
        found = _one(*lines)
        start, end = instants(found.start, found.end, zone)
        assert end - start == timedelta(hours=23)  # the day on which clocks go forward


def test_a_time_that_is_skipped_or_doubled_follows_the_rule_of_the_house() -> None:
    zone = ZoneInfo("Europe/Berlin")
    skipped = instants(datetime(2027, 3, 28, 2, 30), datetime(2027, 3, 28, 4), zone)
    assert skipped == (datetime(2027, 3, 28, 1, tzinfo=UTC), datetime(2027, 3, 28, 2, tzinfo=UTC))
    doubled = instants(datetime(2027, 10, 31, 2, 30), datetime(2027, 10, 31, 2, 45), zone)
    assert doubled == (
        datetime(2027, 10, 31, 0, 30, tzinfo=UTC),
        datetime(2027, 10, 31, 1, 45, tzinfo=UTC),
    )
    assert instants(date(2027, 10, 31), date(2027, 11, 1), zone)[1] == datetime(2027, 10, 31, 23, tzinfo=UTC)


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_no_bytes_break_the_reader(body: bytes) -> None:
    whole = b"BEGIN:VCALENDAR\r\n" + body + b"\r\nEND:VCALENDAR"
    for one in (body, whole):
        with suppress(ical.UnreadableError):
            assert isinstance(ical.read(one, START, END), ical.Reading)


_NAMES = [
    "DTSTART",
    "DTEND",
    "DTSTART;VALUE=DATE",
    "DTEND;VALUE=DATE",
    "DTSTART;TZID=Mars",
    "DURATION",
    "RECURRENCE-ID",
    "EXDATE",
    "RDATE",
    "SUMMARY",
    "ATTENDEE",
    "ORGANIZER",
    "STATUS",
    "SEQUENCE",
    "UID",
]
_VALUES = [
    "20261201T100000Z",
    "20261201T100000",
    "20261201",
    "20261301",
    "99991231T235959Z",
    "00010101",
    "PT1H",
    "-P1D",
    "P",
    "2026",
    "",
    ",",
    "x",
    "mailto:",
    "mailto:a@x.org,b",
    "CANCELLED",
]
_PROPERTY = st.tuples(st.sampled_from(_NAMES), st.sampled_from(_VALUES))


@given(st.lists(st.lists(_PROPERTY, max_size=6), max_size=4))
@settings(max_examples=200, deadline=None)
def test_no_event_is_passed_over_in_silence(events: list[list[tuple[str, str]]]) -> None:
    """Each is read, named as broken, cancelled, or not within the year."""
    lines = [f"{name}:{value}" for properties in events for name, value in properties]
    text = text_of(
        *("\r\n".join(["BEGIN:VEVENT", *(f"{n}:{v}" for n, v in one), "END:VEVENT"]) for one in events)
    )
    reading = ical.read(text.encode(), START, END)
    assert all(one.why for one in reading.broken)
    for one in reading.happenings:
        assert isinstance(one.start, date)
        assert isinstance(one.end, date)
    timeless = [one for one in events if not any(name.startswith("DT") for name, _ in one)]
    alone = not any(line.startswith(("UID", "RECURRENCE-ID")) for line in lines)
    if alone and timeless:
        assert reading.broken


_EVENTS = st.lists(
    st.builds(
        lambda key, user, start, length: Wanted(
            f"k{key}", user, START + start * MINUTE, START + (start + length) * MINUTE, ""
        ),
        st.integers(0, 5),
        st.sampled_from("abc"),
        st.integers(-30, 30),
        st.integers(1, 30),
    ),
    max_size=6,
    unique_by=lambda one: one.key,
)


@given(_EVENTS)
def test_whoever_overlaps_is_on_call_together_and_one_of_them_instead_of_the_rest(
    wanted: list[Wanted],
) -> None:
    pieces = together(wanted)
    assert len({one.key for one in pieces}) == len(pieces)
    for minute in range(-30, 61):
        at = START + minute * MINUTE
        here = [one for one in pieces if one.start <= at < one.end]
        assert {one.user for one in here} == {one.user for one in wanted if one.start <= at < one.end}
        assert sum(one.kind is OverrideKind.OVERRIDE for one in here) == bool(here)


def _applied(held: Iterable[Held], wanted: list[Wanted], now: datetime) -> list[Held]:
    found = changes(held, wanted, now, bound=True)
    edited = dict(found.edited)
    kept = [
        replace(row, end=now) if row.id in found.ended else row for row in held if row.id not in found.deleted
    ]
    kept = [_held(row.id, edited[row.id]) if row.id in edited else row for row in kept]
    first = max((row.id for row in kept), default=0) + 1
    return kept + [_held(first + place, one) for place, one in enumerate(found.created)]


def _held(number: int, one: Wanted) -> Held:
    return Held(number, one.key, one.user, one.start, one.end, one.kind)


def _on(rows: Iterable[Held], at: datetime) -> set[tuple[str, str]]:
    return {(one.user, str(one.kind)) for one in rows if one.start <= at < one.end}


@given(st.lists(_EVENTS, min_size=1, max_size=4))
def test_each_reading_makes_the_future_so_and_leaves_the_past(readings: list[list[Wanted]]) -> None:
    held: list[Held] = []
    for place, events in enumerate(readings):
        now, wanted = START + (place - 1) * 10 * MINUTE, together(events)
        before, held = held, _applied(held, list(wanted), now)
        for minute in range(-30, 61):
            at = START + minute * MINUTE
            if at < now:
                assert _on(held, at) == _on(before, at)
            else:
                assert _on(held, at) == {
                    (one.user, str(one.kind)) for one in wanted if one.start <= at < one.end
                }
        assert not changes(held, wanted, now, bound=True)
