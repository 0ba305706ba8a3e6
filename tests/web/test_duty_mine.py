"""One's own page, being away, calendars, notices, leaving."""

from datetime import timedelta

import pytest

from tests.web.conftest import Visitor
from tests.web.rota import NAME, coming, rota, text
from tocsin.apps.identity import queries as identity
from tocsin.apps.identity.models import User
from tocsin.apps.oncall import queries
from tocsin.apps.oncall.models import Readiness, Rotation, Schedule
from tocsin.lib import clock

__all__ = ["rota"]


def test_who_is_in_no_rota_is_told_where_to_look(stranger: Visitor) -> None:
    page = text(stranger.client.get("/my-on-call"))
    assert "You have no shift in the next twelve weeks" in page
    assert "You cannot be reached now" in page


def test_ones_own_page_says_now_before_and_next(owner: Visitor, mate: Visitor, rota: str) -> None:
    (now,) = {shift.user for shift in queries.on_call(NAME, clock.now())}
    on, off = (owner, mate) if now == owner.email else (mate, owner)
    page = text(on.client.get("/my-on-call"))
    assert "On call now" in page
    other = "Mate" if on is owner else "Owner"
    assert other in page.split("Hands to")[1].split("</dl>")[0]
    assert other in page.split("<dt>From</dt>")[1].split("Hands to")[0]
    page = text(off.client.get("/my-on-call"))
    assert "Not on call now" in page
    assert f'<h2><a href="/schedules/{NAME}">' in page.split("Next</span>")[1]
    assert page.count('class="daybox"') == 42, "every shift of twelve weeks"
    assert page.split("later shifts</summary>")[0].count('class="daybox"') == 14, "few are read at a glance"


def test_being_away_warns_and_offers_a_swap(mate: Visitor, rota: str) -> None:
    shift = coming(mate)
    form = {
        "start": f"{shift.start - timedelta(hours=1):%Y-%m-%dT%H:%M}",
        "end": f"{shift.end:%Y-%m-%dT%H:%M}",
        "note": "Vacation",
    }
    page = text(mate.client.get("/my-on-call")).split('action="/absences/add"')[1]
    form["next"] = page.split('name="next" value="')[1].split('"')[0]
    answer = mate.client.post("/absences/add", form)
    assert answer.headers["Location"] == "/my-on-call#away"
    page = text(mate.client.get("/my-on-call"))
    assert "There is still a shift in that time" in page
    assert "you are away" in page
    away = page.split('id="away"')[1]
    assert "Vacation" in away
    assert f"/swaps/new?schedule={NAME}" in away.split("Add</button>")[0]
    (absence,) = queries.absences(email=mate.email)
    page = text(mate.client.post(f"/absences/{absence.id}/remove", follow=True))
    assert "you are away" not in page
    assert not queries.absences(email=mate.email)


def test_a_typed_time_is_meant_in_the_zone_that_the_page_shows(
    owner: Visitor, mate: Visitor, house: str
) -> None:
    form = {"start": "2030-01-01T09:00", "end": "2030-01-01T10:00"}
    mate.client.post("/absences/add", {**form, "here": "Asia/Tokyo"})
    owner.client.post("/absences/add", {**form, "here": "Mars/Olympus"})
    (tokyo,), (utc,) = queries.absences(email=mate.email), queries.absences(email=owner.email)
    assert tokyo.start.isoformat() == "2030-01-01T00:00:00+00:00"
    assert utc.start.isoformat() == "2030-01-01T09:00:00+00:00"
    mate.client.post(f"/people/{mate.email}/edit", {"name": "Mate", "timezone": "Europe/Berlin"})
    assert 'name="here" value="Europe/Berlin"' in text(mate.client.get("/my-on-call"))


@pytest.mark.parametrize("lacking", ["start", "end"])
def test_an_absence_needs_both_ends(lacking: str, mate: Visitor, house: str) -> None:
    form = {"start": "2030-01-01T00:00", "end": "2030-01-02T00:00", lacking: ""}
    assert "toast-item error" in text(mate.client.post("/absences/add", form, follow=True))
    assert not queries.absences(email=mate.email)


def test_only_managers_say_that_others_are_away(
    owner: Visitor, mate: Visitor, stranger: Visitor, house: str
) -> None:
    form = {"start": "2030-01-01T00:00", "end": "2030-01-02T00:00", "for": mate.email}
    stranger.client.post("/absences/add", form)
    assert not queries.absences(email=mate.email)
    owner.client.post("/absences/add", {**form, "next": f"/people/{mate.email}"})
    (absence,) = queries.absences(email=mate.email)
    stranger.client.post(f"/absences/{absence.id}/remove")
    assert queries.absences(email=mate.email)


def test_readiness_is_confirmed_by_one_button(mate: Visitor, stranger: Visitor, rota: str) -> None:
    at, shift = clock.now(), coming(mate)
    row = Readiness.objects.create(
        schedule=NAME,
        user=User.objects.get(email=mate.email),
        role="primary",
        shift_start=shift.start,
        shift_end=shift.end,
        asked_at=at,
        due_at=at + timedelta(minutes=30),
    )
    assert "I am ready" in text(mate.client.get("/my-on-call"))
    assert "I am ready" not in text(stranger.client.get("/my-on-call"))
    stranger.client.post(f"/readiness/{row.pk}/confirm")
    row.refresh_from_db()
    assert row.confirmed_at is None
    assert "I am ready" not in text(mate.client.post(f"/readiness/{row.pk}/confirm", follow=True))
    row.refresh_from_db()
    assert row.confirmed_at is not None


def test_a_calendar_address_is_made_renewed_and_ended(mate: Visitor, stranger: Visitor, rota: str) -> None:
    mate.client.post("/feeds/make", {"schedule": ""})
    (feed,) = queries.feeds(mate.email)
    page = text(mate.client.get("/my-on-call"))
    assert feed.url in page
    assert f'href="webcal://{feed.url.partition("://")[2]}"' in page
    stranger.client.post(f"/feeds/{feed.id}/revoke")
    assert queries.feeds(mate.email) == (feed,)
    mate.client.post(f"/feeds/{feed.id}/renew")
    (renewed,) = queries.feeds(mate.email)
    assert renewed.url != feed.url
    mate.client.post(f"/feeds/{renewed.id}/revoke")
    assert not queries.feeds(mate.email)


def test_notices_are_ones_own_to_set(mate: Visitor, stranger: Visitor, house: str) -> None:
    form = {"on": "1h, 1d", "off": "", "moved": "yes"}
    mate.client.post(f"/people/{mate.email}/notices", form)
    found = queries.notices(mate.email)
    assert (found.on, found.off, found.handoff, found.moved) == (
        (timedelta(days=1), timedelta(hours=1)),
        (),
        False,
        True,
    )
    assert 'value="1d, 1h"' in text(mate.client.get(f"/people/{mate.email}"))
    stranger.client.post(f"/people/{mate.email}/notices", {"on": "5m"})
    wrong = mate.client.post(f"/people/{mate.email}/notices", {"on": "soon"}, follow=True)
    assert "expected lengths of time" in text(wrong)
    assert queries.notices(mate.email) == found


def test_calendars_are_added_read_and_removed(owner: Visitor, mate: Visitor, rota: str) -> None:
    form = {"schedule": NAME, "name": "Cover", "url": "https://calendars.example/s3cret.ics"}
    assert mate.client.post("/calendars/add", form).status_code == 403
    wrong = owner.client.post("/calendars/add", {**form, "url": "ftp://x"})
    assert wrong.status_code == 422
    assert 'id="calendar-url-error"' in text(wrong)
    assert 'value="Cover"' in text(wrong)
    page = text(owner.client.post("/calendars/add", form, follow=True))
    assert "Not read yet" in page
    assert "s3cret" not in page
    assert owner.client.post("/calendars/add", form).status_code == 409
    (calendar,) = queries.calendars(schedule=NAME)
    page = text(mate.client.get(f"/schedules/{NAME}/calendars"))
    assert "Cover" in page
    assert "Remove “Cover”" not in page
    for deed in ("read", "remove", "edit"):
        mate.client.post(f"/calendars/{calendar.id}/{deed}", {"name": "Mine"})
    assert queries.calendars(schedule=NAME) == (calendar,)
    owner.client.post(f"/calendars/{calendar.id}/edit", {"name": "Summer"})
    assert queries.calendars(schedule=NAME)[0].name == "Summer"
    owner.client.post(f"/calendars/{calendar.id}/remove")
    assert not queries.calendars()


def test_absences_are_read_from_ones_own_calendar(mate: Visitor, stranger: Visitor, house: str) -> None:
    form = {"email": mate.email, "name": "Mine", "url": "webcal://calendars.example/mine.ics"}
    assert stranger.client.post("/calendars/add", form).status_code == 403
    assert mate.client.post("/calendars/add", form).status_code == 302
    assert "Mine" in text(mate.client.get(f"/people/{mate.email}/calendars"))
    assert "Mine" not in text(mate.client.get("/calendars/"))


def test_a_leaver_with_shifts_needs_a_replacement(owner: Visitor, mate: Visitor, rota: str) -> None:
    Rotation.objects.update(from_file=False)
    Schedule.objects.update(from_file=False)
    url = f"/people/{mate.email}/deactivate"
    page = text(owner.client.get(url))
    assert "Still on call" in page
    assert NAME in page
    refused = owner.client.post(url)
    assert refused.status_code == 409
    assert "note bad" in text(refused)
    assert identity.person(mate.email).state == "active"  # type: ignore[union-attr]  # it is there
    done = owner.client.post(url, {"replacement": owner.email}, follow=True)
    assert "Deactivated" in text(done)
    assert identity.person(mate.email).state == "left"  # type: ignore[union-attr]  # it is there
    at = clock.now()
    assert {each.user for each in queries.shifts(NAME, at, at + timedelta(days=9))} == {owner.email}


def test_who_may_not_manage_people_sees_no_leavers_form(mate: Visitor, owner: Visitor, rota: str) -> None:
    assert mate.client.get(f"/people/{owner.email}/deactivate").status_code == 403
    assert mate.client.post(f"/people/{owner.email}/deactivate").status_code == 403
