"""An iCal address as overrides or absences: whom it names, what moves, what vanishes, and what goes wrong."""

import threading
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.db import connection

from tests.calendars.conftest import NOW, CalendarServer, event, text_of
from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.identity import actions as identity
from tocsin.apps.identity.models import User
from tocsin.apps.oncall import actions, fetching, queries
from tocsin.apps.oncall.models import Absence, Calendar, Override
from tocsin.apps.oncall.types import CalendarInfo
from tocsin.domain.errors import Conflict, Invalid, NotFound, PermissionDenied
from tocsin.domain.permissions import SYSTEM, Actor
from tocsin.domain.schedule import OverrideKind
from tocsin.domain.schedule.definition import OverrideDefinition
from tocsin.lib import bus, icalfetch
from tocsin.ports.events import OnCallChanged, ShiftsMoved

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
Rows = list[tuple[str, str, str, str]]


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%m-%d %H:%M}"


def _rows() -> Rows:
    """The overrides: who, from, until, kind."""
    return [
        (row.user.email.partition("@")[0] if row.user else "", _at(row.start), _at(row.end), row.kind)
        for row in Override.objects.select_related("user").order_by("start", "position", "id")
    ]


def _absences() -> list[tuple[str, str, str, str]]:
    rows = Absence.objects.select_related("user").order_by("start", "user__email")
    return [(row.user.email.partition("@")[0], _at(row.start), _at(row.end), row.note) for row in rows]


@pytest.fixture
def shifts(server: CalendarServer, owner: Actor) -> CalendarInfo:
    """The server's calendar as overrides of `web`."""
    return actions.add_calendar(
        actor=owner, name="Team calendar", url=server.url, use="overrides", schedule="web", now=NOW
    )


@pytest.fixture
def holidays(server: CalendarServer, owner: Actor) -> CalendarInfo:
    """The server's calendar as absences of whom its events name."""
    return actions.add_calendar(actor=owner, name="Holidays", url=server.url, use="absences", now=NOW)


def _known(made: CalendarInfo) -> CalendarInfo:
    found = queries.calendar(made.id)
    assert found is not None
    return found


def _again(made: CalendarInfo, now: datetime) -> CalendarInfo:
    Calendar.objects.filter(pk=made.id).update(due_at=now)
    assert fetching.read_due(now) == 1
    return _known(made)


LATER = event("On call: Cem Öztürk", "20261201T100000Z", "20261201T180000Z", uid="later")


@pytest.mark.usefixtures("at_hand")
class TestOverrides:
    def test_an_event_puts_its_person_on_call(self, server: CalendarServer, shifts: CalendarInfo) -> None:
        server.serve(LATER)
        assert fetching.read_due(NOW) == 1
        assert _rows() == [("cem", "12-01 10:00", "12-01 18:00", "override")]
        during = datetime(2026, 12, 1, 12, tzinfo=UTC)
        assert {one.user for one in queries.on_call("web", during)} == {"cem@x.org"}
        (info,) = queries.overrides("web")
        assert (info.calendar, info.created_by) == ("Team calendar", "calendar “Team calendar”")
        known = _known(shifts)
        assert (known.read_at, known.failures, known.problem, known.events) == (NOW, 0, "", 1)
        assert known.due_at == NOW + 10 * MINUTE

    def test_reading_the_same_again_changes_nothing(
        self, server: CalendarServer, shifts: CalendarInfo
    ) -> None:
        server.serve(LATER)
        fetching.read_due(NOW)
        before, entries = list(Override.objects.values()), AuditEntry.objects.count()
        assert fetching.read_due(NOW + 5 * MINUTE) == 0
        assert fetching.read_due(NOW + 10 * MINUTE) == 1
        assert list(Override.objects.values()) == before
        assert AuditEntry.objects.count() == entries

    def test_an_event_that_moves_takes_its_override_along(
        self, server: CalendarServer, shifts: CalendarInfo
    ) -> None:
        server.serve(LATER)
        fetching.read_due(NOW)
        (before,) = queries.overrides("web")
        server.serve(event("Dee, of the Late Shift", "20261202T100000Z", "20261202T120000Z", uid="later"))
        _again(shifts, NOW + HOUR)
        (after,) = queries.overrides("web")
        assert (after.id, after.user) == (before.id, "dee@x.org")
        assert _rows() == [("dee", "12-02 10:00", "12-02 12:00", "override")]

    def test_an_event_that_is_deleted_takes_its_override_along(
        self, server: CalendarServer, shifts: CalendarInfo
    ) -> None:
        server.serve(LATER)
        fetching.read_due(NOW)
        server.serve()
        _again(shifts, NOW + HOUR)
        assert _rows() == []

    def test_the_past_stays_as_it_was(self, server: CalendarServer, shifts: CalendarInfo) -> None:
        running = event("Cem Öztürk", "20261125T100000Z", "20261125T200000Z", uid="running")
        over = event("Cem Öztürk", "20261124T100000Z", "20261124T200000Z", uid="over")
        server.serve(running, over)
        fetching.read_due(NOW)
        # What ran before it was known of begins now.
        assert _rows() == [("cem", "11-25 12:00", "11-25 20:00", "override")]
        server.serve(event("Cem Öztürk", "20261125T150000Z", "20261125T190000Z", uid="running"))
        _again(shifts, NOW + HOUR)
        assert _rows() == [
            ("cem", "11-25 12:00", "11-25 13:00", "override"),
            ("cem", "11-25 15:00", "11-25 19:00", "override"),
        ]
        server.serve()
        _again(shifts, NOW + 4 * HOUR)
        assert _rows() == [
            ("cem", "11-25 12:00", "11-25 13:00", "override"),
            ("cem", "11-25 15:00", "11-25 16:00", "override"),
        ]

    def test_a_running_event_of_somebody_else_begins_where_the_first_ends(
        self, server: CalendarServer, shifts: CalendarInfo
    ) -> None:
        server.serve(event("Cem Öztürk", "20261125T110000Z", "20261125T200000Z", uid="one"))
        fetching.read_due(NOW)
        server.serve(event("dee@x.org", "20261125T110000Z", "20261125T210000Z", uid="one"))
        _again(shifts, NOW + HOUR)
        assert _rows() == [
            ("cem", "11-25 12:00", "11-25 13:00", "override"),
            ("dee", "11-25 13:00", "11-25 21:00", "override"),
        ]

    def test_an_event_of_who_is_on_call_anyway_is_counted_only(
        self, server: CalendarServer, shifts: CalendarInfo, owner: Actor
    ) -> None:
        then = queries.on_call("web", NOW + DAY)
        assert {(one.user, one.role) for one in then} == {
            ("ann@x.org", "primary"),
            ("ben@x.org", "secondary"),
        }
        actions.add_calendar(
            actor=owner, name="Same", url=server.url, use="overrides", schedule="days", now=NOW
        )
        server.serve(event("Ann Lee", "20261126T120000Z", "20261126T140000Z"))
        while fetching.read_due(NOW):
            pass
        known = {one.schedule: one for one in queries.calendars()}
        assert (known["days"].events, known["days"].idle) == (1, 1)
        assert (known["web"].events, known["web"].idle) == (1, 0)  # there, Ben is taken off
        assert {row.schedule for row in Override.objects.all()} == {"web"}

    def test_people_who_overlap_are_on_call_together(
        self, server: CalendarServer, shifts: CalendarInfo
    ) -> None:
        server.serve(
            event("Cem Öztürk", "20261201T100000Z", "20261201T180000Z"),
            event("dee@x.org", "20261201T160000Z", "20261201T200000Z"),
        )
        fetching.read_due(NOW)

        def on(hour: int) -> set[str | None]:
            at = datetime(2026, 12, 1, hour, tzinfo=UTC)
            return {one.user for one in queries.on_call("web", at)}

        assert (on(12), on(17), on(19)) == ({"cem@x.org"}, {"cem@x.org", "dee@x.org"}, {"dee@x.org"})

    def test_repeats_exceptions_and_whole_days_are_read(
        self, server: CalendarServer, shifts: CalendarInfo
    ) -> None:
        server.serve(
            event(
                "Cem Öztürk",
                "20261130T100000",
                "20261130T120000",
                "RRULE:FREQ=DAILY;COUNT=4",
                "EXDATE:20261201T100000",
                uid="floating",
            ),
            event(
                "dee@x.org",
                "20261202T200000",
                "20261202T210000",
                "RECURRENCE-ID:20261202T100000",
                uid="floating",
            ),
            event("Cem Öztürk", "20261203T100000", "20261203T120000", "STATUS:CANCELLED", uid="off"),
            event("dee@x.org", "20261210", "20261212", uid="days"),
        )
        fetching.read_due(NOW)
        # Times without a zone, and days, are the schedule's: Berlin.
        assert _rows() == [
            ("cem", "11-30 09:00", "11-30 11:00", "override"),
            ("dee", "12-02 19:00", "12-02 20:00", "override"),
            ("cem", "12-03 09:00", "12-03 11:00", "override"),
            ("dee", "12-09 23:00", "12-11 23:00", "override"),
        ]

    def test_a_moved_repeat_stays_the_same_override(
        self, server: CalendarServer, shifts: CalendarInfo
    ) -> None:
        weekly = event(
            "Cem Öztürk", "20261130T100000Z", "20261130T120000Z", "RRULE:FREQ=WEEKLY;COUNT=3", uid="w"
        )
        server.serve(weekly)
        fetching.read_due(NOW)
        before = {one.id: one.start for one in queries.overrides("web")}
        moved = event(
            "Cem Öztürk", "20261208T100000Z", "20261208T120000Z", "RECURRENCE-ID:20261207T100000Z", uid="w"
        )
        server.serve(weekly, moved)
        _again(shifts, NOW + HOUR)
        after = {one.id: one.start for one in queries.overrides("web")}
        assert before.keys() == after.keys()
        assert sorted(after[one] - before[one] for one in before) == [0 * DAY, 0 * DAY, DAY]

    def test_an_event_known_by_the_clock_of_new_york_is_right_in_both_halves_of_the_year(
        self, server: CalendarServer, shifts: CalendarInfo
    ) -> None:
        server.serve(
            "BEGIN:VEVENT\r\nUID:ny\r\nDTSTART;TZID=America/New_York:20270307T090000\r\nDURATION:PT1H\r\n"
            "RRULE:FREQ=WEEKLY;COUNT=2\r\nSUMMARY:dee@x.org\r\nEND:VEVENT"
        )
        fetching.read_due(NOW)
        assert [row[1] for row in _rows()] == ["03-07 14:00", "03-14 13:00"]

    def test_who_takes_a_leavers_place_keeps_it(self, server: CalendarServer, shifts: CalendarInfo) -> None:
        running = event("Dee, of the Late Shift", "20261125T110000Z", "20261125T200000Z", uid="running")
        later = event("Dee, of the Late Shift", "20261201T100000Z", "20261201T180000Z", uid="later")
        server.serve(running, later)
        fetching.read_due(NOW)
        identity.deactivate_user(actor=SYSTEM, email="dee@x.org", replacement="cem@x.org", now=NOW + HOUR)
        known = _again(shifts, NOW + 2 * HOUR)
        assert _rows() == [
            ("dee", "11-25 12:00", "11-25 13:00", "override"),
            ("cem", "11-25 13:00", "11-25 20:00", "override"),
            ("cem", "12-01 10:00", "12-01 18:00", "override"),
        ]
        assert {one.why for one in known.unmatched} == {"Dee, of the Late Shift has left"}

    def test_whose_shifts_move_is_told_once(self, server: CalendarServer, shifts: CalendarInfo) -> None:
        server.serve(
            event("dee@x.org", "20261201T100000Z", "20261201T180000Z", uid="1"),
            event("dee@x.org", "20261203T100000Z", "20261203T180000Z", uid="2"),
        )
        moved: list[ShiftsMoved] = []
        changed: list[OnCallChanged] = []
        with bus.listening(ShiftsMoved, moved.append), bus.listening(OnCallChanged, changed.append):
            fetching.read_due(NOW)
            _again(shifts, NOW + HOUR)
        assert sorted(one.email for one in moved) == ["ann@x.org", "ben@x.org", "dee@x.org"]
        gained = next(one for one in moved if one.email == "dee@x.org")
        assert {start for _, start, _ in gained.gained} == {
            datetime(2026, 12, day, 10, tzinfo=UTC) for day in (1, 3)
        }
        assert "Team calendar" in gained.why
        assert [one.schedules for one in changed] == [("web",)]

    def test_what_people_did_by_hand_is_not_touched(
        self, server: CalendarServer, shifts: CalendarInfo, mate: Actor
    ) -> None:
        change = OverrideDefinition(NOW + DAY, NOW + 2 * DAY, OverrideKind.OVERRIDE, "dee@x.org")
        made = actions.add_override(actor=mate, schedule="web", change=change, now=NOW)
        server.serve(LATER)
        fetching.read_due(NOW)
        server.serve()
        _again(shifts, NOW + HOUR)
        assert [one.id for one in queries.overrides("web")] == [made.id]


@pytest.mark.usefixtures("at_hand")
class TestWhom:
    @pytest.mark.parametrize(
        ("summary", "more", "who"),
        [
            ("On call: Cem Öztürk", (), "cem"),
            ("CEM  ÖZTÜRK - vacation", (), "cem"),
            ("Cem O\u0308ztu\u0308rk", (), "cem"),  # the same letters, written in two parts each
            ("Support (Cem Öztürk)", (), "cem"),
            ("Cem Öztürk is on call", (), "cem"),
            ("Primary: Cem@X.org", (), "cem"),
            ("Shift", ("ATTENDEE;CN=Cem:MAILTO:Cem@x.org",), "cem"),
            ("Shift", ("ORGANIZER:mailto:ann@x.org", "ATTENDEE:mailto:cem@x.org"), "cem"),
            (
                "Shift",
                (
                    "ORGANIZER:mailto:ann@x.org",
                    "ATTENDEE:mailto:ann@x.org",
                    "ATTENDEE;PARTSTAT=DECLINED:mailto:ben@x.org",
                    "ATTENDEE:mailto:cem@x.org",
                ),
                "cem",
            ),
            ("Shift", ("DESCRIPTION:Ask <cem@x.org>\\, please",), "cem"),
            ("Shift", ("ORGANIZER:mailto:cem@x.org",), "cem"),
            ("Dee, of the Late Shift", (), "dee"),
            ("On call: Ben Okafor", ("ORGANIZER:mailto:ann@x.org",), "ben"),
        ],
    )
    def test_an_event_names_its_person(
        self, server: CalendarServer, holidays: CalendarInfo, summary: str, more: tuple[str, ...], who: str
    ) -> None:
        server.serve(event(summary.replace(",", "\\,"), "20261201", "20261202", *more, uid="u"))
        fetching.read_due(NOW)
        assert [row[0] for row in _absences()] == [who]

    @pytest.mark.parametrize(
        ("summary", "more", "why"),
        [
            ("Zed Nobody", (), "names nobody"),
            ("Cement", (), "names nobody"),
            ("zed@elsewhere.org", (), "no user with the address zed@elsewhere.org"),
            ("Shift", ("ORGANIZER:mailto:ann@x.org", "ATTENDEE:mailto:zed@elsewhere.org"), "no user"),
            ("Ann Lee & Ben Okafor", (), "several people: Ann Lee (ann@x.org), Ben Okafor (ben@x.org)"),
            ("Gus Gone", (), "Gus Gone has left"),
            ("Two Alike", (), "several people"),
        ],
    )
    def test_what_names_nobody_or_several_is_listed_with_the_reason(
        self, server: CalendarServer, holidays: CalendarInfo, summary: str, more: tuple[str, ...], why: str
    ) -> None:
        for email, name in (
            ("gus@x.org", "Gus Gone"),
            ("two@x.org", "Two Alike"),
            ("too@x.org", "Two alike"),
        ):
            identity.invite_user(actor=SYSTEM, email=email, name=name, now=NOW)
        identity.deactivate_user(actor=SYSTEM, email="gus@x.org", now=NOW)
        server.serve(event(summary, "20261201T100000Z", "20261201T110000Z", *more))
        fetching.read_due(NOW)
        assert _absences() == []
        (listed,) = _known(holidays).unmatched
        assert why in listed.why
        assert (listed.summary, listed.start) == (summary, datetime(2026, 12, 1, 10, tzinfo=UTC))

    def test_somebody_who_joins_later_is_found_then(
        self, server: CalendarServer, holidays: CalendarInfo
    ) -> None:
        server.etag = '"v1"'
        server.serve(event("Zed Newcomer", "20261201", "20261202"))
        fetching.read_due(NOW)
        identity.invite_user(actor=SYSTEM, email="zed@x.org", name="Zed Newcomer", now=NOW)
        known = _again(holidays, NOW + HOUR)
        assert ([row[0] for row in _absences()], known.unmatched) == (["zed"], ())


@pytest.mark.usefixtures("at_hand")
class TestAbsences:
    def test_every_event_of_ones_own_calendar_is_ones_own(self, server: CalendarServer, mate: Actor) -> None:
        made = actions.add_calendar(
            actor=mate, name="Mine", url=server.url, use="absences", email="ann@x.org", now=NOW
        )
        server.serve(
            event("Sailing with Ben Okafor", "20261224", "20261227", uid="1"),
            event("Dentist", "20261125T080000Z", "20261125T130000Z", uid="2"),
        )
        fetching.read_due(NOW)
        assert _absences() == [
            ("ann", "11-25 08:00", "11-25 13:00", "Dentist"),
            ("ann", "12-23 23:00", "12-26 23:00", "Sailing with Ben Okafor"),
        ]
        server.serve(event("Sailing", "20261225", "20261227", uid="1"))
        _again(made, NOW + HOUR / 2)
        assert _absences() == [
            ("ann", "11-25 08:00", "11-25 12:30", "Dentist"),
            ("ann", "12-24 23:00", "12-26 23:00", "Sailing"),
        ]

    def test_the_words_of_a_private_event_stay_its_owners(self, server: CalendarServer, mate: Actor) -> None:
        actions.add_calendar(
            actor=mate, name="Mine", url=server.url, use="absences", email="ann@x.org", now=NOW
        )
        server.serve(
            event("Surgery", "20261224", "20261227", "CLASS:PRIVATE"),
            event("Blood test", "20261224T100000Z", "20261224T100000Z", "CLASS:CONFIDENTIAL"),
            event("Scan", "20261224T100000Z", "20261224T090000Z", "CLASS:PRIVATE"),
        )
        fetching.read_due(NOW)
        assert _absences() == [("ann", "12-23 23:00", "12-26 23:00", "")]
        assert {one.summary for one in queries.calendars()[0].unmatched} == {"(private)"}

    def test_whole_days_are_those_of_the_person(self, server: CalendarServer, holidays: CalendarInfo) -> None:
        User.objects.filter(email="cem@x.org").update(timezone="Asia/Tokyo")
        server.serve(event("Cem Öztürk", "20261224", "20261225"))
        fetching.read_due(NOW)
        assert _absences() == [("cem", "12-23 15:00", "12-24 15:00", "Cem Öztürk")]


class TestFaults:
    @pytest.mark.parametrize(
        ("fault", "words"),
        [
            ("404", "answered 404: there is no calendar at this address"),
            ("403", "answered 403: the calendar is not public"),
            ("500", "answered 500: its server has a problem"),
            ("elsewhere", "redirects to another host"),
            ("endless", "more than 5242880 bytes"),
            ("cut", "cut off"),
        ],
    )
    def test_what_goes_wrong_is_said_and_what_was_read_stays_in_force(
        self, server: CalendarServer, shifts: CalendarInfo, fault: str, words: str
    ) -> None:
        server.serve(LATER)
        fetching.read_due(NOW)
        server.fault = fault
        known = _again(shifts, NOW + HOUR)
        assert words in known.problem
        assert "private-secret" not in known.problem
        assert (known.failures, known.read_at) == (1, NOW)
        assert [row[0] for row in _rows()] == ["cem"]

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (b"<!DOCTYPE html><html><body>Log in</body></html>", "a web page"),
            (b"hello", "BEGIN:VCALENDAR"),
            (b"", "BEGIN:VCALENDAR"),
            (b"\x00\xff\x01\x02" * 50, "BEGIN:VCALENDAR"),
            (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR", "damaged"),
            (text_of("BEGIN:VEVENT\r\nEND:VEVENT\r\n" * 100_000).encode(), "100000 events"),
        ],
    )
    def test_what_is_no_calendar_is_refused_in_words(
        self, server: CalendarServer, shifts: CalendarInfo, body: bytes, words: str
    ) -> None:
        server.body = body
        fetching.read_due(NOW)
        assert words in _known(shifts).problem

    def test_it_waits_longer_from_failure_to_failure_and_recovers(
        self, server: CalendarServer, shifts: CalendarInfo
    ) -> None:
        server.fault, now, pauses = "500", NOW, []
        for _ in range(5):
            fetching.read_due(now)
            due = _known(shifts).due_at
            pauses.append(due - now)
            now = due
        assert pauses == [10 * MINUTE, 20 * MINUTE, 40 * MINUTE, HOUR, HOUR]
        assert _known(shifts).failures == 5
        server.serve(LATER)
        fetching.read_due(now)
        known = _known(shifts)
        assert (known.failures, known.problem, known.read_at) == (0, "", now)
        assert [row[0] for row in _rows()] == ["cem"]

    def test_a_calendar_that_is_empty_all_at_once_is_not_believed_for_an_hour(
        self, server: CalendarServer, shifts: CalendarInfo
    ) -> None:
        sooner = event("Dee, of the Late Shift", "20261129T100000Z", "20261129T120000Z", uid="sooner")
        server.serve(LATER, sooner)
        fetching.read_due(NOW)
        server.fault, now = "500", NOW + HOUR
        for _ in range(4):
            now = _again(shifts, now).due_at
        server.serve()
        first = now
        known = _again(shifts, now)
        assert "empty all at once, though 2 of its events were still to come" in known.problem
        assert [row[0] for row in _rows()] == ["dee", "cem"]
        while known.problem:
            now = known.due_at
            known = _again(shifts, now)
        assert HOUR <= now - first <= 2 * HOUR
        assert _rows() == []

    def test_one_that_was_empty_by_mistake_never_lost_anything(
        self, server: CalendarServer, holidays: CalendarInfo
    ) -> None:
        server.serve(event("Cem Öztürk", "20261201", "20261202"), event("Ben Okafor", "20261203", "20261204"))
        fetching.read_due(NOW)
        before = list(Absence.objects.values())
        full, server.body = server.body, text_of().encode()
        _again(holidays, NOW + HOUR)
        server.body = full
        known = _again(holidays, NOW + 2 * HOUR)
        assert (known.problem, list(Absence.objects.values())) == ("", before)

    def test_what_cannot_be_put_into_force_is_said_and_tried_again(
        self, server: CalendarServer, shifts: CalendarInfo, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.serve(LATER)
        with monkeypatch.context() as patch:
            patch.setattr(fetching, "together", lambda _: 1 / 0)
            fetching.read_due(NOW)
        known = _known(shifts)
        assert (known.failures, known.read_at) == (1, None)
        assert "could not be put into force (ZeroDivisionError)" in known.problem
        assert _again(shifts, NOW + HOUR).problem == ""

    def test_a_server_that_does_not_answer_is_given_up(
        self,
        server: CalendarServer,
        shifts: CalendarInfo,
        owner: Actor,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        real = icalfetch.fetch
        monkeypatch.setattr(icalfetch, "fetch", lambda *args: real(*args, within_s=1.0))
        release = threading.Event()
        server.before = partial(release.wait, 20)
        fetching.read_due(NOW)
        release.set()
        assert "within 1 s" in _known(shifts).problem
        assert len(server.asked) == 1

    def test_a_redirect_on_the_same_host_is_followed(
        self, server: CalendarServer, shifts: CalendarInfo
    ) -> None:
        server.serve(LATER)
        server.fault = "moved"
        fetching.read_due(NOW)
        assert [row[0] for row in _rows()] == ["cem"]

    def test_one_bad_event_does_not_hide_the_good_ones(
        self, server: CalendarServer, shifts: CalendarInfo
    ) -> None:
        bad = ("20261201T100000Z", "20261201T110000Z")
        server.serve(
            LATER,
            event("Every second", *bad, "RRULE:FREQ=SECONDLY"),
            event("Never ends", *bad, "RRULE:FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30"),
            event("Somehow", *bad, "RRULE:FREQ=SOMETIMES"),
            event("No start", "2026-13-99", "20261201T110000Z"),
            event("Backwards", *reversed(bad)),
            event("Cem Öztürk", bad[0], bad[0], uid="no length"),
            event("Cem Öztürk", "20261201T100000Z", "20301201T100000Z", uid="too long"),
        )
        fetching.read_due(NOW)
        known = _known(shifts)
        assert [row[0] for row in _rows()] == ["cem"]
        why = {one.why for one in known.unmatched}
        assert why == {
            "it repeats by the minute or the second, which is no time to be on call",
            "how it repeats takes too long to work out",
            "how it repeats cannot be read",
            "its start cannot be read",
            "it ends before it starts",
            "it has no length: its end is its start",
            "it lasts longer than 800 days",
        }
        assert known.problem == ""

    def test_an_unknown_zone_is_not_guessed(self, server: CalendarServer, shifts: CalendarInfo) -> None:
        server.serve(
            "BEGIN:VEVENT\r\nUID:z\r\nDTSTART;TZID=Mars/Base:20261201T100000\r\nDURATION:PT1H\r\n"
            "SUMMARY:dee@x.org\r\nEND:VEVENT"
        )
        fetching.read_due(NOW)
        assert [one.why for one in _known(shifts).unmatched] == ["its time zone “Mars/Base” is not known"]

    def test_more_events_than_it_takes_are_said(
        self, server: CalendarServer, shifts: CalendarInfo, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fetching, "MOST_EVENTS", 3)
        server.serve(
            *(
                event("dee@x.org", f"202612{n:02}T100000Z", f"202612{n:02}T110000Z", uid=str(n))
                for n in range(1, 6)
            )
        )
        fetching.read_due(NOW)
        assert [row[1] for row in _rows()] == ["12-01 10:00", "12-02 10:00", "12-03 10:00"]
        known = _known(shifts)
        assert (known.events, known.failures) == (5, 0)
        assert "5 events" in known.problem
        assert "the first 3 are used, until 2026-12-03 10:00 UTC" in known.problem

    def test_an_unchanged_calendar_is_not_sent_again_on_that_day(
        self, server: CalendarServer, shifts: CalendarInfo
    ) -> None:
        server.etag = '"v1"'
        server.serve(LATER)
        fetching.read_due(NOW)
        known = _again(shifts, NOW + HOUR)
        assert server.answered == [200, 304]
        assert (known.read_at, [row[0] for row in _rows()]) == (NOW + HOUR, ["cem"])
        _again(shifts, NOW + DAY)
        assert server.answered[-1] == 200

    def test_two_workers_do_not_read_one_calendar_twice(
        self, server: CalendarServer, shifts: CalendarInfo
    ) -> None:
        server.serve(LATER)
        assert fetching._claim(NOW) is not None
        assert fetching._claim(NOW) is None
        assert fetching.read_due(NOW) == 0
        # One that died meanwhile is made up for.
        assert fetching.read_due(NOW + 10 * MINUTE) == 1
        assert len(server.asked) == 1

    @pytest.mark.django_db(transaction=True)
    def test_nothing_is_locked_while_a_server_takes_its_time(
        self, server: CalendarServer, shifts: CalendarInfo
    ) -> None:
        open_ones: list[bool] = []
        server.before = lambda: open_ones.append(connection.in_atomic_block)
        server.serve(LATER)
        fetching.read_due(NOW)
        assert (open_ones, [row[0] for row in _rows()]) == ([False], ["cem"])

    def test_what_was_removed_while_it_was_fetched_makes_nothing(
        self, server: CalendarServer, shifts: CalendarInfo, monkeypatch: pytest.MonkeyPatch, owner: Actor
    ) -> None:
        server.serve(LATER)
        real = icalfetch.fetch

        def fetch(*args: object) -> icalfetch.Fetched:
            found = real(*args)  # type: ignore[arg-type]  # handed through
            actions.remove_calendar(actor=owner, calendar_id=shifts.id, now=NOW)
            return found

        monkeypatch.setattr(icalfetch, "fetch", fetch)
        assert fetching.read_due(NOW) == 1
        assert (_rows(), queries.calendars()) == ([], ())

    def test_a_schedule_that_is_gone_is_said(
        self, server: CalendarServer, shifts: CalendarInfo, owner: Actor
    ) -> None:
        server.serve(LATER)
        actions.delete_schedule(actor=owner, name="web", now=NOW)
        fetching.read_due(NOW)
        assert "no schedule “web” any more" in _known(shifts).problem


@pytest.mark.usefixtures("at_hand")
class TestDoors:
    def test_removing_a_calendar_takes_what_is_to_come(
        self, server: CalendarServer, shifts: CalendarInfo, owner: Actor
    ) -> None:
        server.serve(LATER, event("dee@x.org", "20261125T110000Z", "20261125T200000Z", uid="running"))
        fetching.read_due(NOW)
        actions.remove_calendar(actor=owner, calendar_id=shifts.id, now=NOW + HOUR)
        assert _rows() == [("dee", "11-25 12:00", "11-25 13:00", "override")]
        assert queries.calendars() == ()

    def test_another_address_is_read_at_once_and_what_was_read_stays_until_then(
        self, server: CalendarServer, shifts: CalendarInfo, owner: Actor
    ) -> None:
        server.serve(LATER)
        fetching.read_due(NOW)
        fresh = server.url.replace("basic", "other")
        at = NOW + MINUTE
        known = actions.edit_calendar(actor=owner, calendar_id=shifts.id, url=fresh, name="New", now=at)
        assert (known.due_at, known.name) == (at, "New")
        assert [row[0] for row in _rows()] == ["cem"]

    def test_read_now_is_due_now(self, server: CalendarServer, shifts: CalendarInfo, owner: Actor) -> None:
        server.serve(LATER)
        fetching.read_due(NOW)
        actions.read_calendar_now(actor=owner, calendar_id=shifts.id, now=NOW + MINUTE)
        assert fetching.read_due(NOW + MINUTE) == 1

    def test_who_owns_nothing_here_may_not(
        self, server: CalendarServer, shifts: CalendarInfo, stranger: Actor, mate: Actor
    ) -> None:
        for actor in (stranger, mate):
            with pytest.raises(PermissionDenied):
                actions.add_calendar(
                    actor=actor, name="X", url=server.url, use="overrides", schedule="web", now=NOW
                )
            with pytest.raises(PermissionDenied):
                actions.remove_calendar(actor=actor, calendar_id=shifts.id, now=NOW)
            with pytest.raises(PermissionDenied):
                actions.add_calendar(
                    actor=actor, name="X", url=server.url, use="absences", email="ben@x.org", now=NOW
                )

    @pytest.mark.parametrize(
        "url", ["ftp://x.org/a.ics", "x.org/a.ics", "https://", "https://x.org/a b.ics", "javascript:1", ""]
    )
    def test_what_is_no_address_is_refused(self, owner: Actor, url: str) -> None:
        with pytest.raises(Invalid, match="webcal"):
            actions.add_calendar(actor=owner, name="X", url=url, use="overrides", schedule="web", now=NOW)

    def test_webcal_is_https_and_the_address_is_not_shown(self, owner: Actor) -> None:
        made = actions.add_calendar(
            actor=owner,
            name="X",
            url="webcal://x.org/secret.ics?key=1",
            use="overrides",
            schedule="web",
            now=NOW,
        )
        assert Calendar.objects.get().url == "https://x.org/secret.ics?key=1"
        assert made.url_shown == "https://x.org/…"
        assert "secret" not in str(AuditEntry.objects.get(action="calendar.added").data)

    def test_nobody_takes_the_place_of_all_others(self, mate: Actor, owner: Actor) -> None:
        def add(actor: Actor, number: int) -> None:
            url = f"https://x.org/{number}.ics"
            actions.add_calendar(
                actor=actor, name="Mine", url=url, use="absences", email=actor.email, now=NOW
            )

        for number in range(5):
            add(mate, number)
        with pytest.raises(Conflict, match="At most 5 calendars of one person"):
            add(mate, 5)
        add(owner, 5)

    def test_the_same_twice_is_refused(
        self, server: CalendarServer, shifts: CalendarInfo, owner: Actor
    ) -> None:
        with pytest.raises(Conflict):
            actions.add_calendar(
                actor=owner, name="Y", url=server.url, use="overrides", schedule="web", now=NOW
            )
        with pytest.raises(NotFound):
            actions.add_calendar(
                actor=owner, name="Y", url=server.url, use="overrides", schedule="no", now=NOW
            )


@pytest.mark.django_db(transaction=True)
def test_workers_side_by_side_read_each_calendar_once(server: CalendarServer, owner: Actor) -> None:
    paths = [server.url.replace("basic", f"calendar-{number}") for number in range(3)]
    for number, url in enumerate(paths):
        actions.add_calendar(
            actor=owner, name=f"C{number}", url=url, use="overrides", schedule="web", now=NOW
        )
    server.serve(LATER)
    done: list[int] = []

    def work() -> None:
        try:
            while fetching.read_due(NOW):
                done.append(1)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert (len(done), len(server.asked)) == (3, 3)
    # The same person for the same time, three times over: one of them is in force, the others change nothing.
    assert [row[0] for row in _rows()] == ["cem"]
    assert sorted(known.idle for known in queries.calendars()) == [0, 1, 1]
