"""After an outage each person gets one message per incident and way, not the backlog."""

from datetime import datetime, timedelta

import pytest

from tests.escalation.conftest import NOW
from tests.notify.fakes import FakeChannel
from tests.notify.test_messages_leave import ALICE, BOB, call, states, webhook, work
from tocsin.apps.identity.models import User
from tocsin.apps.notify import queries
from tocsin.apps.notify.models import NotificationRule
from tocsin.domain.notification.model import MessageKind

pytestmark = pytest.mark.django_db


def later(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def reminders(*minutes: int) -> None:
    for after in minutes:
        NotificationRule.objects.create(user=None, urgency="high", after_s=after * 60, via="email")


def test_the_overdue_messages_of_one_page_become_one(people: dict[str, User], mail: FakeChannel) -> None:
    reminders(0, 5, 10, 90)
    call()
    work(later(60))
    assert work(later(60)) == []
    assert mail.to == [ALICE]
    assert states() == ["sent", "merged", "merged", "planned"]
    (page,) = queries.pages_of_incident(7)
    assert page.notifications[1].reason.endswith("; merged: one message for 3 that say the same")
    work(later(90))
    assert mail.to == [ALICE, ALICE]


def test_overdue_pages_of_one_call_out_and_person_become_one(
    people: dict[str, User], mail: FakeChannel
) -> None:
    for minutes in (0, 15, 30):
        call(now=later(minutes), reason=f"at {minutes}")
        call(BOB, now=later(minutes))
    work(later(60))
    assert sorted(mail.to) == [ALICE, BOB]
    assert "Why you: at 30" in next(m for m in mail.sent if m.address == ALICE).lines


def test_the_first_page_leaves_rather_than_a_repeat(people: dict[str, User], mail: FakeChannel) -> None:
    call(reason="first")
    call(now=later(15), first=False, reason="again")
    work(later(60))
    assert states() == ["sent", "merged"]


def test_other_incidents_ways_and_kinds_stay_messages_of_their_own(
    people: dict[str, User], mail: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = webhook(people["alice"], monkeypatch)
    call(call_out_id=5)
    call(call_out_id=6, incident_id=8)
    call(call_out_id=6, incident_id=8, kind=MessageKind.STAKEHOLDER)
    work(later(60))
    # The second way of both pages is a repeat, and lists both.
    assert (len(mail.to), len(hook.to)) == (3, 2)
    assert [one.ref for one in hook.sent[0].listed] == ["INC-7"]


def test_quiet_words_are_all_said(people: dict[str, User], mail: FakeChannel) -> None:
    for number in range(3):
        call(kind=MessageKind.JOINED, reason=f"alert {number}")
    work(later(60))
    assert len(mail.to) == 3


def test_a_small_batch_does_not_bring_the_backlog_back(people: dict[str, User], mail: FakeChannel) -> None:
    reminders(0, 5, 10)
    call()
    call(BOB)
    while work(later(60), batch=1):
        pass
    assert sorted(mail.to) == [ALICE, BOB]
