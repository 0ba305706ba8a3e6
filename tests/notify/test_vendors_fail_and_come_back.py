"""The queue over a real adapter, whose vendor answers 429 and 500, hangs up, and comes back."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import connection

from tests.escalation.conftest import NOW
from tests.notify.fakes import FakeChannel
from tests.notify.test_messages_leave import ALICE, BOB, call, work
from tocsin.adapters.ntfy.channel import NtfyChannel
from tocsin.apps.identity.models import User
from tocsin.apps.notify import actions, delivery, queries
from tocsin.apps.notify.models import ContactMethod, Notification
from tocsin.domain.notification.throttle import Limit
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.severity import Severity
from tocsin.lib import http
from tocsin.ports import registry
from tocsin.ports.channel import Result
from tocsin.testing.faults import Drop, Status
from tocsin.testing.ntfy import Ntfy


@pytest.fixture
def ntfy(people: dict[str, User], mail: FakeChannel, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ntfy]:
    with Ntfy() as server, http.client(server.url, trusted=True) as ours, http.client() as theirs:
        monkeypatch.setitem(registry.channels, "ntfy", NtfyChannel(ours, theirs))
        for name in ("alice", "bob"):
            ContactMethod.objects.create(user=people[name], type="ntfy", address=name, verified_at=NOW)
            ContactMethod.objects.create(
                user=people[name], type="email", address=people[name].email, position=1, verified_at=NOW
            )
        yield server


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def titles(ntfy: Ntfy, topic: str) -> int:
    return len([one for one in ntfy.published if one["topic"] == topic])


@pytest.mark.django_db
def test_others_wait_for_as_long_as_the_vendor_asks(ntfy: Ntfy, mail: FakeChannel) -> None:
    ntfy.faults.next(Status(429, retry_after_s=20))
    call(ALICE, severity=Severity.SEV3)
    assert work() == [Result.RETRY]
    call(BOB, severity=Severity.SEV3, now=later(1), call_out_id=6)
    assert work(later(1)) == []
    held = Notification.objects.get(address="bob")
    assert (held.due_at, held.hold.partition(";")[0]) == (later(20), "ntfy asks to wait")
    work(later(20))
    assert (titles(ntfy, "alice"), titles(ntfy, "bob"), mail.to) == (1, 1, [])


@pytest.mark.django_db
@pytest.mark.parametrize("fault", [Status(500), Status(503), Drop()])
def test_what_presses_goes_another_way_at_once_and_is_tried_here_all_the_same(
    ntfy: Ntfy, mail: FakeChannel, fault: Status | Drop
) -> None:
    ntfy.faults.next(fault)
    call(ALICE)
    work()
    work()
    assert mail.to == [ALICE]
    work(later(2))
    assert titles(ntfy, "alice") == 1
    (page,) = queries.pages_of_incident(7)
    assert [one.state for one in page.notifications] == ["sent", "sent"]


@pytest.mark.django_db
def test_what_left_before_the_line_broke_leaves_under_the_same_key(ntfy: Ntfy) -> None:
    ntfy.faults.next(Drop(taken=True))
    call(ALICE, severity=Severity.SEV3)
    assert work() == [Result.RETRY]
    assert work(later(2)) == [Result.SENT]
    assert titles(ntfy, "alice") == 2
    assert len(ntfy.messages("alice")) == 1


@pytest.mark.django_db(transaction=True)
def test_many_workers_keep_one_vendors_limit_together(people: dict[str, User], mail: FakeChannel) -> None:
    actions.set_throttles(
        actor=SYSTEM, via="email", scope="vendor", limits=[Limit(7, timedelta(seconds=60))], now=NOW
    )
    for number in range(40):
        call(ALICE if number % 2 else BOB, call_out_id=number, incident_id=number, severity=Severity.SEV3)

    def run(worker: str) -> None:
        try:
            for _ in range(4):
                delivery.claim(worker, NOW, 3)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Notification.objects.filter(state="claimed").count() == 7
    held = Notification.objects.filter(state="planned").exclude(hold="")
    assert held.count() == 33
