from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client

from tests.duty.conftest import LONG_AGO, Outbox, at, said, tick
from tocsin.apps.catalog import actions as catalog
from tocsin.apps.catalog.types import ServiceSpec
from tocsin.apps.escalation import actions as escalation
from tocsin.apps.escalation import settings as escalation_settings
from tocsin.apps.identity import queries as identity
from tocsin.apps.identity.models import User
from tocsin.apps.incidents import actions as incidents
from tocsin.apps.oncall import actions
from tocsin.domain.escalation.model import Policy, Step, Target, TargetKind
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.schedule import OverrideKind
from tocsin.domain.schedule.definition import OverrideDefinition
from tocsin.domain.severity import Severity
from tocsin.lib import bus
from tocsin.ports.events import HandedOver

Rota = Callable[..., None]
Declare = Callable[..., str]


@pytest.fixture
def declare(rota: Rota) -> Declare:
    """An incident of the service that the schedule is called for."""
    rota(schedule={"readiness": "off"})
    for each in ("alice", "bob", "carol"):
        actions.set_notices(
            actor=SYSTEM,
            email=f"{each}@example.com",
            on=(),
            off=(),
            handoff=True,
            moved=True,
            now=LONG_AGO,
        )
    steps = (Step((Target(TargetKind.SCHEDULE, "payments"),), timedelta(minutes=5)),)
    escalation_settings.save_policy(actor=SYSTEM, policy=Policy("payments", steps), now=LONG_AGO)
    spec = ServiceSpec("checkout", team="payments", escalation_policy="payments")
    catalog.save_service(actor=SYSTEM, spec=spec, now=LONG_AGO)

    def make(title: str, now: datetime, severity: Severity = Severity.SEV2) -> str:
        made = incidents.declare(actor=SYSTEM, title=title, service="checkout", severity=severity, now=now)
        escalation.advance_due(now=now, limit=10)
        return made.ref

    return make


def hand_over(day: int = 23) -> None:
    tick(at(f"{day} 08:59"))
    tick(at(f"{day} 09:00"))
    tick(at(f"{day} 09:01"))


def test_both_hear_what_is_open_and_what_happened(declare: Declare, outbox: Outbox) -> None:
    over = declare("The disk is full", at("22 12:00"))
    incidents.resolve(actor=SYSTEM, ref=over, now=at("22 12:30"))
    ref = declare("Checkout fails", at("23 03:00"))
    alice = identity.actor_for(User.objects.get(email="alice@example.com").pk)
    incidents.acknowledge(actor=alice, ref=ref, now=at("23 03:01"))
    outbox(at("23 08:00"))
    hand_over()
    off, on = sorted(outbox(at("23 09:01")), key=lambda message: message.address)
    assert said([off, on]) == [
        ("alice", "You handed payments over: 1 open incident"),
        ("bob", "You are on call for payments now: 1 open incident"),
    ]
    assert on.lines == (
        "You took over from Alice.",
        f"{ref} · SEV2 · checkout: Checkout fails – Alice has it\nhttp://testserver/incidents/{ref}",
        "Since Sun 22 Nov 09:00 (UTC): 2 incidents opened, 1 resolved, 2 pages.",
    )
    assert off.lines[0] == "Bob took over from you."
    (button,) = on.actions
    assert button.label == f"Open {ref}"
    opened = Client().get(button.url.removeprefix("http://testserver"))
    assert "Take it over" in opened.content.decode()


def test_after_a_quiet_shift_only_the_incoming_person_hears(declare: Declare, outbox: Outbox) -> None:
    hand_over()
    (message,) = outbox(at("23 09:01"))
    assert said([message]) == [("bob", "You are on call for payments now")]
    assert message.lines == ("You took over from Alice.", "Nothing is open.")


def test_who_does_not_want_it_does_not_get_it(declare: Declare, outbox: Outbox) -> None:
    actions.set_notices(
        actor=SYSTEM, email="bob@example.com", on=(), off=(), handoff=False, moved=True, now=LONG_AGO
    )
    hand_over()
    assert outbox(at("23 09:01")) == []


def test_a_long_list_is_cut(declare: Declare, outbox: Outbox) -> None:
    for number in range(12):
        declare(f"Number {number}", at("23 03:00"), Severity.SEV4)
    worst = declare("The worst", at("23 04:00"), Severity.SEV1)
    outbox(at("23 08:59"))
    hand_over()
    message = next(m for m in outbox(at("23 09:01")) if m.address == "bob@example.com")
    assert worst in message.lines[1]
    assert message.lines[11] == "… and 3 more"
    assert len(message.actions) == 5


def test_an_override_is_handed_over_and_back(declare: Declare, outbox: Outbox) -> None:
    change = OverrideDefinition(at("23 12:00"), at("23 14:00"), user="carol@example.com")
    actions.add_override(actor=SYSTEM, schedule="payments", change=change, now=at("22 12:00"))
    tick(at("23 11:59"))
    tick(at("23 12:00"))
    tick(at("23 14:00"))
    assert said(outbox(at("23 14:00"))) == [
        ("bob", "You are on call for payments now"),
        ("carol", "You are on call for payments now"),
    ]


def test_one_who_joins_takes_nothing_over(declare: Declare, outbox: Outbox) -> None:
    change = OverrideDefinition(at("23 12:00"), at("23 14:00"), OverrideKind.ADD, user="carol@example.com")
    actions.add_override(actor=SYSTEM, schedule="payments", change=change, now=at("22 12:00"))
    tick(at("23 11:59"))
    tick(at("23 12:00"))
    assert outbox(at("23 12:00")) == []


def test_after_an_outage_who_came_on_meanwhile_is_told(declare: Declare, outbox: Outbox) -> None:
    tick(at("23 07:00"))
    tick(at("23 12:00"))
    tick(at("23 12:01"))
    assert said(outbox(at("23 12:01"))) == [("bob", "You are on call for payments now")]


def test_after_an_outage_nobody_hears_of_a_shift_that_is_over(declare: Declare, outbox: Outbox) -> None:
    change = OverrideDefinition(at("23 10:00"), at("23 11:00"), OverrideKind.OVERRIDE, "carol@example.com")
    actions.add_override(actor=SYSTEM, schedule="payments", change=change, now=at("23 06:00"))
    tick(at("23 07:00"))
    tick(at("23 12:00"))
    assert said(outbox(at("23 12:00"))) == [("bob", "You are on call for payments now")]


def test_one_that_fails_is_tried_again(declare: Declare, outbox: Outbox) -> None:
    def broken(news: HandedOver) -> None:
        raise ZeroDivisionError

    tick(at("23 08:59"))
    with bus.listening(HandedOver, broken):
        tick(at("23 09:00"))
    assert outbox(at("23 09:00")) == []
    tick(at("23 09:01"))
    tick(at("23 09:02"))
    assert len(outbox(at("23 09:02"))) == 1


def test_a_first_start_tells_of_no_hand_off_before_it(declare: Declare, outbox: Outbox) -> None:
    tick(at("23 09:00"))
    tick(at("23 09:01"))
    assert outbox(at("23 09:01")) == []
