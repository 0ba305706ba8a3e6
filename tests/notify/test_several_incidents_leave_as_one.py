"""Bundles: what one message says for several, what it covers, and what becomes of them if it never leaves."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import pytest

from tests.escalation.conftest import NOW
from tests.notify.fakes import FakeChannel
from tests.notify.test_messages_leave import ALICE, states, work
from tocsin.apps.identity.models import User
from tocsin.apps.notify import actions, delivery, queries
from tocsin.apps.notify.models import ContactMethod, Notification
from tocsin.apps.notify.types import Request
from tocsin.domain.notification.model import MessageKind, Subject
from tocsin.domain.severity import Severity, Urgency
from tocsin.ports import registry
from tocsin.ports.channel import Receipt, Result

pytestmark = pytest.mark.django_db


def repeats(
    numbers: Iterable[int], *, bundle: str = "", services: Sequence[str] = ("checkout",), first: bool = False
) -> None:
    requests = [
        Request(
            ALICE,
            MessageKind.PAGE,
            Urgency.HIGH,
            Subject(n, f"INC-{n}", f"Broken {n}", Severity.SEV2, services[n % len(services)]),
            "on call",
            call_out_id=n,
            incident_id=n,
            step=1,
            first=first,
            bundle=bundle,
        )
        for n in numbers
    ]
    actions.call_many(requests=requests, now=NOW)


@pytest.fixture(autouse=True)
def links(monkeypatch: pytest.MonkeyPatch) -> None:
    def link(email: str, incidents: Iterable[int], _now: datetime) -> str:
        return f"https://t/{email}/{'+'.join(map(str, incidents))}"

    monkeypatch.setattr(registry.links, "all", link)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_repeats_of_one_service_leave_as_one_message_that_lists_them(
    people: dict[str, User], mail: FakeChannel
) -> None:
    repeats([1, 2, 3])
    assert work() == [Result.SENT]
    (message,) = mail.sent
    assert message.headline == "3 incidents of checkout"
    assert [(one.ref, one.title, one.severity) for one in message.listed] == [
        ("INC-1", "Broken 1", "SEV2"),
        ("INC-2", "Broken 2", "SEV2"),
        ("INC-3", "Broken 3", "SEV2"),
    ]
    assert "INC-2 SEV2 checkout: Broken 2" in message.lines
    assert [(a.name, a.label, a.url) for a in message.actions] == [
        ("acknowledge_all", "Acknowledge all 3", f"https://t/{ALICE}/1+2+3")
    ]
    assert states() == ["sent", "bundled", "bundled"]
    (page,) = queries.pages_of_incident(2)
    (said,) = page.notifications
    assert said.carried_by == Notification.objects.get(state="sent").pk
    assert said.reason.endswith("; bundled: one message lists 3 incidents")
    assert said.receipt == "said by the message about INC-1"


def test_an_answer_to_it_is_for_exactly_what_it_listed(people: dict[str, User], mail: FakeChannel) -> None:
    repeats([1, 2])
    work()
    repeats([3])
    (message,) = mail.sent
    found = queries.sent_by_key(message.key)
    assert found is not None
    assert found.incident_ids == (1, 2)
    assert found.lines[0] == "2 incidents of checkout"


def test_first_pages_never_do(people: dict[str, User], mail: FakeChannel) -> None:
    repeats([1, 2], first=True)
    work()
    assert [message.listed for message in mail.sent] == [(), ()]


def test_a_word_joins_first_pages_whatever_their_services(people: dict[str, User], mail: FakeChannel) -> None:
    repeats(range(1, 6), bundle="opening:1", services=("checkout", "search"), first=True)
    work()
    (message,) = mail.sent
    assert (message.headline, len(message.listed)) == ("5 incidents", 5)


def test_what_is_acknowledged_before_it_leaves_is_not_listed(
    people: dict[str, User], mail: FakeChannel
) -> None:
    repeats([1, 2, 3])
    (job,) = delivery.claim("w1", NOW, 10)
    actions.stop(call_out_id=2, email=None, reason="acknowledged", now=NOW)
    delivery.deliver_one(job, "w1")
    assert [one.ref for one in mail.sent[0].listed] == ["INC-1", "INC-3"]
    assert states() == ["sent", "cancelled", "bundled"]


def test_what_is_acknowledged_as_it_leaves_is_left_out(
    people: dict[str, User], mail: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    repeats([1, 2, 3])
    (job,) = delivery.claim("w1", NOW, 10)
    gate = delivery._still_wanted

    def slow(notification: int, worker: str, pages: Sequence[int]) -> bool:
        actions.stop(call_out_id=2, email=None, reason="acknowledged", now=NOW)
        return gate(notification, worker, pages)

    monkeypatch.setattr(delivery, "_still_wanted", slow)
    assert delivery.deliver_one(job, "w1").result is Result.WITHDRAWN
    monkeypatch.setattr(delivery, "_still_wanted", gate)
    assert work(later(1)) == [Result.SENT]
    assert [one.ref for one in mail.sent[0].listed] == ["INC-1", "INC-3"]


def test_when_the_one_that_lists_them_is_acknowledged_the_others_still_leave(
    people: dict[str, User], mail: FakeChannel
) -> None:
    repeats([1, 2, 3])
    (job,) = delivery.claim("w1", NOW, 10)
    actions.stop(call_out_id=1, email=None, reason="acknowledged", now=NOW)
    assert delivery.deliver_one(job, "w1").result is Result.WITHDRAWN
    assert states() == ["cancelled", "planned", "planned"]
    assert work(later(1)) == [Result.SENT]
    assert [one.ref for one in mail.sent[0].listed] == ["INC-2", "INC-3"]


def test_when_its_way_is_shut_each_takes_its_own_next_one(
    people: dict[str, User], mail: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = FakeChannel(type="webhook")
    monkeypatch.setitem(registry.channels, "webhook", hook)
    alice = people["alice"]
    ContactMethod.objects.create(user=alice, type="email", address=ALICE, verified_at=NOW)
    ContactMethod.objects.create(user=alice, type="webhook", address="https://h", position=1, verified_at=NOW)
    mail.answers = [Receipt(Result.FAILED, "554 no")] * 9
    repeats([1, 2])
    for second in range(5):
        work(later(second))
    reached = {
        row.page_id for row in Notification.objects.filter(via="webhook", state__in=("sent", "bundled"))
    }
    assert len(reached) == 2


def test_one_that_is_tried_again_still_lists_them(people: dict[str, User], mail: FakeChannel) -> None:
    mail.answers = [Receipt(Result.RETRY, "451 later")]
    repeats([1, 2])
    work()
    work(later(2))
    assert [one.ref for one in mail.sent[0].listed] == ["INC-1", "INC-2"]


def test_a_reminder_that_was_bundled_is_begun(people: dict[str, User], mail: FakeChannel) -> None:
    repeats([1, 2])
    work()
    actions.stop(call_out_id=2, email=None, reason="acknowledged", now=later(5))
    assert states() == ["sent", "bundled"]
