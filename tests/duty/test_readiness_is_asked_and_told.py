from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from tests.duty.conftest import LONG_AGO, Outbox, at, said, tick
from tests.notify.fakes import FakeChannel
from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.identity import queries as identity
from tocsin.apps.identity.models import User
from tocsin.apps.notify.models import ContactMethod, NotificationRule
from tocsin.apps.oncall import actions, queries, readiness
from tocsin.apps.oncall.models import Override, Schedule
from tocsin.domain.errors import Conflict, PermissionDenied
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.schedule.definition import OverrideDefinition
from tocsin.lib import bus
from tocsin.ports.events import CallOutAcknowledged, DutyWord

Rota = Callable[..., None]
ASKED = ("bob", "Are you ready? You go on call for payments on Mon 23 Nov 09:00")


def the_one() -> int:
    (found,) = queries.readiness()
    return found.id


def test_the_incoming_person_is_asked_an_hour_before(rota: Rota, outbox: Outbox) -> None:
    rota()
    tick(at("23 07:59"))
    assert queries.readiness() == ()
    tick(at("23 08:00"))
    tick(at("23 08:01"))
    (message,) = outbox(at("23 08:01"))
    assert said([message]) == [ASKED]
    (button,) = message.actions
    assert (button.label, button.url.startswith("http://testserver/ready/")) == ("I am ready", True)
    (found,) = queries.readiness()
    assert (found.email, found.shift_end, found.due_at) == (
        "bob@example.com",
        at("24 09:00"),
        at("23 08:30"),
    )


def test_it_goes_by_every_way_that_a_page_would(rota: Rota, outbox: Outbox, mail: FakeChannel) -> None:
    rota()
    bob = User.objects.get(email="bob@example.com")
    second = ContactMethod.objects.create(
        user=bob, type="email", address="bob@home.example", verified_at=LONG_AGO
    )
    for after in (0, 300):
        NotificationRule.objects.create(user=bob, urgency="high", after_s=after, via="email")
    tick(at("23 08:00"))
    assert sorted(m.address for m in outbox(at("23 08:00"))) == ["bob@example.com", second.address]
    assert sorted(m.address for m in outbox(at("23 08:05"))) == ["bob@example.com", second.address]


def test_after_the_confirmation_no_more_of_it_leaves(rota: Rota, outbox: Outbox) -> None:
    rota()
    bob = User.objects.get(email="bob@example.com")
    for after in (0, 300):
        NotificationRule.objects.create(user=bob, urgency="high", after_s=after, via="email")
    tick(at("23 08:00"))
    assert len(outbox(at("23 08:00"))) == 1
    confirmed = actions.confirm_readiness(
        actor=identity.actor_for(bob.pk), readiness_id=the_one(), now=at("23 08:02")
    )
    assert confirmed.confirmed_at == at("23 08:02")
    for minute in ("08:05", "08:30", "08:45"):
        tick(at(f"23 {minute}"))
        assert outbox(at(f"23 {minute}")) == []
    assert AuditEntry.objects.filter(action="readiness.confirmed", target_id="payments").count() == 1


def test_unconfirmed_the_outgoing_one_and_the_lead_are_told_once(rota: Rota, outbox: Outbox) -> None:
    rota()
    tick(at("23 08:00"))
    outbox(at("23 08:00"))
    tick(at("23 08:29"))
    assert outbox(at("23 08:29")) == []
    tick(at("23 08:30"))
    tick(at("23 08:31"))
    told = outbox(at("23 08:31"))
    words = "Bob may not be ready for payments"
    assert said(told) == [("alice", words), ("lena", words)]
    assert "has not confirmed the test page" in told[0].lines[1]
    assert "http://testserver/schedules/payments" in told[0].lines[1]
    assert queries.readiness()[0].told == ("alice@example.com", "lena@example.com")


def test_a_late_confirmation_reaches_those_who_were_told(rota: Rota, outbox: Outbox) -> None:
    rota()
    tick(at("23 08:00"))
    tick(at("23 08:30"))
    outbox(at("23 08:30"))
    actions.confirm_readiness(actor=SYSTEM, readiness_id=the_one(), now=at("23 08:40"))
    words = "Bob is ready for payments after all"
    assert said(outbox(at("23 08:40"))) == [("alice", words), ("lena", words)]


@pytest.mark.parametrize("how", ["confirmed", "moved"])
def test_who_was_told_is_not_told_again_of_what_is_settled(rota: Rota, outbox: Outbox, how: str) -> None:
    rota()
    for after in (0, 900):
        NotificationRule.objects.create(user=None, urgency="high", after_s=after, via="email")
    tick(at("23 08:00"))
    tick(at("23 08:30"))
    outbox(at("23 08:30"))
    if how == "confirmed":
        actions.confirm_readiness(actor=SYSTEM, readiness_id=the_one(), now=at("23 08:40"))
    else:
        change = OverrideDefinition(at("23 09:00"), at("24 09:00"), user="carol@example.com")
        actions.add_override(actor=SYSTEM, schedule="payments", change=change, now=at("23 08:40"))
        tick(at("23 08:40"))
    assert not [word for _, word in said(outbox(at("23 08:50"))) if "Bob may not be ready" in word]


def test_what_was_asked_together_is_asked_anew_when_part_of_it_moves_away(rota: Rota, outbox: Outbox) -> None:
    rota()
    rota("order")
    tick(at("23 08:00"))
    outbox(at("23 08:00"))
    first = queries.readiness(email="bob@example.com")[0].schedule
    left = "orders" if first == "payments" else "payments"
    change = OverrideDefinition(at("23 09:00"), at("24 09:00"), user="carol@example.com")
    actions.add_override(actor=SYSTEM, schedule=first, change=change, now=at("23 08:10"))
    tick(at("23 08:10"))
    tick(at("23 08:11"))
    asked = [message for message in outbox(at("23 08:11")) if message.address.startswith("bob")]
    assert f"Are you ready? You go on call for {left} on Mon 23 Nov 09:00" in [m.headline for m in asked]
    token = asked[-1].actions[0].url.rpartition("/")[2]
    assert readiness.open(token, at("23 08:12")) is not None


def test_who_had_shown_it_when_the_time_to_ask_came_is_not_asked_in_haste(rota: Rota, outbox: Outbox) -> None:
    rota()
    bob = User.objects.get(email="bob@example.com")
    bus.publish(CallOutAcknowledged(7, at("22 20:30"), bob.email, service=True))
    for minute in ("08:00", "08:31", "08:55"):
        tick(at(f"23 {minute}"))
    assert queries.readiness() == ()


def test_who_answers_a_page_instead_has_shown_it_too(rota: Rota, outbox: Outbox) -> None:
    rota()
    tick(at("23 08:00"))
    outbox(at("23 08:00"))
    bus.publish(CallOutAcknowledged(7, at("23 08:10"), "bob@example.com", service=True))
    for minute in ("08:20", "08:30", "08:50"):
        tick(at(f"23 {minute}"))
    assert outbox(at("23 08:50")) == []
    assert [one.confirmed_at for one in queries.readiness()] == [at("23 08:10")]


def test_without_a_way_that_works_others_are_told_at_once(rota: Rota, outbox: Outbox) -> None:
    rota()
    ContactMethod.objects.filter(user__email="bob@example.com").update(verified_at=None)
    tick(at("23 08:00"))
    told = outbox(at("23 08:00"))
    assert [who for who, _ in said(told)] == ["alice", "lena"]
    assert "no way to be reached" in told[0].lines[1]


def test_when_nobody_who_should_know_can_be_reached_the_manager_is_told(rota: Rota, outbox: Outbox) -> None:
    rota()
    ContactMethod.objects.filter(user__email__in=["alice@example.com", "lena@example.com"]).update(
        verified_at=None
    )
    tick(at("23 08:00"))
    outbox(at("23 08:00"))
    tick(at("23 08:30"))
    assert [who for who, _ in said(outbox(at("23 08:30")))] == ["mona"]


def test_a_schedule_of_nobody_falls_back_to_the_owners(rota: Rota, outbox: Outbox) -> None:
    office = [{"days": ["mon"], "start": "09:00", "end": "17:00"}]
    rota(people=("bob",), restrictions=office)
    Schedule.objects.update(team=None)
    tick(at("23 08:00"))
    outbox(at("23 08:00"))
    tick(at("23 08:30"))
    assert [who for who, _ in said(outbox(at("23 08:30")))] == ["owner"]


def test_who_confirmed_within_twelve_hours_is_only_reminded(rota: Rota, outbox: Outbox) -> None:
    rota(type="hourly", every=4, start="2026-11-02T01:00")
    tick(at("23 08:00"))
    actions.confirm_readiness(actor=SYSTEM, readiness_id=the_one(), now=at("23 08:05"))
    outbox(at("23 08:05"))
    first = queries.readiness()[0].email.partition("@")[0]
    for hour in (12, 16):
        tick(at(f"23 {hour}:00"))
    words = [
        words for who, words in said(outbox(at("23 16:01"))) if who == first and words.startswith("You go")
    ]
    assert words == ["You go on call for payments on Mon 23 Nov 17:00"]
    assert [one.shift_start for one in queries.readiness()] == [at("23 13:00"), at("23 09:00")]


@pytest.mark.parametrize(("own", "heard"), [(False, 0), (True, 1)], ids=["by default", "chosen"])
def test_who_was_asked_earlier_is_reminded_only_by_choice(
    rota: Rota, outbox: Outbox, *, own: bool, heard: int
) -> None:
    rota(schedule={"readiness": "2h"})
    if own:
        actions.set_notices(
            actor=SYSTEM,
            email="bob@example.com",
            on=(timedelta(hours=1),),
            off=(),
            handoff=True,
            moved=True,
            now=LONG_AGO,
        )
    tick(at("23 07:00"))
    actions.confirm_readiness(actor=SYSTEM, readiness_id=the_one(), now=at("23 07:05"))
    outbox(at("23 07:05"))
    tick(at("23 08:00"))
    assert len(outbox(at("23 08:00"))) == heard


def test_who_answered_a_page_lately_is_not_asked(rota: Rota, outbox: Outbox) -> None:
    rota()
    bus.publish(CallOutAcknowledged(7, at("22 23:00"), "bob@example.com", service=True))
    tick(at("23 08:00"))
    assert said(outbox(at("23 08:00"))) == [
        ("bob", "You go on call for payments on Mon 23 Nov 09:00"),
    ]


@pytest.mark.parametrize(
    "form",
    [
        {"schedule": {"readiness": "off"}},
        {"restrictions": [{"days": ["mon"], "start": "09:00", "end": "09:45"}]},
        {"role": "shadow"},
        {"people": ("bob",)},
    ],
    ids=["off", "a short shift", "a shadow", "on call already"],
)
def test_it_is_not_asked(form: dict[str, object], rota: Rota) -> None:
    rota(**form)
    tick(at("23 08:30"))
    assert queries.readiness() == ()


def test_a_fresh_start_asks_nothing_of_who_is_on_already(rota: Rota, outbox: Outbox) -> None:
    rota()
    tick(at("23 09:00"))
    tick(at("23 09:01"))
    assert outbox(at("23 09:01")) == []


def test_a_shift_that_moved_away_is_not_asked_about_any_more(rota: Rota, outbox: Outbox) -> None:
    rota()
    tick(at("23 08:00"))
    change = OverrideDefinition(at("23 09:00"), at("24 09:00"), user="carol@example.com")
    actions.add_override(actor=SYSTEM, schedule="payments", change=change, now=at("23 08:00"))
    tick(at("23 08:10"))
    assert [(one.email, one.due_at) for one in queries.readiness()] == [("carol@example.com", at("23 08:35"))]
    assert [who for who, _ in said(outbox(at("23 08:10")))] == ["carol"]


def test_one_that_moved_away_unseen_is_not_told_of(rota: Rota, outbox: Outbox) -> None:
    rota()
    tick(at("23 08:00"))
    outbox(at("23 08:00"))
    Override.objects.create(
        schedule="payments",
        start=at("23 09:00"),
        end=at("24 09:00"),
        user=User.objects.get(email="carol@example.com"),
        created_at=at("23 08:00"),
    )
    readiness.tick(at("23 08:31"))
    assert outbox(at("23 08:31")) == []
    assert queries.readiness() == ()


def test_one_who_cannot_be_asked_keeps_nobody_else_from_it(rota: Rota, outbox: Outbox) -> None:
    rota()
    rota("order", people=("carol", "alice"))

    def broken(news: DutyWord) -> None:
        if news.email == "alice@example.com":
            raise ZeroDivisionError

    with bus.listening(DutyWord, broken):
        tick(at("23 08:00"))
    assert said(outbox(at("23 08:00"))) == [ASKED]
    tick(at("23 08:01"))
    assert [who for who, _ in said(outbox(at("23 08:01")))] == ["alice"]


def test_only_they_and_who_manages_people_confirm(rota: Rota) -> None:
    rota()
    tick(at("23 08:00"))
    carol = identity.actor_for(User.objects.get(email="carol@example.com").pk)
    with pytest.raises(PermissionDenied):
        actions.confirm_readiness(actor=carol, readiness_id=the_one(), now=at("23 08:01"))
    with pytest.raises(Conflict):
        actions.confirm_readiness(actor=SYSTEM, readiness_id=the_one(), now=at("24 09:00"))


def test_the_link_shows_and_confirms_only_when_told(rota: Rota, monkeypatch: pytest.MonkeyPatch) -> None:
    rota()
    User.objects.filter(email="bob@example.com").update(timezone="Asia/Kolkata")
    tick(at("23 08:00"))
    (found,) = queries.readiness()
    path = readiness.url(found.email, found.id).removeprefix("http://testserver")
    phone = Client(enforce_csrf_checks=True)
    monkeypatch.setattr("tocsin.entrypoints.web.views.ready.now", lambda: at("23 08:10"))
    shown = phone.get(path)
    assert shown.status_code == 200
    assert "I am ready" in shown.content.decode()
    assert "Mon 23 Nov, 14:30" in shown.content.decode()
    assert shown.headers["Cache-Control"] == "no-store"
    assert queries.readiness()[0].confirmed_at is None
    done = phone.post(path)
    assert "You are ready" in done.content.decode()
    assert queries.readiness()[0].confirmed_at == at("23 08:10")
    assert "I am ready" not in phone.get(path).content.decode()
    monkeypatch.setattr("tocsin.entrypoints.web.views.ready.now", lambda: at("23 08:10") + timedelta(days=1))
    assert phone.get(path).status_code == 200
    monkeypatch.setattr("tocsin.entrypoints.web.views.ready.now", lambda: at("24 09:00"))
    assert phone.get(path).status_code == 410
    assert phone.get(path + "x").status_code == 410
