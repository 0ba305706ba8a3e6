"""The desk: what is claimed leaves, is given back or is tried on, whatever fails on the way."""

import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import OperationalError, connection
from django.db.utils import DataError

from tests.escalation.test_call_outs_live_in_tables import SUBJECT
from tests.notify.fakes import FakeChannel
from tests.notify.test_messages_leave import call, states
from tests.worker.test_loops_outlive_errors import until
from tocsin.apps.identity.models import User
from tocsin.apps.notify import compose, delivery
from tocsin.apps.notify.models import Notification, Page
from tocsin.apps.notify.types import Job
from tocsin.domain.escalation.codec import dump
from tocsin.entrypoints.worker import delivery as worker_delivery
from tocsin.entrypoints.worker.delivery import Desk
from tocsin.entrypoints.worker.loops import Loop
from tocsin.lib import clock
from tocsin.ports import registry
from tocsin.ports.channel import Message, Receipt, Result, StillWanted

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    # The desk closes its thread's connection; the test's own holds the test's transaction.
    monkeypatch.setattr(connection, "close", lambda: None)
    return Desk("w1", threading.Event())


@pytest.fixture
def job(people: dict[str, User], mail: FakeChannel) -> Job:
    call(now=clock.now())
    (found,) = delivery.claim("w1", clock.now(), 10)
    return found


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Sleeping costs no time, and the clock says that it did; every pause in seconds."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(clock, "sleep", sleep)
    monkeypatch.setattr(clock, "monotonic", lambda: sum(slept))
    return slept


def failing(times: int, error: Exception, then: Callable[..., object]) -> Callable[..., object]:
    left = [times]

    def do(*args: object, **kwargs: object) -> object:
        if left[0] > 0:
            left[0] -= 1
            raise error
        return then(*args, **kwargs)

    return do


@pytest.mark.parametrize("result", [Result.SENT, Result.RETRY, Result.FAILED])
def test_what_happened_is_kept_however_long_the_database_is_away(
    desk: Desk, job: Job, hours: list[float], monkeypatch: pytest.MonkeyPatch, result: Result
) -> None:
    away = failing(500, OperationalError("the database is away"), delivery.keep)
    monkeypatch.setattr(delivery, "keep", away)
    desk._keep(job, Receipt(result, "as it was"))
    assert Notification.objects.get().trail.get().result == result
    assert Notification.objects.get().claimed_by == ""
    assert sum(hours) > 120
    assert max(hours) < 5  # never long: PostgreSQL may answer again at any moment


@pytest.mark.parametrize("error", [RuntimeError("a mistake"), DataError("too long")])
@pytest.mark.parametrize("result", [Result.RETRY, Result.FAILED, Result.WITHDRAWN])
def test_what_cannot_be_kept_is_given_back(
    desk: Desk, job: Job, monkeypatch: pytest.MonkeyPatch, result: Result, error: Exception
) -> None:
    monkeypatch.setattr(delivery, "keep", failing(99, error, delivery.keep))
    desk._keep(job, Receipt(result, "451 later"))
    assert states() == ["planned"]
    assert Notification.objects.get().claimed_by == ""


def test_what_left_stays_left_though_its_trail_cannot_be_kept(
    desk: Desk, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "keep", failing(99, RuntimeError("a mistake"), delivery.keep))
    desk._keep(job, Receipt(Result.SENT, "250 OK"))
    assert states() == ["sent"]
    assert delivery.claim("w2", clock.now(), 10) == []


def test_a_message_that_cannot_be_composed_is_tried_again(
    desk: Desk, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compose, "message", failing(1, KeyError("page"), compose.message))
    desk._deliver(job)
    (row,) = Notification.objects.all()
    assert (row.state, row.claimed_by) == ("planned", "")
    assert row.trail.get().result == "retry"


def test_a_sender_outlives_what_cannot_be_composed(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Result] = []
    monkeypatch.setattr(connection, "close", lambda: None)
    monkeypatch.setattr(delivery, "send", failing(20, KeyError("page"), lambda *_: Receipt(Result.SENT, "")))
    monkeypatch.setattr(delivery, "keep", lambda _job, _worker, receipt: kept.append(receipt.result))
    stop = threading.Event()
    desk = Desk("w1", stop)
    jobs = [Job.__new__(Job) for _ in range(21)]
    for number, each in enumerate(jobs):
        object.__setattr__(each, "id", number)
        object.__setattr__(each, "via", "email")
    desk._take(jobs)
    for thread in desk.senders:
        thread.start()
    until(lambda: len(kept) == 21)
    assert all(thread.is_alive() for thread in desk.senders)
    assert sorted(kept) == sorted([Result.RETRY] * 20 + [Result.SENT])
    stop.set()
    for thread in desk.senders:
        thread.join(60)


def test_a_worker_gives_up_its_claims_that_its_desk_does_not_hold(
    desk: Desk, people: dict[str, User], mail: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(now=clock.now())
    delivery.claim("w1", clock.now(), 10)  # the answer got lost on its way to the desk
    monkeypatch.setattr(worker_delivery, "_LOOK_S", 0.0)
    desk.step()
    assert states() == ["claimed"]
    (row,) = Notification.objects.all()
    assert desk._held.keys() == {row.pk}
    assert row.attempts == 2
    desk.step()  # what the desk holds is not given up
    assert Notification.objects.get().attempts == 2


@pytest.mark.django_db(transaction=True)
def test_a_vendor_that_hangs_does_not_keep_the_messages_of_others(people: dict[str, User]) -> None:
    """Each of its messages keeps a sender until it is given up, after seconds."""
    let_go, stop = threading.Event(), threading.Event()
    hanging = Hanging("hangs", let_go)
    well = FakeChannel("slack", "Slack")
    registry.channels |= {"hangs": hanging, "slack": well}
    now = clock.now()
    page = Page.objects.create(
        kind="test", urgency="high", reason="", subject=dump(SUBJECT), started_at=now, user=people["alice"]
    )
    Notification.objects.bulk_create(
        Notification(
            page=page, via=via, address=str(number), key=f"k{number}", rank=0,
            due_at=now, wanted_at=now,
        )
        for number, via in enumerate(["hangs"] * 99 + ["slack"])
    )  # fmt: skip
    desk = Desk("w1", stop)
    loop = Loop("delivery", desk.step, stop)
    try:
        for thread in (*desk.senders, loop):
            thread.start()
        until(lambda: well.to == ["99"])
        assert not let_go.is_set()
        let_go.set()
        until(lambda: len(hanging.sent) == 99)
    finally:
        let_go.set()
        stop.set()
        for thread in (*desk.senders, loop):
            thread.join(60)


class Hanging(FakeChannel):
    def __init__(self, type_: str, let_go: threading.Event) -> None:
        super().__init__(type_)
        self._let_go = let_go

    def send(self, message: Message, still_wanted: StillWanted) -> Receipt:
        self._let_go.wait(120)
        return super().send(message, still_wanted)
