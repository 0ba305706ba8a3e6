from datetime import timedelta

import pytest

from tests.incidents.conftest import Company
from tocsin.apps.escalation import actions as escalation
from tocsin.apps.identity.models import User
from tocsin.apps.incidents import actions, why
from tocsin.apps.incidents.following import Of
from tocsin.apps.incidents.why import PersonWhy
from tocsin.apps.notify.models import ContactMethod, Notification, QuietHours
from tocsin.domain.errors import NotFound
from tocsin.domain.escalation.model import Target, TargetKind
from tocsin.domain.severity import Severity

MATE, OWNER, STRANGER = (f"{name}@example.com" for name in ("mate", "owner", "stranger"))


def ask(company: Company, email: str) -> PersonWhy:
    return why.person("INC-1", email, actor=company.stranger, now=company.now)


def rows(company: Company) -> dict[str, PersonWhy]:
    return {row.email: row for row in why.everybody(company.show("INC-1"), company.now)}


def left(**what: object) -> None:
    Notification.objects.filter(page__user__email=MATE).update(**what)


def test_it_lists_who_was_called_and_who_is_next(company: Company) -> None:
    company.trigger()
    found = rows(company)
    assert list(found) == [MATE, OWNER]
    assert (found[MATE].called, found[OWNER].called) == (True, False)
    assert found[MATE].verdict == "To be called: the first message leaves at 2026-11-23T12:00:00Z."
    assert found[OWNER].verdict.startswith(
        "Not called yet: step 2 calls them at 2026-11-23T12:05:00Z, unless somebody acknowledges"
    )
    assert [each.kind for each in found[MATE].decisions] == ["called"]


def test_a_message_that_left_is_said_with_its_receipt(company: Company) -> None:
    company.trigger()
    left(state="delivered", sent_at=company.now, receipt="250 OK", vendor="smtp", attempts=2)
    found = rows(company)[MATE]
    (message,) = found.calls[0].messages
    assert found.verdict == "Called: 1 of 1 messages sent."
    assert (message.state, message.at) == ("delivered", company.now)
    assert ("250 OK" in message.text, "by smtp" in message.text, "2 attempts" in message.text) == (
        True,
        True,
        True,
    )


@pytest.mark.parametrize("state", ["suppressed", "failed", "cancelled", "merged", "bundled"])
def test_a_message_that_never_leaves_says_why(company: Company, state: str) -> None:
    company.trigger()
    carrier = Notification.objects.create(
        page=Notification.objects.get().page,
        via="email",
        key="other",
        rank=0,
        due_at=company.now,
        wanted_at=company.now,
    )
    left(state=state, receipt="because of this", carried_by=carrier)
    message = rows(company)[MATE].calls[0].messages[0]
    assert (message.at, message.text.startswith(f"said by message {carrier.pk}; because of this")) == (
        None,
        True,
    )


def test_what_is_held_back_says_until_when_and_why(company: Company) -> None:
    company.trigger()
    later = company.now + timedelta(minutes=4)
    left(due_at=later, hold="throttled: 5 in 15 min")
    message = rows(company)[MATE].calls[0].messages[0]
    assert (message.at, "throttled: 5 in 15 min" in message.text) == (later, True)


def test_quiet_hours_are_named(company: Company) -> None:
    hours = {"timezone": "UTC", "days": ["mon"], "start": "11:00", "end": "18:00"}
    for email in (MATE, STRANGER):
        QuietHours.objects.create(user=User.objects.get(email=email), **hours)
    company.trigger(severity="warning")
    assert "quiet hours" in rows(company)[MATE].calls[0].messages[0].text
    assert "Quiet hours 11:00–18:00 (UTC) hold low urgency back." in ask(company, STRANGER).reasons


def test_who_is_in_no_step_is_told_so(company: Company) -> None:
    company.trigger()
    found = ask(company, STRANGER)
    assert found.verdict == "Not called: no step of “payments” stands for them now."
    assert "Not on call for any schedule now." in found.reasons


def test_an_acknowledgement_before_the_step_is_named(company: Company) -> None:
    company.trigger()
    company.wait(minutes=2)
    actions.acknowledge(actor=company.mate, ref="INC-1", now=company.now)
    assert ask(company, MATE).verdict == "Called, and has it."
    assert (
        "mate@example.com acknowledged at 2026-11-23T12:02:00Z, before step 2" in ask(company, OWNER).verdict
    )


def test_an_end_before_the_step_and_a_snooze_are_named(company: Company) -> None:
    company.trigger()
    actions.snooze(
        actor=company.mate, ref="INC-1", until=company.now + timedelta(minutes=30), now=company.now
    )
    assert "it is snoozed until 2026-11-23T12:30:00Z" in ask(company, OWNER).verdict
    actions.resolve(actor=company.mate, ref="INC-1", now=company.now)
    assert "it was over before step 2 could call them" in ask(company, OWNER).verdict


def test_a_ladder_of_one_step_says_that_it_ends_there(company: Company) -> None:
    company.trigger(severity="warning")
    assert "at SEV3 the calling ends before step 2" in ask(company, OWNER).verdict
    actions.set_severity(actor=company.mate, ref="INC-1", severity=Severity.SEV2, now=company.now)
    assert "step 2 calls them" in ask(company, OWNER).verdict


def test_a_method_that_is_not_verified_is_named(company: Company) -> None:
    ContactMethod.objects.filter(user__email=STRANGER).update(verified_at=None)
    company.trigger()
    reasons = " ".join(ask(company, STRANGER).reasons)
    assert "email stranger@example.com cannot be used:" in reasons
    assert "would be passed at once" in reasons


def test_who_could_not_be_reached_is_not_said_to_be_called(company: Company) -> None:
    ContactMethod.objects.filter(user__email=MATE).update(verified_at=None)
    company.trigger()
    found = rows(company)[MATE]
    assert "reached" in found.verdict or "deliver" in found.verdict
    assert not found.verdict.startswith("Called:")


def test_who_declined_and_who_came_are_told_apart(company: Company) -> None:
    company.trigger()
    actions.acknowledge(actor=company.mate, ref="INC-1", now=company.now)
    for email in (OWNER, "manager@example.com"):
        actions.ask_help(
            actor=company.mate, ref="INC-1", target=Target(TargetKind.USER, email), now=company.now
        )
    actions.decline_help(actor=company.manager, ref="INC-1", reason="Asleep", now=company.now)
    actions.accept_help(actor=company.owner, ref="INC-1", now=company.now)
    found = rows(company)
    assert found["manager@example.com"].verdict == "Called, and declined."
    assert found[OWNER].verdict == "Asked to help, and came."


def test_who_follows_is_told_that_updates_are_no_pages(company: Company) -> None:
    actions.follow(actor=company.stranger, of=Of.SERVICE, name="checkout", now=company.now)
    company.trigger()
    assert "Follows checkout: gets updates, no pages." in ask(company, STRANGER).reasons


def test_nobody_is_explained_who_is_not_there(company: Company) -> None:
    company.trigger()
    with pytest.raises(NotFound):
        ask(company, "x@example.com")


def test_whoever_the_next_step_calls_is_called_then(company: Company) -> None:
    company.trigger()
    company.wait(minutes=5)
    escalation.advance_due(now=company.now)
    assert rows(company)[OWNER].called
