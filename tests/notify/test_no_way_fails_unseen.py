"""When the ways to a person fail, the ladder hears of it."""

import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connection

from tests.escalation.conftest import NOW
from tests.notify.fakes import FakeChannel
from tests.notify.test_messages_leave import ALICE, call, states, webhook, work
from tocsin.apps.identity.models import User
from tocsin.apps.notify import delivery
from tocsin.apps.notify.models import NotificationRule
from tocsin.lib import bus
from tocsin.ports.channel import Receipt, Result
from tocsin.ports.events import PersonUnreachable


def rule(user: User, via: str, after_s: int) -> None:
    NotificationRule.objects.create(user=user, urgency="high", after_s=after_s, via=via)


@pytest.mark.django_db
def test_a_mail_to_the_local_outbox_is_no_other_way(
    people: dict[str, User], mail: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = webhook(people["alice"], monkeypatch)
    mail.counts = False
    rule(people["alice"], "webhook", 0)
    rule(people["alice"], "email", 300)
    hook.answers = [Receipt(Result.FAILED, "404 not found")]
    heard: list[PersonUnreachable] = []
    call()
    with bus.listening(PersonUnreachable, heard.append):
        work(NOW + timedelta(seconds=1))
    assert [news.email for news in heard] == [ALICE]


@pytest.mark.django_db(transaction=True)
def test_two_ways_that_fail_at_one_instant_tell_the_ladder(
    people: dict[str, User], mail: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = webhook(people["alice"], monkeypatch)
    rule(people["alice"], "webhook", 0)
    rule(people["alice"], "email", 0)
    together = threading.Barrier(2, timeout=10)
    heard: list[PersonUnreachable] = []
    call()
    jobs = delivery.claim("w1", NOW, 10)
    assert len(jobs) == 2

    def fail(number: int) -> None:
        together.wait()
        try:
            delivery.keep(jobs[number], "w1", Receipt(Result.FAILED, "550 gone"))
        finally:
            connection.close()

    with bus.listening(PersonUnreachable, heard.append), time_machine.travel(NOW, tick=True):
        threads = [threading.Thread(target=fail, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert states() == ["failed", "failed"]
    assert [news.email for news in heard] == [ALICE]
    assert not hook.sent
