from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.duty.conftest import LONG_AGO, Outbox, at, said
from tocsin.apps.identity import queries as identity
from tocsin.apps.identity.models import User
from tocsin.apps.notify import actions as notify
from tocsin.apps.notify.models import Notification, Page
from tocsin.apps.oncall import actions
from tocsin.domain.notification.model import Occasion, Rule
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.schedule.definition import OverrideDefinition
from tocsin.domain.severity import Urgency
from tocsin.lib import bus
from tocsin.ports.events import DutySettled, DutyWord, ShiftsMoved

Rota = Callable[..., None]
WORD = DutyWord("bob@example.com", "Mind this", ("one", "two"), at("23 08:00"), "a key")


def moved(email: str = "bob@example.com", hours: int = 1) -> ShiftsMoved:
    gained = tuple(
        ("payments", at("24 00:00") + timedelta(hours=hour), at("24 01:00") + timedelta(hours=hour))
        for hour in range(hours)
    )
    lost = (("orders", at("25 09:00"), at("25 17:00")),)
    return ShiftsMoved(email, gained, lost, at("23 08:00"), "Ada", "an override was added")


def test_what_is_gained_and_lost_is_said_in_the_readers_time(rota: Rota, outbox: Outbox) -> None:
    User.objects.filter(email="bob@example.com").update(timezone="Europe/Berlin")
    bus.publish(moved())
    (message,) = outbox(at("23 08:00"))
    assert said([message]) == [("bob", "Your shifts moved: payments, orders")]
    assert message.lines == (
        "You are on call for payments: Tue 24 Nov 01:00 – Tue 24 Nov 02:00 (Europe/Berlin)",
        "You are no longer on call for orders: Wed 25 Nov 10:00 – Wed 25 Nov 18:00 (Europe/Berlin)",
        "By Ada: an override was added",
    )


def test_a_long_list_is_cut(rota: Rota, outbox: Outbox) -> None:
    bus.publish(moved(hours=14))
    (message,) = outbox(at("23 08:00"))
    assert len(message.lines) == 10 + 1 + 1 + 1
    assert message.lines[10] == "You are on call for 4 more"


def test_who_does_not_want_it_does_not_get_it(rota: Rota, outbox: Outbox) -> None:
    actions.set_notices(
        actor=SYSTEM, email="bob@example.com", on=(), off=(), handoff=True, moved=False, now=LONG_AGO
    )
    bus.publish(moved())
    assert outbox(at("23 08:00")) == []


def test_an_override_tells_both_whom_it_concerns_but_not_who_made_it(rota: Rota, outbox: Outbox) -> None:
    rota()
    change = OverrideDefinition(at("23 12:00"), at("23 14:00"), user="carol@example.com")
    carol = identity.actor_for(User.objects.get(email="carol@example.com").pk)
    actions.add_override(actor=carol, schedule="payments", change=change, now=at("22 12:00"))
    (message,) = outbox(at("22 12:00"))
    assert said([message]) == [("bob", "Your shifts moved: payments")]
    assert "no longer on call for payments: Mon 23 Nov 12:00 – Mon 23 Nov 14:00" in message.lines[0]


def test_a_word_said_twice_is_told_once(rota: Rota, outbox: Outbox) -> None:
    bus.publish(WORD)
    bus.publish(WORD)
    (message,) = outbox(at("23 08:00"))
    assert (message.headline, message.lines, message.actions) == ("Mind this", ("one", "two"), ())


def test_a_word_that_is_settled_leaves_no_more(rota: Rota, outbox: Outbox) -> None:
    bus.publish(WORD)
    bus.publish(DutySettled("another key", "done", at("23 08:00")))
    bus.publish(DutySettled("a key", "done", at("23 08:00")))
    assert outbox(at("23 08:01")) == []
    assert Page.objects.get().end_reason == "done"


@pytest.mark.parametrize(
    ("occasion", "why"),
    [(Occasion.MOVED, "moved shifts"), (Occasion.SWAP, "low urgency"), (Occasion.HANDOFF, "low urgency")],
)
def test_it_goes_by_the_rules_for_moved_shifts(rota: Rota, occasion: Occasion, why: str) -> None:
    rules = [Rule(Urgency.LOW, timedelta(0), "email"), Rule(Urgency.LOW, timedelta(0), "email", occasion)]
    notify.set_rules(actor=SYSTEM, email="bob@example.com", rules=rules, now=LONG_AGO)
    bus.publish(moved())
    row = Notification.objects.get(page__user__email="bob@example.com")
    assert row.page.occasion == Occasion.MOVED
    assert row.reason == f"rule: {why}, email after 0s"
