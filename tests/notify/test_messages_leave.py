import threading
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection

from tests.escalation.conftest import NOW
from tests.notify.fakes import FakeChannel
from tocsin.apps.identity.models import User
from tocsin.apps.notify import actions, delivery, queries
from tocsin.apps.notify.models import ContactMethod, Notification, NotificationRule, WorkerProcess
from tocsin.domain.notification.model import MessageKind, Subject
from tocsin.domain.severity import Severity, Urgency
from tocsin.lib import bus
from tocsin.ports import registry
from tocsin.ports.channel import Receipt, Result
from tocsin.ports.events import NotificationFailed, PersonUnreachable

pytestmark = pytest.mark.django_db

ALICE, BOB = "alice@example.com", "bob@example.com"


def call(email: str = ALICE, now: datetime = NOW, **fields: Any) -> int | None:
    severity = fields.pop("severity", Severity.SEV2)
    values: dict[str, Any] = {
        "call_out_id": 5,
        "incident_id": 7,
        "subject": Subject(7, "INC-7", "Checkout is down", severity, "checkout"),
        "urgency": Urgency.HIGH,
        "step": 1,
        "reason": "on call",
        "first": True,
    }
    return actions.call(email=email, now=now, **{**values, **fields})


def work(now: datetime = NOW, worker: str = "w1", batch: int = 100) -> list[Result]:
    """One worker's round at `now`."""
    with time_machine.travel(now, tick=False):
        return [delivery.deliver_one(job, worker).result for job in delivery.claim(worker, now, batch)]


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def states() -> list[str]:
    return list(Notification.objects.order_by("id").values_list("state", flat=True))


def webhook(user: User, monkeypatch: pytest.MonkeyPatch) -> FakeChannel:
    channel = FakeChannel(type="webhook")
    monkeypatch.setitem(registry.channels, "webhook", channel)
    ContactMethod.objects.create(user=user, type="email", address=user.email, verified_at=NOW)
    ContactMethod.objects.create(user=user, type="webhook", address="https://h", position=1, verified_at=NOW)
    return channel


def test_a_due_message_is_sent_once(people: dict[str, User], mail: FakeChannel) -> None:
    call()
    assert work() == [Result.SENT]
    assert work() == []
    assert mail.to == [ALICE]
    (page,) = queries.pages_of_incident(7)
    (sent,) = page.notifications
    assert (sent.state, sent.sent_at, sent.receipt, sent.attempts) == ("sent", NOW, "250 OK", 1)
    assert [(a.result, a.detail) for a in sent.trail] == [("sent", "250 OK")]


def test_a_message_says_what_why_and_what_to_do(
    people: dict[str, User], mail: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry.links, "make", lambda e, i, a, _now: f"https://t/{e}/{i}/{a}")
    call()
    work()
    (message,) = mail.sent
    assert message.headline == "Checkout is down"
    assert "Why you: on call" in message.lines
    assert [a.name for a in message.actions] == ["acknowledge", "escalate", "view"]
    assert message.actions[0].url == f"https://t/{ALICE}/7/acknowledge"
    assert message.thread == "incident-7"


def test_stopping_cancels_what_was_not_sent(people: dict[str, User], mail: FakeChannel) -> None:
    call()
    call(BOB)
    assert actions.stop(call_out_id=5, email=ALICE, reason="seen", now=NOW) == 1
    assert work() == [Result.SENT]
    assert mail.to == [BOB]


def test_a_claimed_message_does_not_leave_after_the_stop(people: dict[str, User], mail: FakeChannel) -> None:
    call()
    (job,) = delivery.claim("w1", NOW, 10)
    actions.stop(call_out_id=5, email=None, reason="acknowledged", now=NOW)
    assert delivery.deliver_one(job, "w1").result is Result.WITHDRAWN
    assert mail.sent == []
    assert states() == ["cancelled"]


def test_a_message_in_two_hands_leaves_from_one(
    people: dict[str, User], mail: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    # PostgreSQL must have run for as long before anybody counts as dead.
    monkeypatch.setattr(delivery, "SILENT_S", 0.05)
    call()
    (job,) = delivery.claim("dead", NOW, 10)
    assert delivery.claim("w2", NOW, 10) == []
    delivery.beat("w2", "host", 2)
    assert delivery.release_dead() == 1
    assert work(worker="w2") == [Result.SENT]
    assert delivery.deliver_one(job, "dead").result is Result.WITHDRAWN
    assert mail.to == [ALICE]
    assert states() == ["sent"]


def test_a_live_worker_keeps_its_claims(people: dict[str, User]) -> None:
    call()
    delivery.beat("w1", "host", 1)
    delivery.claim("w1", NOW, 10)
    assert delivery.release_dead() == 0
    delivery.leave("w1")
    assert not WorkerProcess.objects.exists()
    assert len(delivery.claim("w2", NOW, 10)) == 1


def test_a_passing_failure_is_tried_again_with_the_same_key(
    people: dict[str, User], mail: FakeChannel
) -> None:
    mail.answers = [Receipt(Result.RETRY, "451 later"), Receipt(Result.RETRY, "451 later")]
    call()
    key = Notification.objects.get().key
    assert work() == [Result.RETRY]
    assert work(NOW + seconds(1)) == []
    assert work(NOW + seconds(2)) == [Result.RETRY]
    assert work(NOW + seconds(7)) == [Result.SENT]
    assert mail.sent[0].key == key
    assert len(queries.pages_of_incident(7)[0].notifications[0].trail) == 3


def test_a_permanent_failure_brings_the_next_method_forward(
    people: dict[str, User], mail: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = webhook(people["alice"], monkeypatch)
    mail.answers = [Receipt(Result.FAILED, "550 no such user")]
    heard: list[NotificationFailed] = []
    call()
    with bus.listening(NotificationFailed, heard.append):
        assert work() == [Result.FAILED]
    assert [news.detail for news in heard] == ["550 no such user"]
    assert work() == [Result.SENT]
    assert hook.to == ["https://h"]
    assert "brought forward" in Notification.objects.get(via="webhook").reason


def test_the_first_page_of_an_urgent_incident_takes_the_next_method_within_a_minute(
    people: dict[str, User], mail: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = webhook(people["alice"], monkeypatch)
    mail.answers = [Receipt(Result.RETRY, "timed out")] * 99
    call()
    for second in range(61):
        work(NOW + seconds(second))
    assert hook.to == ["https://h"]
    assert states() == ["failed", "sent"]


def test_the_last_failing_way_tells_the_ladder(people: dict[str, User], mail: FakeChannel) -> None:
    mail.answers = [Receipt(Result.FAILED, "550 no such user")]
    heard: list[PersonUnreachable] = []
    call()
    with bus.listening(PersonUnreachable, heard.append):
        work()
    assert [(n.call_out_id, n.email) for n in heard] == [(5, ALICE)]


def test_a_person_already_reached_another_way_is_not_unreachable(
    people: dict[str, User], mail: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = webhook(people["alice"], monkeypatch)
    hook.answers = [Receipt(Result.FAILED, "410 gone")]
    heard: list[PersonUnreachable] = []
    call()
    with bus.listening(PersonUnreachable, heard.append):
        work()
        work(NOW + seconds(180))
    assert states() == ["sent", "failed"]
    assert heard == []


def test_high_leaves_before_low_and_each_person_once_before_anybody_twice(
    people: dict[str, User], mail: FakeChannel
) -> None:
    call(BOB, urgency=Urgency.LOW, call_out_id=9)
    for number in range(3):
        call(ALICE, call_out_id=number)
    call(BOB)
    call("carol@example.com")
    work()
    assert mail.to[:3] == [ALICE, BOB, "carol@example.com"]
    assert mail.to[3:] == [ALICE, ALICE, BOB]


def test_whoever_was_paged_longest_ago_comes_first(people: dict[str, User], mail: FakeChannel) -> None:
    call(ALICE)
    work()
    call(ALICE, now=NOW + seconds(1))
    call(BOB, now=NOW + seconds(2))
    work(NOW + seconds(3))
    assert mail.to == [ALICE, BOB, ALICE]


def test_the_local_outbox_does_not_count(people: dict[str, User], mail: FakeChannel) -> None:
    mail.counts = False
    call()
    assert work() == [Result.SENT]
    assert states() == ["suppressed"]


def test_rules_and_their_delays_are_kept(people: dict[str, User], mail: FakeChannel) -> None:
    for after in (0, 120):
        NotificationRule.objects.create(user=people["alice"], urgency="high", after_s=after, via="email")
    NotificationRule.objects.create(user=people["alice"], urgency="high", after_s=60, via="sms")
    call()
    assert work() == [Result.SENT]
    assert work(NOW + seconds(119)) == []
    assert work(NOW + seconds(120)) == [Result.SENT]
    assert len({message.key for message in mail.sent}) == 2
    (page,) = queries.pages_of_incident(7)
    assert [n.state for n in page.notifications] == ["sent", "suppressed", "sent"]


def test_everybody_without_rules_has_the_organisations(people: dict[str, User], mail: FakeChannel) -> None:
    NotificationRule.objects.create(user=None, urgency="high", after_s=30, via="email")
    call()
    assert work() == []
    assert work(NOW + seconds(30)) == [Result.SENT]


def test_a_lowered_urgency_cancels_repeats_but_not_a_first_message(
    people: dict[str, User], mail: FakeChannel
) -> None:
    for after in (0, 120):
        NotificationRule.objects.create(user=None, urgency="high", after_s=after, via="email")
    call(ALICE)
    work()
    call(BOB)
    actions.stop_repeats(call_out_id=5, reason="low now")
    assert states() == ["sent", "cancelled", "planned", "planned"]


def test_a_quiet_word_is_one_message(people: dict[str, User], mail: FakeChannel) -> None:
    subject = Subject(7, "INC-7", "Checkout is down", Severity.SEV2, "checkout")
    actions.tell(
        emails=[ALICE, ALICE, BOB], subject=subject, kind=MessageKind.RESOLVED, headline="Resolved", now=NOW
    )
    work()
    assert mail.to == [ALICE, BOB]
    assert mail.sent[0].headline == "Resolved"


def say() -> None:
    subject = Subject(7, "INC-7", "Checkout is down", Severity.SEV2, "checkout")
    actions.tell(
        emails=[ALICE], subject=subject, kind=MessageKind.NOTICE, headline="Your shifts moved", now=NOW
    )


def test_a_quiet_word_whose_way_is_shut_takes_the_next_one(
    people: dict[str, User], mail: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = webhook(people["alice"], monkeypatch)
    mail.answers = [Receipt(Result.FAILED, "550 no such user")]
    hook.answers = [Receipt(Result.FAILED, "410 gone")]
    say()
    assert [work(), work(), work()] == [[Result.FAILED], [Result.FAILED], []]
    say()
    assert work() == [Result.SENT]
    mail.answers = [Receipt(Result.FAILED, "550 no such user")]
    say()
    assert [work(), work(), work()] == [[Result.FAILED], [Result.SENT], []]
    assert [message.headline for message in hook.sent] == ["Your shifts moved"]


def test_a_quiet_word_outlasts_a_night_without_a_mail_server(
    people: dict[str, User], mail: FakeChannel
) -> None:
    mail.answers = [Receipt(Result.RETRY, "the server does not answer")] * 150
    say()
    for minutes in range(0, 8 * 60, 5):
        work(NOW + seconds(60 * minutes))
    mail.answers.clear()
    assert work(NOW + seconds(8 * 3600 + 300)) == [Result.SENT]


def test_someone_who_left_is_not_reached(people: dict[str, User], mail: FakeChannel) -> None:
    User.objects.filter(email=ALICE).update(state="left")
    call()
    assert work() == []
    assert queries.deliverable([ALICE, BOB]) == {ALICE: False, BOB: True}


def test_calling_many_people_takes_few_queries(
    people: dict[str, User], django_assert_max_num_queries: Any
) -> None:
    from tocsin.apps.notify.types import Request  # noqa: PLC0415

    subject = Subject(7, "INC-7", "x", Severity.SEV2, "checkout")
    requests = [
        Request(f"{name}@example.com", MessageKind.PAGE, Urgency.HIGH, subject, "r", n)
        for n in range(50)
        for name in people
    ]
    with django_assert_max_num_queries(14):
        actions.call_many(requests=requests, now=NOW)
    assert Notification.objects.count() == 300


@pytest.mark.django_db(transaction=True)
def test_many_workers_send_everything_exactly_once(people: dict[str, User], mail: FakeChannel) -> None:
    for number in range(40):
        call(ALICE if number % 2 else BOB, call_out_id=number)

    def run(worker: str) -> None:
        try:
            while jobs := delivery.claim(worker, NOW, 3):
                for job in jobs:
                    delivery.deliver_one(job, worker)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # A round may find everything locked by others and end early: what is left is left to the next.
    run("last")
    assert Counter(message.key for message in mail.sent).most_common(1)[0][1] == 1
    assert len(mail.sent) == 40


def test_the_first_message_that_counts_is_the_first(
    people: dict[str, User], mail: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail.counts = False  # no SMTP server is set
    hook = webhook(people["alice"], monkeypatch)
    call()
    assert Counter(work()) == {Result.SENT: 2}
    assert hook.to == ["https://h"]
    assert states() == ["sent", "suppressed"]
    first = Notification.objects.get(via="webhook")
    assert (first.rank, first.hurry) == (0, True)


def test_a_quiet_word_goes_over_a_way_that_counts(
    people: dict[str, User], mail: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail.counts = False
    hook = webhook(people["alice"], monkeypatch)
    NotificationRule.objects.create(user=None, urgency="low", after_s=0, via="email")
    NotificationRule.objects.create(user=None, urgency="low", after_s=300, via="webhook")
    subject = Subject(7, "INC-7", "Checkout is down", Severity.SEV2, "checkout")
    actions.tell(emails=[ALICE], subject=subject, kind=MessageKind.RESOLVED, headline="Resolved", now=NOW)
    work()
    assert (mail.to, hook.to) == ([], ["https://h"])
