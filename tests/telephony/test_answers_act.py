"""What an answer does, and what is said to it: the matrix."""

from datetime import datetime
from typing import Any

import pytest

from tests.telephony.house import MANAGER, MATE, OWNER, House
from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.identity.models import User, UserState
from tocsin.apps.incidents import actions, answers
from tocsin.apps.notify import actions as notify
from tocsin.apps.notify.handlers import on_duty_word
from tocsin.apps.notify.models import ContactMethod, Notification, Page
from tocsin.domain.escalation.model import Target, TargetKind
from tocsin.domain.permissions import Actor, Role
from tocsin.lib import bus, clock
from tocsin.lib.ratelimit import Buckets
from tocsin.ports.callback import Answer, Deed
from tocsin.ports.events import AdminWord, DutyWord


def test_ack_with_its_number_takes_the_incident(house: House) -> None:
    house.phones("sms")
    made = house.fire()
    number = made.ref.removeprefix("INC-")
    assert house.says(f"ack {number}") == f"{made.ref} acknowledged. mate, it is yours."
    found = house.show(made.ref)
    assert found.acknowledged_by == "mate@example.com"
    entry = AuditEntry.objects.filter(action="incident.acknowledged").latest("pk")
    assert (entry.actor_kind, entry.actor_label) == ("phone", "mate")
    assert house.told().state == "read"


def test_ack_without_a_number_takes_the_only_one_that_is_open(house: House) -> None:
    house.phones("sms")
    made = house.fire()
    assert house.says("ack") == f"{made.ref} acknowledged. mate, it is yours."


def test_with_several_open_it_asks_which_and_does_nothing(house: House) -> None:
    house.phones("sms")
    one, two = house.fire("a"), house.fire("b")
    assert (one.ref, two.ref) == ("INC-1", "INC-2")
    assert house.says("ack") == "Which? ack 2 or ack 1, or ack all"
    assert house.says("res") == "Which? res 2 or res 1"
    assert house.show("INC-1").acknowledged_at is None
    assert house.says("ack 1") == "INC-1 acknowledged. mate, it is yours."
    assert house.says("ack") == "INC-2 acknowledged. mate, it is yours."  # the only one left


def test_ack_all_takes_what_was_told_here_and_not_what_came_after(house: House) -> None:
    house.phones("sms")
    house.fire("a")
    house.fire("b")
    house.company.trigger("c")  # its SMS has not left
    assert house.says("ack all") == "INC-2, INC-1 acknowledged. mate, they are yours."
    assert [house.show(ref).acknowledged_by for ref in ("INC-1", "INC-2", "INC-3")] == [
        "mate@example.com",
        "mate@example.com",
        None,
    ]


def test_what_another_has_is_said(house: House) -> None:
    house.phones("sms")
    made = house.fire()
    actions.respond(actor=house.company.owner, ref=made.ref, now=clock.now())
    assert house.says("ack 1") == "INC-1: already acknowledged by owner."
    assert house.show(made.ref).acknowledged_by == "owner@example.com"


def test_what_is_over_is_said(house: House) -> None:
    house.phones("sms")
    made = house.fire()
    assert house.says("res 1") == "INC-1 is resolved."
    assert house.says("ack 1") == "INC-1 is resolved."
    assert house.says("ack") == "Nothing is open that you were called for."
    assert not house.show(made.ref).is_open


def test_esc_calls_the_next_step_at_once(house: House) -> None:
    house.phones("sms")
    house.fire()
    assert house.says("esc 1") == "INC-1: the next step is called now."
    house.work()
    assert Notification.objects.filter(address=OWNER, state="sent").count() == 1


def test_who_was_not_called_is_told_so(house: House) -> None:
    house.phones("sms")
    made = house.fire()
    assert house.says("ack 1", OWNER) == "You were not called for INC-1."
    assert house.says("ack", OWNER) == "Nothing is open that you were called for."
    assert house.show(made.ref).acknowledged_at is None


def test_an_incident_that_does_not_exist_is_said(house: House) -> None:
    house.phones("sms")
    house.fire()
    assert house.says("ack 1 99") == "INC-1 acknowledged. mate, it is yours. There is no INC-99."


def test_a_stakeholders_ack_is_seen_and_ends_no_ladder(house: House) -> None:
    house.phones("sms")
    made = house.fire(severity="SEV1")  # calls management at once
    assert house.says("ack 1", MANAGER) == (
        "INC-1: noted that you have seen it. The responders are still called."
    )
    assert house.show(made.ref).acknowledged_at is None


@pytest.mark.parametrize(
    ("word", "said"), [("accept", "Thank you, owner: you are with INC-1."), ("decline", "INC-1 declined: ")]
)
def test_help_is_accepted_or_declined(word: str, said: str, house: House) -> None:
    house.phones("sms")
    made = house.fire()
    target = Target(TargetKind.USER, "owner@example.com")
    actions.ask_help(actor=house.company.mate, ref=made.ref, target=target, now=clock.now())
    house.work()
    assert house.says(word, OWNER).startswith(said)
    assert house.says(f"{word} 1") != said  # mate was not asked
    assert house.show(made.ref).acknowledged_at is None


@pytest.mark.parametrize("text", ["ack 1", "help", "stop", "what?"])
def test_to_an_unknown_number_nothing_is_revealed(text: str, house: House) -> None:
    house.phones("sms")
    house.fire()
    assert house.says(text, "+15550199999") == ""
    assert house.show("INC-1").acknowledged_at is None


def test_a_number_that_is_not_verified_is_nobodys(house: House) -> None:
    house.phones("sms")
    house.fire()
    ContactMethod.objects.filter(address=MATE).update(verified_at=None)
    assert house.says("ack 1") == ""


def test_who_has_left_is_nobody(house: House) -> None:
    house.phones("sms", "voice")
    house.fire()
    User.objects.filter(email="mate@example.com").update(state=UserState.LEFT)
    assert house.says("ack 1") == ""
    assert house.presses(Deed.ACKNOWLEDGE, house.told(via="voice")) == ""


def test_what_cannot_be_understood_is_answered_with_what_can(house: House) -> None:
    house.phones("sms")
    house.fire()
    assert house.says("thanks a lot").startswith("That was not understood. Reply ack 12")
    assert house.says("help") == answers.HOW


def test_an_answer_that_is_told_twice_acts_once(house: House) -> None:
    house.phones("sms")
    house.fire()
    first = house.says("esc 1", name="twilio:SM1")
    assert house.says("esc 1", name="twilio:SM1") == first
    assert AuditEntry.objects.filter(action="incident.escalated").count() == 1
    house.says("esc 1", name="twilio:SM2")
    assert AuditEntry.objects.filter(action="incident.escalated").count() == 2


def test_a_phone_that_never_stops_answering_is_slowed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.phones("sms")
    house.fire()
    monkeypatch.setattr(answers, "_pace", Buckets(rate=1 / 60, burst=3))
    said = [house.says("esc 1") for _ in range(4)]
    assert said[3] == "Too many answers at once: wait a minute, please."
    assert AuditEntry.objects.filter(action="incident.escalated").count() == 3
    assert house.says("ack", OWNER).startswith("Nothing")  # nobody else is


# ---- keys ----


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        (Deed.ACKNOWLEDGE, "INC-1 acknowledged. mate, it is yours."),
        (Deed.RESOLVE, "INC-1 is resolved."),
        (Deed.ESCALATE, "INC-1: the next step is called now."),
    ],
)
def test_a_key_acts_on_what_the_call_was_about(deed: Deed, said: str, house: House) -> None:
    house.phones("voice")
    house.fire()
    call = house.told(via="voice")
    house.fire("later")  # of which the call knew nothing
    assert house.presses(deed, call) == said
    assert house.show("INC-2").acknowledged_at is None


def test_a_key_on_a_list_takes_all_of_the_list(house: House) -> None:
    house.phones("voice")
    refs = [house.fire(key).ref for key in ("a", "b")]
    first, second = Notification.objects.filter(via="voice").order_by("pk")
    Notification.objects.filter(pk=second.pk).update(carried_by=first, state="bundled")
    assert house.presses(Deed.ACKNOWLEDGE, first) == "INC-1, INC-2 acknowledged. mate, they are yours."
    assert {house.show(ref).acknowledged_by for ref in refs} == {"mate@example.com"}


def test_an_unknown_call_does_nothing(house: House) -> None:
    house.phones("voice")
    assert answers.take(Answer("voice", MATE, Deed.ACKNOWLEDGE, key="nobody's"), clock.now()) == ""


@pytest.mark.parametrize("by_key", [True, False], ids=["key", "text"])
def test_a_test_page_is_confirmed_and_kept_as_read(by_key: bool, house: House) -> None:  # noqa: FBT001 - a case
    house.phones("sms")
    notify.send_test(actor=house.company.mate, email="mate@example.com", now=clock.now())
    house.work()
    message = house.told()
    said = house.presses(Deed.ACKNOWLEDGE, message) if by_key else house.says("ack")
    assert said == "Thank you: it reached you, and we know."
    assert house.told().state == "read"


@pytest.mark.parametrize("by_key", [True, False], ids=["key", "text"])
def test_a_test_before_a_shift_is_confirmed_too(
    by_key: bool,  # noqa: FBT001 - a case
    house: House,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    confirmed: list[tuple[str | None, int]] = []

    def confirm(*, actor: Actor, readiness_id: int, now: datetime) -> None:
        confirmed.append((actor.email, readiness_id))

    monkeypatch.setattr(answers.oncall, "confirm_readiness", confirm)
    house.phones("sms")
    word = DutyWord("mate@example.com", "You are next", (), clock.now(), "k", pressing=True, confirm=5)
    on_duty_word(word)
    house.work()
    said = house.presses(Deed.ACKNOWLEDGE, house.told()) if by_key else house.says("ack")
    assert (said, confirmed) == ("Thank you: you are ready.", [("mate@example.com", 5)])


# ---- stop and start ----


def test_stop_ends_it_and_is_told_another_way(house: House) -> None:
    house.phones("sms", "voice")
    house.fire()
    assert house.says("STOP") == "Tocsin sends you nothing more here. Reply start to undo."
    row = ContactMethod.objects.get(type="sms", address=MATE)
    assert (row.disabled_at is not None, row.disabled_reason) == (True, "asked to stop by SMS")
    assert ContactMethod.objects.get(type="voice", address=MATE).disabled_at is None
    entry = AuditEntry.objects.filter(action="contact_method.disabled").latest("pk")
    assert (entry.actor_kind, entry.data["address"]) == ("phone", MATE)
    notice = Page.objects.filter(kind="notice").latest("pk")
    assert notice.user
    assert notice.user.email == "mate@example.com"
    assert [one.via for one in notice.notifications.filter(state="planned")] == ["voice"]
    house.says("stop")  # once more is no second notice
    assert Page.objects.filter(kind="notice").count() == 1


def test_start_undoes_only_what_stop_did(house: House) -> None:
    house.phones("sms")
    assert house.says("start") == "Nothing was stopped here."
    house.says("stop")
    assert house.says("start") == "Welcome back: Tocsin reaches you here again."
    assert ContactMethod.objects.get(type="sms", address=MATE).disabled_at is None
    ContactMethod.objects.filter(address=MATE).update(
        disabled_at=clock.now(), disabled_reason="bounced: gone"
    )
    assert house.says("start") == "Nothing was stopped here."
    assert ContactMethod.objects.get(type="sms", address=MATE).disabled_at is not None


def test_two_people_with_one_phone_are_told_apart_by_what_they_were_called_for(house: House) -> None:
    house.phones("sms")
    owner = User.objects.get(email="owner@example.com")
    ContactMethod.objects.create(user=owner, type="sms", address=MATE, verified_at=clock.now())
    made = house.fire()
    assert house.says("ack 1") == "INC-1 acknowledged. mate, it is yours."
    assert house.show(made.ref).acknowledged_by == "mate@example.com"


def test_a_phone_of_two_acknowledges_what_is_still_open_whosever_it_is(house: House) -> None:
    house.phones("sms")
    owner = User.objects.get(email="owner@example.com")
    ContactMethod.objects.filter(user=owner).update(address=MATE)
    house.fire("a")
    house.says("ack 1")
    mates = ContactMethod.objects.filter(user__email="mate@example.com")
    mates.update(disabled_at=clock.now())
    house.fire("b")  # passes to the owner at once, over the same phone
    mates.update(disabled_at=None)
    assert house.says("ack") == "INC-2 acknowledged. owner, it is yours."


def test_one_reply_of_a_shared_phone_names_an_incident_of_each(house: House) -> None:
    house.phones("sms")
    owner = User.objects.get(email="owner@example.com")
    ContactMethod.objects.filter(user=owner).update(address=MATE)
    house.fire("a")
    mates = ContactMethod.objects.filter(user__email="mate@example.com")
    mates.update(disabled_at=clock.now())
    house.fire("b")
    mates.update(disabled_at=None)
    said = "INC-1 acknowledged. mate, it is yours. INC-2 acknowledged. owner, it is yours."
    assert house.says("ack 1 2") == said


@pytest.mark.parametrize("word", ["res", "esc"])
def test_an_observer_acts_on_what_they_were_called_for_and_on_nothing_else(word: str, house: House) -> None:
    house.phones("sms")
    User.objects.filter(email="owner@example.com").update(role=Role.OBSERVER)
    house.fire()  # mate is called, the owner is not
    said = house.says(f"{word} 1", OWNER)
    assert house.show("INC-1").is_open
    assert not AuditEntry.objects.filter(action__in=("incident.escalated", "incident.resolved")).exists()
    assert said == "You were not called for INC-1."
    house.says("esc 1")
    house.work()
    assert house.says("res 1", OWNER) == "INC-1 is resolved."


def test_a_bare_ack_answers_the_test_that_asked_for_it(house: House) -> None:
    house.phones("sms")
    made = house.fire()  # still open, told earlier
    notify.send_test(actor=house.company.mate, email="mate@example.com", now=clock.now())
    house.work()
    said = "Thank you: it reached you, and we know. Not acknowledged yet: reply ack 1."
    assert house.says("ack") == said
    assert house.show(made.ref).acknowledged_at is None
    house.fire("b")  # the page is the latest now
    assert house.says("ack").startswith("Which?")


def test_help_is_given_whatever_is_open(house: House) -> None:
    house.phones("sms")
    assert house.says("help") == answers.HOW


def test_several_are_locked_in_the_one_order(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.phones("sms")
    house.fire("a")
    house.fire("b")
    order: list[str] = []
    lock, acknowledge, progress = answers.lock_incidents, actions.acknowledge_all, notify.progress

    def spy(name: str, real: Any) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            order.append(name)
            return real(*given, **named)

        return call

    monkeypatch.setattr(answers, "lock_incidents", spy("incidents", lock))
    monkeypatch.setattr(answers.actions, "acknowledge_all", spy("acknowledged", acknowledge))
    monkeypatch.setattr(answers.notify, "progress", spy("message", progress))
    house.says("ack all")
    assert order == ["incidents", "acknowledged", "message"]


def test_stop_over_the_last_way_is_told_to_the_administrators(house: House) -> None:
    house.phones("sms")
    ContactMethod.objects.exclude(type="sms").delete()
    heard: list[AdminWord] = []
    with bus.listening(AdminWord, heard.append):
        house.says("stop")
    (word,) = heard
    assert word.headline == "mate cannot be reached any more"
    assert MATE in word.lines[0]
    assert not Page.objects.filter(kind="notice").exists()


def test_ack_all_covers_the_list_that_asked_for_it_and_says_what_came_later(house: House) -> None:
    house.phones("sms")
    for key in ("a", "b"):
        house.fire(key)
    first, second = Notification.objects.filter(via="sms").order_by("pk")
    Notification.objects.filter(pk=second.pk).update(carried_by=first, state="bundled", sent_at=None)
    house.fire("c")  # leaves while the list is being read
    assert house.says("ack all") == (
        "INC-2, INC-1 acknowledged. mate, they are yours. INC-3 came later: ack all again."
    )
    assert house.show("INC-3").acknowledged_at is None
    assert house.says("ack all") == "INC-3 acknowledged. mate, it is yours."
