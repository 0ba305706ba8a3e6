"""Checks, load, history, pay, a team's overview."""

from datetime import timedelta

import pytest

from tests.web.conftest import Visitor
from tests.web.rota import NAME, coming, rota, text
from tocsin.apps.identity.models import Team, User
from tocsin.apps.oncall import actions, queries
from tocsin.apps.oncall.models import PayCorrection, Readiness, Rotation, ShiftUse
from tocsin.domain.configuration.rota import read_schedule
from tocsin.domain.permissions import SYSTEM
from tocsin.entrypoints.api import forms
from tocsin.entrypoints.web.templatetags import duty
from tocsin.entrypoints.web.views import checks, pay, teams
from tocsin.lib import clock

__all__ = ["rota"]


def test_checks_name_what_is_doubtful_and_where_to_put_it_right(
    owner: Visitor, mate: Visitor, stranger: Visitor, rota: str
) -> None:
    page = text(owner.client.get(f"/schedules/{NAME}/checks"))
    assert "Somebody is on call at every minute" in page
    assert ">100 %<" in page
    assert "Cannot be reached" in page
    assert f'href="/people/{mate.email}"' in page
    shift = coming(mate)
    form = {"start": f"{shift.start:%Y-%m-%dT%H:%M}", "end": f"{shift.end:%Y-%m-%dT%H:%M}"}
    mate.client.post("/absences/add", form)
    page = text(owner.client.get(f"/schedules/{NAME}/checks"))
    assert "Away while on call" in page
    link = page.split('href="/swaps/new?')[1].split('"')[0].replace("&amp;", "&")
    assert " checked" in text(owner.client.get(f"/swaps/new?{link}"))
    assert "/swaps/new?" in text(mate.client.get(f"/schedules/{NAME}/checks")), "their own"
    assert "/swaps/new?" not in text(stranger.client.get(f"/schedules/{NAME}/checks"))
    row = Rotation.objects.get()
    row.definition |= {"restrictions": [{"days": ["mon"], "start": "09:00", "end": "17:00"}]}
    row.save()
    page = text(owner.client.get(f"/schedules/{NAME}/checks?days=30"))
    assert "Nobody on call" in page
    link = page.split(f'href="/schedules/{NAME}/override?')[1].split('"')[0].replace("&amp;", "&")
    assert owner.client.get(f"/schedules/{NAME}/override?{link}").status_code == 200
    assert "/override?" not in text(stranger.client.get(f"/schedules/{NAME}/checks?days=30"))
    assert "100 %" not in page.split("Coverage")[1].split("</section>")[0]


@pytest.mark.parametrize(
    ("percent", "shown"), [(100.0, "100"), (99.9999, "99.99"), (97.5, "97.5"), (0.0, "0"), (80.0, "80")]
)
def test_coverage_is_full_only_when_nothing_is_missing(percent: float, shown: str) -> None:
    assert checks.floor_percent(percent) == shown


@pytest.mark.parametrize(
    "query",
    ["?days=7", "?days=x", "?from=2026-01-01", "?from=2026-02-01&until=2026-01-01", "?from=x&until=y"],
)
def test_nonsense_in_the_address_shows_the_usual_range(query: str, owner: Visitor, rota: str) -> None:
    assert "next 90 days" in text(owner.client.get(f"/schedules/{NAME}/checks{query}"))


def test_the_load_of_a_range_is_that_of_its_days(owner: Visitor, rota: str) -> None:
    page = text(owner.client.get(f"/schedules/{NAME}/checks?from=2026-03-02&until=2026-03-03"))
    rows = page.split('id="load"')[1].split("<tbody>")[1]
    # Two days from midnight hold one's turn of 24 hours and two parts of the other's.
    assert rows.count("<strong>24 h</strong>") == 2
    assert 'value="2026-03-02"' in page
    assert 'value="2026-03-03"' in page


def test_history_shows_whom_paging_used(owner: Visitor, mate: Visitor, rota: str) -> None:
    assert "has not used this schedule yet" in text(owner.client.get(f"/schedules/{NAME}/history"))
    for number in (2, 1, 0):
        ShiftUse.objects.create(
            at=clock.now() - timedelta(hours=number),
            schedule=NAME,
            which="current",
            email=mate.email if number else owner.email,
            reason=f"reason {number}",
            incident_id=10**9,
            urgency="high",
        )
    page = text(owner.client.get(f"/schedules/{NAME}/history"))
    assert page.index("reason 0") < page.index("reason 2")
    page = text(owner.client.get(f"/schedules/{NAME}/history?person={mate.email}"))
    assert "reason 0" not in page
    assert "reason 1" in page
    assert "Nothing matches" in text(owner.client.get(f"/schedules/{NAME}/history?until=2020-01-01T00:00"))


def test_who_said_that_they_are_ready_is_seen(owner: Visitor, mate: Visitor, rota: str) -> None:
    at, shift = clock.now(), coming(mate)
    row = Readiness.objects.create(
        schedule=NAME,
        user=User.objects.get(email=mate.email),
        role="primary",
        shift_start=shift.start,
        shift_end=shift.end,
        asked_at=at,
        due_at=at,
    )
    assert "waiting" in text(owner.client.get(f"/schedules/{NAME}/history"))
    Readiness.objects.filter(pk=row.pk).update(told_at=at, told=[owner.email])
    page = text(owner.client.get(f"/schedules/{NAME}/history"))
    assert "no answer" in page
    assert "told: Owner" in page
    Readiness.objects.filter(pk=row.pk).update(confirmed_at=at)
    assert "no answer" not in text(owner.client.get(f"/schedules/{NAME}/history"))


@pytest.mark.parametrize("page", ["checks", "history", "calendars"])
def test_a_schedule_that_is_not_there_is_not_found(page: str, owner: Visitor) -> None:
    assert owner.client.get(f"/schedules/nowhere/{page}").status_code == 404


def test_pay_shows_each_what_they_may_see(
    owner: Visitor, mate: Visitor, stranger: Visitor, rota: str
) -> None:
    url = "/pay/?month=2026-03"
    for reader, others in ((owner, True), (mate, False), (stranger, False)):
        page = text(reader.client.get(url)).split('class="stack"')[1]
        assert (f'title="{mate.email}"' in page) is (others or reader is mate)
        assert (f'title="{owner.email}"' in page) is (others or reader is owner)
    assert "Nobody whose hours you may see" in text(stranger.client.get(url))
    Team.objects.update(lead=User.objects.get(email=stranger.email))
    assert f'title="{mate.email}"' in text(stranger.client.get(url))


def test_the_hours_of_a_month_add_up(owner: Visitor, rota: str) -> None:
    page = text(owner.client.get("/pay/?month=2026-04"))
    foot = page.split("<tfoot>")[1]
    assert f"{30 * 24} h" in foot
    assert "/api/v1/oncall/pay?from=2026-04-01&amp;until=2026-05-01&amp;format=csv" in page
    answer = owner.client.get("/api/v1/oncall/pay?from=2026-04-01&until=2026-05-01&format=csv")
    assert answer.status_code == 200
    assert "text/csv" in answer.headers["Content-Type"]


def test_hours_are_corrected_with_a_reason_and_withdrawn(
    owner: Visitor, mate: Visitor, stranger: Visitor, rota: str
) -> None:
    form = {
        "email": mate.email,
        "day": "2026-04-07",
        "kind": "night",
        "hours": "-1:30",
        "reason": "Slept through",
        "next": "/pay/?month=2026-04",
    }
    for reader in (mate, stranger):
        assert "toast-item error" in text(reader.client.post("/pay/corrections", form, follow=True))
    for lacking in ({"hours": "many"}, {"reason": ""}, {"day": "x"}, {"kind": "lunch"}, {"hours": "0"}):
        assert "toast-item error" in text(
            owner.client.post("/pay/corrections", {**form, **lacking}, follow=True)
        )
    assert not PayCorrection.objects.exists()
    page = text(owner.client.post("/pay/corrections", form, follow=True))
    assert "Slept through" in page
    assert "−1.5 h" in page
    row = PayCorrection.objects.get()
    assert row.minutes == -90
    mate.client.post(f"/pay/corrections/{row.pk}/withdraw")
    assert not queries.pay(start=row.day, end=row.day + timedelta(days=1)).corrections[0].withdrawn_at
    page = text(owner.client.post(f"/pay/corrections/{row.pk}/withdraw", follow=True))
    row.refresh_from_db()
    assert row.withdrawn_at is not None


@pytest.mark.parametrize(
    ("typed", "minutes"), [("1.5", 90), ("-2", -120), ("0,25", 15), ("1:30", 90), ("−0:45", -45)]
)
def test_hours_are_typed_as_people_do(typed: str, minutes: int) -> None:
    assert pay.minutes_of(typed) == minutes


@pytest.mark.parametrize(
    ("minutes", "digits", "shown"),
    [
        (90, 2, "1.5 h"),
        (-90, 2, "−1.5 h"),
        (100, 2, "1.67 h"),
        (100, 1, "1.7 h"),
        (0, 2, "0 h"),
        (600, 0, "10 h"),
        (60 * 1440, 2, "1\u202f440 h"),
    ],
)
def test_hours_are_short_to_read(minutes: int, digits: int, shown: str) -> None:
    assert duty.hours(minutes, digits) == shown
    assert duty.hours(timedelta(minutes=minutes), digits) == shown


def test_a_team_sees_its_schedules_at_once(owner: Visitor, mate: Visitor, rota: str) -> None:
    page = text(owner.client.get("/teams/payments"))
    assert "data-lanes" in page
    assert f'href="/schedules/{NAME}"' in page
    assert "Nobody has said that they are away" in page
    today = clock.now() + timedelta(days=3)
    form = {"start": f"{today:%Y-%m-%d}T00:00", "end": f"{today:%Y-%m-%d}T12:00", "note": "Dentist"}
    mate.client.post("/absences/add", form)
    assert "Dentist" in text(owner.client.get("/teams/payments"))


def test_a_team_of_many_schedules_says_that_it_lists_some(
    owner: Visitor, rota: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "not listed" not in text(owner.client.get("/teams/payments"))
    plan = forms.read(read_schedule, {"team": "payments", "layers": [{"rotation": "carts-daily"}]}, "again")
    actions.save_schedule(actor=SYSTEM, definition=plan, now=clock.now())
    monkeypatch.setattr(teams, "_LISTED", 1)
    assert "1 more is not listed" in text(owner.client.get("/teams/payments"))


def test_a_team_without_schedule_has_no_empty_boxes(owner: Visitor, house: str) -> None:
    assert "data-lanes" not in text(owner.client.get("/teams/payments"))
