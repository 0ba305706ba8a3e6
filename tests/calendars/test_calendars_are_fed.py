"""What a calendar program is given is what the resolver says, and a change is seen as a change."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import icalendar
import pytest
import recurring_ical_events
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.calendars.conftest import NOW, define
from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.identity import actions as identity
from tocsin.apps.identity import queries as people
from tocsin.apps.oncall import actions, feeding, queries
from tocsin.apps.oncall.models import Feed, FeedEvent
from tocsin.domain.errors import NotFound, PermissionDenied
from tocsin.domain.permissions import SYSTEM, Actor
from tocsin.domain.schedule import Shift, resolve
from tocsin.domain.schedule.definition import OverrideDefinition
from tocsin.entrypoints.web.views import calendar as view
from tocsin.lib.log import JsonFormatter
from tocsin.lib.ratelimit import Buckets

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
YEAR = (NOW, NOW + 365 * DAY)


def _actor(email: str) -> Actor:
    return people.actor_for_email(email)


def _feed(email: str = "ann@x.org", schedule: str = "") -> Feed:
    made = actions.make_feed(actor=_actor(email), email=email, schedule=schedule, now=NOW)
    return Feed.objects.select_related("user").get(pk=made.id)


def _read(feed: Feed, now: datetime = NOW, *, gaps: bool = False) -> icalendar.Calendar:
    body = feeding.serve(feed, tag="", gaps=gaps, now=now).body
    assert body is not None
    return icalendar.Calendar.from_ical(body)  # type: ignore[return-value]  # it says Component


def _events(calendar: icalendar.Calendar) -> dict[str, icalendar.Event]:
    found = {str(event["UID"]): event for event in calendar.walk("VEVENT")}
    assert len(found) == len(calendar.walk("VEVENT"))
    return found  # type: ignore[return-value]  # untyped library


def _times(calendar: icalendar.Calendar) -> list[tuple[datetime, datetime, str]]:
    """As a calendar program would work them out, over the coming year, cut to it."""
    several = recurring_ical_events.of(calendar).between(*YEAR)
    return sorted(
        (max(one["DTSTART"].dt, YEAR[0]), min(one["DTEND"].dt, YEAR[1]), str(one["SUMMARY"]))
        for one in several
        if one["DTEND"].dt > YEAR[0] and one["DTSTART"].dt < YEAR[1]
    )


def _resolved() -> list[Shift]:
    made = queries.book()
    plan = made.schedule("web")
    assert plan is not None
    return resolve(made, plan, *YEAR)


def _override(start: timedelta, end: timedelta, user: str = "cem@x.org") -> None:
    change = OverrideDefinition(NOW + start, NOW + end, user=user)
    actions.add_override(actor=SYSTEM, schedule="web", change=change, now=NOW)


def test_a_persons_feed_is_what_the_resolver_says_of_them(company: None) -> None:
    _override(30 * DAY, 31 * DAY, "ann@x.org")
    expected = [
        (one.start, one.end, f"On call: web ({one.role})") for one in _resolved() if one.user == "ann@x.org"
    ]
    assert _times(_read(_feed())) == sorted(expected)
    assert len(expected) > 200


def test_a_schedules_feed_is_its_final_schedule(company: None) -> None:
    names = {"ann@x.org": "Ann Lee", "ben@x.org": "Ben Okafor", "cem@x.org": "Cem Öztürk"}
    expected = [(one.start, one.end, f"On call: {names[one.user or '']} ({one.role})") for one in _resolved()]
    assert _times(_read(_feed(schedule="web"))) == sorted(expected)


def test_the_nights_on_which_clocks_change_are_right(company: None) -> None:
    events = _events(_read(_feed(schedule="web"))).values()
    lengths = {
        event["DTEND"].dt - event["DTSTART"].dt
        for event in events
        if str(event["SUMMARY"]).endswith("(primary)")
    }
    assert lengths == {24 * HOUR, 23 * HOUR, 25 * HOUR}


def test_it_says_what_calendar_programs_look_for(company: None) -> None:
    calendar = _read(_feed())
    assert (calendar["METHOD"], calendar["X-WR-CALNAME"]) == ("PUBLISH", "On call: Ann Lee")
    assert (calendar["X-PUBLISHED-TTL"], calendar["X-WR-TIMEZONE"]) == ("PT15M", "Europe/Berlin")
    assert calendar["REFRESH-INTERVAL"].to_ical() == b"PT15M"
    assert calendar["REFRESH-INTERVAL"].params["VALUE"] == "DURATION"
    event = next(iter(_events(calendar).values()))
    assert (event["STATUS"], event["TRANSP"], event["SEQUENCE"]) == ("CONFIRMED", "TRANSPARENT", 0)
    assert str(event["URL"]) == "http://testserver/schedules/web"
    assert "Ann Lee <ann@x.org> is on call for web" in str(event["DESCRIPTION"])


def test_lines_end_and_fold_as_the_standard_asks(company: None) -> None:
    name = f"Zahlungsverkehr, Rückläufer; und {'sehr viele Wörter ' * 5}".strip()
    define(
        "rotations: [{name: ring, type: daily, timezone: UTC, participants: [dee@x.org]}]\n"
        f"schedules: [{{name: '{name}', layers: [ring]}}]\n"
    )
    served = feeding.serve(_feed("dee@x.org", name), tag="", gaps=False, now=NOW).body
    assert served is not None
    lines = served.split(b"\r\n")
    assert all(len(line) <= 75 for line in lines)
    assert all(b"\n" not in line for line in lines)
    calendar = icalendar.Calendar.from_ical(served)
    assert calendar["X-WR-CALNAME"] == f"On call: {name}"
    assert {str(event["SUMMARY"]) for event in calendar.walk("VEVENT")} == {
        "On call: Dee, of the Late Shift (primary)"
    }


def test_an_override_changes_what_it_touches_and_nothing_else(company: None) -> None:
    feed = _feed(schedule="web")
    before = _events(_read(feed))
    primary = [one for one in _resolved() if one.role == "primary"]
    change = OverrideDefinition(primary[3].start + HOUR, primary[3].start + 2 * HOUR, user="dee@x.org")
    actions.add_override(actor=SYSTEM, schedule="web", change=change, now=NOW)
    after = _events(_read(feed, NOW + HOUR))
    assert before.keys() <= after.keys()
    changed = [uid for uid in before if after[uid]["SEQUENCE"] != 0]
    # The day that is cut in two, and the week of the secondary.
    assert sorted(str(after[uid]["SUMMARY"])[-9:] for uid in changed) == ["(primary)", "econdary)"]
    day = next(uid for uid in changed if str(after[uid]["SUMMARY"]).endswith("(primary)"))
    assert (before[day]["DTSTART"].dt, before[day]["DTEND"].dt) == (primary[3].start, primary[3].end)
    assert (after[day]["DTSTART"].dt, after[day]["DTEND"].dt) == (change.start - HOUR, change.start)
    assert after[day]["SEQUENCE"] == 1
    assert after[day]["LAST-MODIFIED"].dt == NOW + HOUR


def test_an_override_that_swallows_a_window_leaves_the_others_their_names(company: None) -> None:
    """Each working day of a week is a stretch of one turn; without Monday, Tuesday is still Tuesday."""
    define(
        """
rotations:
  - {name: office, type: weekly, timezone: UTC, participants: [ann@x.org, ben@x.org],
     restrictions: [{days: [mon, tue, wed, thu, fri], start: '09:00', end: '17:00'}]}
schedules:
  - {name: desk, timezone: UTC, layers: [office]}
"""
    )
    feed = _feed(schedule="desk")
    before = _events(_read(feed))
    monday = datetime(2026, 11, 30, 0, tzinfo=UTC)
    change = OverrideDefinition(monday, monday + DAY, user="cem@x.org")
    actions.add_override(actor=SYSTEM, schedule="desk", change=change, now=NOW)
    after = _events(_read(feed))
    gone = [uid for uid in before if after[uid]["STATUS"] == "CANCELLED"]
    assert [before[uid]["DTSTART"].dt for uid in gone] == [monday + 9 * HOUR]
    assert all(after[uid]["SEQUENCE"] == 0 for uid in before if uid not in gone)


def test_another_time_of_hand_off_keeps_every_event(company: None) -> None:
    feed = _feed(schedule="web")
    before = _events(_read(feed))
    define(
        """
rotations:
  - {name: days, type: daily, handoff_time: '10:00', timezone: Europe/Berlin,
     participants: [ann@x.org, ben@x.org]}
"""
    )
    after = _events(_read(feed))
    ahead = [uid for uid, one in before.items() if one["DTSTART"].dt > NOW and "primary" in one["SUMMARY"]]
    assert len(ahead) > 300
    assert {after[uid]["DTSTART"].dt - before[uid]["DTSTART"].dt for uid in ahead} == {HOUR}
    assert {int(after[uid]["SEQUENCE"]) for uid in ahead} == {1}
    assert {str(after[uid]["STATUS"]) for uid in ahead} == {"CONFIRMED"}


def test_a_shift_that_vanished_is_cancelled_for_a_month_and_then_forgotten(company: None) -> None:
    feed = _feed("dee@x.org")
    _override(40 * DAY, 41 * DAY, "dee@x.org")
    uids = set(_events(_read(feed)))
    assert len(uids) == 2  # in both roles
    for info in queries.overrides("web"):
        actions.remove_override(actor=SYSTEM, override_id=info.id, now=NOW)
    gone = _events(_read(feed, NOW + HOUR))
    assert {(str(one["STATUS"]), int(one["SEQUENCE"])) for one in gone.values()} == {("CANCELLED", 1)}
    assert set(gone) == uids
    assert set(_events(_read(feed, NOW + 29 * DAY))) == uids
    assert _events(_read(feed, NOW + 32 * DAY)) == {}
    assert not FeedEvent.objects.exists()


def test_a_shift_that_comes_back_counts_on(company: None) -> None:
    feed = _feed("dee@x.org")
    for at in (NOW, NOW + 2 * HOUR):
        _override(40 * DAY, 41 * DAY, "dee@x.org")
        events = _events(_read(feed, at))
        actions.remove_override(actor=SYSTEM, override_id=queries.overrides("web")[-1].id, now=at)
        _read(feed, at + HOUR)
    assert {(str(one["STATUS"]), int(one["SEQUENCE"])) for one in events.values()} == {("CONFIRMED", 2)}


def test_a_persons_feed_and_a_schedules_feed_do_not_take_each_others_events_away(company: None) -> None:
    own, whole = _feed(), _feed(schedule="days")  # the rotation's own schedule, which `web` stacks
    for _ in range(2):
        _read(own)
        _read(whole)
    assert not FeedEvent.objects.exclude(sequence=0).exists()
    assert not FeedEvent.objects.exclude(gone_at=None).exists()


def test_holes_are_events_only_when_asked_for(company: None) -> None:
    define(
        """
rotations:
  - {name: nights, type: daily, timezone: UTC, participants: [ann@x.org],
     restrictions: [{days: [mon], start: '00:00', end: '12:00'}]}
"""
    )
    feed = _feed(schedule="nights")
    shown = [str(one["SUMMARY"]) for one in _events(_read(feed)).values()]
    assert set(shown) == {"On call: Ann Lee (primary)"}
    both = sorted(_events(_read(feed, gaps=True)).values(), key=lambda one: one["DTSTART"].dt)
    assert {str(one["SUMMARY"]) for one in both} == {*shown, "Nobody on call: nights"}
    assert all(one["DTEND"].dt == after["DTSTART"].dt for one, after in pairwise(both))
    assert not FeedEvent.objects.exclude(gone_at=None).exists()


def test_reading_again_writes_nothing(
    company: None,
    django_assert_num_queries: DjangoAssertNumQueries,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    feed = _feed()
    served = feeding.serve(feed, tag="", gaps=False, now=NOW)
    feed = Feed.objects.select_related("user").get(pk=feed.pk)
    with django_assert_max_num_queries(7) as caught:
        again = feeding.serve(feed, tag="", gaps=False, now=NOW + timedelta(minutes=5))
    assert again.body == served.body
    assert all(query["sql"].startswith("SELECT") for query in caught.captured_queries)
    with django_assert_num_queries(1):
        unchanged = feeding.serve(feed, tag=again.tag, gaps=False, now=NOW + timedelta(minutes=6))
    assert unchanged.body is None


def test_what_is_unchanged_is_not_sent_again_though_something_else_was_done(company: None) -> None:
    feed = _feed()
    later = NOW + timedelta(minutes=5)
    served = feeding.serve(feed, tag="", gaps=False, now=later)
    identity.create_team(actor=SYSTEM, form=identity.TeamForm("other"), now=later)
    again = feeding.serve(feed, tag=served.tag, gaps=False, now=later + HOUR)
    assert again.body is None
    assert again.tag != served.tag


def test_time_alone_changes_no_event(company: None) -> None:
    """Not at the edges either: a month later the first and the last shifts are those they were."""
    define(
        """
rotations:
  - {name: months, type: monthly, every: 2, timezone: Asia/Kolkata, participants: [ann@x.org, ben@x.org]}
schedules:
  - {name: far, timezone: Asia/Kolkata, layers: [months, days], fallback: cem@x.org}
"""
    )
    change = OverrideDefinition(NOW + HOUR, NOW + 5 * HOUR, user="dee@x.org")
    actions.add_override(actor=SYSTEM, schedule="far", change=change, now=NOW)
    feed = _feed(schedule="far")
    before = _events(_read(feed))
    for days in (6, 20, 40, 70):
        after = _events(_read(feed, NOW + days * DAY))
        both = before.keys() & after.keys()
        assert len(both) > 200
        assert {(int(after[uid]["SEQUENCE"]), str(after[uid]["STATUS"])) for uid in both} == {
            (0, "CONFIRMED")
        }
        assert {str(one["STATUS"]) for one in after.values()} == {"CONFIRMED"}
        gone = [before[uid]["DTEND"].dt for uid in before.keys() - both]
        assert all(end < NOW + (days - 31) * DAY for end in gone)


def test_two_readers_at_once_count_a_change_once(company: None) -> None:
    feed = _feed("dee@x.org")
    _override(40 * DAY, 41 * DAY, "dee@x.org")
    _read(feed)
    made = queries.book()
    events, _ = feeding._events(feed, made, NOW)
    stale = list(feeding._stored(feed))
    for row in stale:
        row.digest = "what both of them knew of before the change"
    FeedEvent.objects.update(digest="what both of them knew of before the change")
    scope = feeding._scope(feed, made, None)
    first = feeding._say(list(stale), events, scope, NOW)
    feeding._say(list(stale), events, scope, NOW)
    assert {one.sequence for one in first.values()} == {1}
    assert set(FeedEvent.objects.values_list("sequence", flat=True)) == {1}


def test_an_hourly_rotation_of_a_year_stays_of_a_bearable_size(company: None) -> None:
    define(
        """
rotations:
  - {name: hours, type: hourly, timezone: UTC, participants: [ann@x.org, ben@x.org]}
"""
    )
    feed = _feed(schedule="hours")
    body = feeding.serve(feed, tag="", gaps=False, now=NOW).body or b""
    assert body.count(b"BEGIN:VEVENT") == 4_000
    assert len(body) < 3 * 1024 * 1024
    actions.add_override(
        actor=SYSTEM,
        schedule="hours",
        change=OverrideDefinition(NOW + HOUR / 4, NOW + HOUR / 2, user="cem@x.org"),
        now=NOW,
    )
    body = feeding.serve(feed, tag="", gaps=False, now=NOW).body or b""
    # Two more pieces push the last ones out of the text; they are not cancelled for that.
    assert b"STATUS:CANCELLED" not in body


def test_a_shift_without_end_does_not_change_from_day_to_day(company: None) -> None:
    define("schedules:\n  - {name: quiet, timezone: UTC, layers: [], fallback: dee@x.org}\n")
    feed = _feed("dee@x.org")
    one = feeding.serve(feed, tag="", gaps=False, now=NOW).body
    assert one is not None
    assert one.count(b"BEGIN:VEVENT") == 1
    assert feeding.serve(feed, tag="", gaps=False, now=NOW + 3 * DAY).body == one


class TestTheAddress:
    @pytest.fixture(autouse=True)
    def full_shares(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(view, "_READERS", Buckets(rate=0.1, burst=5))

    @pytest.fixture
    def path(self, company: None) -> str:
        made = actions.make_feed(actor=_actor("ann@x.org"), email="ann@x.org", now=NOW)
        return made.url.removeprefix("http://testserver")

    def test_it_opens_without_a_login(self, path: str) -> None:
        answer = Client().get(path)
        assert answer.status_code == 200
        assert answer["Content-Type"] == "text/calendar; charset=utf-8"
        assert answer["Cache-Control"] == "private, max-age=300"
        assert answer.content.startswith(b"BEGIN:VCALENDAR\r\n")
        assert path.startswith("/calendar/")
        assert path.endswith(".ics")

    def test_what_is_known_is_not_sent_again(self, path: str) -> None:
        tag = Client().get(path)["ETag"]
        answer = Client().get(path, headers={"If-None-Match": f"W/{tag}"})
        assert (answer.status_code, answer.content) == (304, b"")

    def test_a_head_is_answered_without_the_text(self, path: str) -> None:
        answer = Client().head(path)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer["ETag"]

    def test_a_guess_is_not_found(self, path: str) -> None:
        flipped = path.replace(".ics", "x.ics")
        answer = Client().get(flipped)
        assert answer.status_code == 404
        assert "no calendar" in answer.content.decode()

    def test_it_is_shown_to_its_owner_again(self, path: str) -> None:
        (known,) = queries.feeds("ann@x.org")
        assert known.url == f"http://testserver{path}"
        again = actions.make_feed(actor=_actor("ann@x.org"), email="ann@x.org", now=NOW)
        assert again.url == known.url

    def test_a_new_address_ends_the_old_one(self, path: str) -> None:
        (known,) = queries.feeds("ann@x.org")
        fresh = actions.renew_feed(actor=_actor("ann@x.org"), feed_id=known.id, now=NOW)
        answer = Client().get(path)
        assert (answer.status_code, answer["Content-Type"]) == (410, "text/plain; charset=utf-8")
        assert "replaced" in answer.content.decode()
        assert Client().get(fresh.url.removeprefix("http://testserver")).status_code == 200

    def test_revoked_is_dead_and_says_so(self, path: str, owner: Actor) -> None:
        (known,) = queries.feeds("ann@x.org")
        actions.revoke_feed(actor=owner, feed_id=known.id, now=NOW)
        answer = Client().get(path)
        assert answer.status_code == 410
        assert "revoked" in answer.content.decode()

    def test_it_dies_with_its_owners_leaving(self, path: str) -> None:
        made = actions.make_feed(actor=_actor("dee@x.org"), email="dee@x.org", schedule="web", now=NOW)
        identity.deactivate_user(actor=SYSTEM, email="dee@x.org", now=NOW)
        answer = Client().get(made.url.removeprefix("http://testserver"))
        assert answer.status_code == 410
        assert "left" in answer.content.decode()

    def test_the_log_does_not_say_an_address_that_works(
        self, path: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        while Client().get(path).status_code != 429:
            pass
        (said,) = caplog.records
        assert said.getMessage() == "Too Many Requests: /calendar/….ics"
        token = path.rpartition("/")[2].removesuffix(".ics")
        assert token not in JsonFormatter().format(said)

    def test_who_reads_too_often_has_to_wait(self, path: str) -> None:
        answers = [Client().get(path) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        assert int(answers[-1]["Retry-After"]) > 0


class TestWhoMay:
    def test_nobody_makes_or_sees_anothers_address(self, owner: Actor, mate: Actor) -> None:
        for actor in (owner, mate):
            with pytest.raises(PermissionDenied):
                actions.make_feed(actor=actor, email="ben@x.org", now=NOW)

    def test_a_stranger_cannot_revoke_it(self, mate: Actor, stranger: Actor) -> None:
        made = actions.make_feed(actor=mate, email="ann@x.org", now=NOW)
        with pytest.raises(PermissionDenied):
            actions.revoke_feed(actor=stranger, feed_id=made.id, now=NOW)
        with pytest.raises(PermissionDenied):
            actions.renew_feed(actor=stranger, feed_id=made.id, now=NOW)

    def test_what_is_not_there_is_not_found(self, mate: Actor) -> None:
        with pytest.raises(NotFound):
            actions.make_feed(actor=mate, email="ann@x.org", schedule="none", now=NOW)
        with pytest.raises(NotFound):
            actions.revoke_feed(actor=mate, feed_id=4711, now=NOW)

    def test_the_log_knows_of_it_but_not_the_address(self, mate: Actor) -> None:
        made = actions.make_feed(actor=mate, email="ann@x.org", now=NOW)
        fresh = actions.renew_feed(actor=mate, feed_id=made.id, now=NOW)
        actions.revoke_feed(actor=mate, feed_id=made.id, now=NOW)
        entries = AuditEntry.objects.filter(action__startswith="feed.").order_by("id")
        assert [entry.action for entry in entries] == ["feed.made", "feed.renewed", "feed.revoked"]
        secrets = {url.rpartition("/")[2].partition(".")[0] for url in (made.url, fresh.url)}
        assert not any(secret in str(entry.data) for entry in entries for secret in secrets)
