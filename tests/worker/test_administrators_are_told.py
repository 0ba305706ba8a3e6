"""What is not well with Tocsin itself reaches its administrators: once, over a way that works, and when it is
over.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.escalation.conftest import NOW
from tests.notify.fakes import FakeChannel
from tocsin.apps.escalation import queries as escalation
from tocsin.apps.identity.models import User
from tocsin.apps.incidents.models import CanaryRun
from tocsin.apps.integrations import claiming
from tocsin.apps.notify import delivery, health
from tocsin.apps.notify import queries as notify
from tocsin.apps.notify import vendors as _vendors
from tocsin.apps.notify.health import Finding, report
from tocsin.apps.notify.models import ContactMethod, Matter, Notification, Page, WorkerProcess
from tocsin.apps.notify.vendors import heard, vendors
from tocsin.domain.notification.model import MessageKind
from tocsin.entrypoints.worker.health import Health
from tocsin.lib import clock
from tocsin.ports import registry
from tocsin.ports.channel import Receipt, Result

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    _vendors._well.clear()
    yield
    _vendors._well.clear()


@pytest.fixture
def sms(mail: FakeChannel, people: dict[str, User]) -> FakeChannel:
    """The owner has mail first, then SMS."""
    channel = FakeChannel("sms", "SMS")
    registry.channels["sms"] = channel
    for position, (type_, address) in enumerate((("email", "owner@example.com"), ("sms", "+15550100"))):
        ContactMethod.objects.create(
            user=people["owner"], type=type_, address=address, position=position, verified_at=NOW
        )
    return channel


def at(**span: float) -> datetime:
    return NOW + timedelta(**span)


def told() -> list[tuple[str, str]]:
    rows = Notification.objects.filter(page__kind=MessageKind.ADMIN).order_by("pk")
    return [(row.via, row.page.headline) for row in rows.select_related("page")]


WRONG = Finding("vendor:smtp", "smtp", "Messages over smtp do not leave", ("451",), ("email",))
RIGHT = Finding("vendor:smtp", "smtp")


# ---- the word ----


def test_only_administrators_are_told_and_once(people: dict[str, User], mail: FakeChannel) -> None:
    for minute in range(5):
        report((WRONG,), at(minutes=minute))
    assert told() == [("email", WRONG.wrong)]
    assert Page.objects.get().user == people["owner"]


def test_it_goes_over_a_way_that_is_not_at_fault(sms: FakeChannel) -> None:
    report((WRONG,), NOW)
    assert told() == [("sms", WRONG.wrong)]


def test_whoever_has_no_other_way_is_told_over_that(people: dict[str, User], mail: FakeChannel) -> None:
    report((WRONG,), NOW)
    assert told() == [("email", WRONG.wrong)]


def test_it_is_told_when_it_is_well_again(sms: FakeChannel) -> None:
    report((WRONG,), NOW)
    report((RIGHT,), at(minutes=10))
    report((RIGHT,), at(minutes=11))
    assert [headline for _, headline in told()] == [WRONG.wrong, "Well again: smtp"]
    last = Page.objects.latest("pk")
    assert "02:00 to 02:10" in last.more["lines"][0]


def test_what_comes_and_goes_is_told_once_an_hour(sms: FakeChannel) -> None:
    for minute in range(0, 120, 4):
        report((WRONG,), at(minutes=minute))
        report((RIGHT,), at(minutes=minute + 2))
    assert [headline for _, headline in told()] == [WRONG.wrong, "Well again: smtp"] * 2


def test_a_word_leaves_before_what_waits(sms: FakeChannel) -> None:
    report((WRONG,), NOW)
    assert Notification.objects.get().rank <= 1
    delivery.beat("w1", "here", 1)
    (job,) = delivery.claim("w1", at(seconds=1), 10)
    delivery.deliver_one(job, "w1")
    assert sms.sent[0].headline == WRONG.wrong
    assert sms.sent[0].lines == ("451",)


# ---- vendors ----


def failing(vendor: str = "smtp") -> bool:
    return next(one.failing_since is not None for one in vendors() if one.vendor == vendor)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([0, 1, 2, 3], False),
        ([0, 1, 2, 3, 4], True),  # five in a row
        ([0, 60], False),
        ([0, 60, 119], False),
        ([0, 60, 120], True),  # three, and nothing else for two minutes
        ([0, 600], False),  # two say nothing yet
    ],
)
def test_a_vendor_fails_after_many_in_a_row_or_a_few_for_long(seconds: list[int], *, expected: bool) -> None:
    for second in seconds:
        heard("smtp", False, "451", at(seconds=second))
    assert failing() is expected


def test_one_that_it_takes_makes_it_well() -> None:
    heard("smtp", True, "", NOW)
    for second in range(10, 20):
        heard("smtp", False, "451", at(seconds=second))
    assert failing()
    assert vendors()[0].last_error == "451"
    heard("smtp", True, "", at(seconds=21))
    assert not failing()
    heard("smtp", False, "451", at(seconds=22))
    assert vendors()[0].failures == 1


def test_a_vendor_that_is_well_costs_nothing() -> None:
    heard("smtp", True, "", NOW)
    with CaptureQueriesContext(connection) as asked:
        for tenth in range(15):
            heard("smtp", True, "", at(seconds=tenth / 10))
    assert len(asked) == 0
    heard("smtp", True, "", at(seconds=10))
    assert vendors()[0].last_ok_at == NOW  # it is known well enough
    heard("smtp", True, "", at(seconds=31))
    assert vendors()[0].last_ok_at == at(seconds=31)


def test_a_vendor_that_fails_is_reported_and_its_channels_are_avoided(sms: FakeChannel) -> None:
    report((WRONG,), NOW)
    Notification.objects.update(via="email", vendor="smtp")
    for second in range(5):
        heard("smtp", False, "451 later", at(seconds=second))
    (finding,) = health.of_vendors()
    assert set(finding.avoid) == {"smtp", "email"}
    assert "451 later" in finding.lines[0]


# ---- workers ----


def worker(name: str, host: str, *, began: datetime, beat: datetime) -> None:
    WorkerProcess.objects.create(id=name, host=host, pid=1, started_at=began, heartbeat_at=beat)


def test_a_worker_that_died_unreplaced_is_a_matter() -> None:
    worker("w1", "one", began=at(hours=-1), beat=NOW)
    worker("w2", "two", began=at(hours=-1), beat=at(minutes=2))
    assert "1 worker died" in health.of_workers(at(minutes=2)).wrong
    assert "one" in health.of_workers(at(minutes=2)).lines[0]


def test_one_that_was_started_again_is_none() -> None:
    worker("w1", "one", began=at(hours=-1), beat=NOW)
    worker("w2", "one", began=at(seconds=3), beat=at(minutes=2))
    assert health.of_workers(at(minutes=2)).wrong == ""


# ---- the heart ----


@pytest.fixture
def heart(monkeypatch: pytest.MonkeyPatch, sms: FakeChannel) -> Health:
    monkeypatch.setattr(delivery, "release_dead", lambda: 0)
    found = Health("w1", lag_s=10.0, watchdog_url="https://watchdog.example.com/", flies=True)
    found._began_at -= 1000  # it has been alive for a while
    return found


def pings(heart: Health, monkeypatch: pytest.MonkeyPatch) -> int:
    made: list[int] = []
    monkeypatch.setattr(heart, "_ping", lambda: made.append(1))
    heart._pinged_at = heart._judged_at = -1e9
    heart.step()
    return len(made)


def test_the_outside_is_pinged_only_while_the_canary_arrives(
    heart: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now()
    assert pings(heart, monkeypatch) == 0
    run = CanaryRun.objects.create(name="one", begun_at=now - timedelta(seconds=60), arrived_at=now)
    assert pings(heart, monkeypatch) == 0  # it took too long
    CanaryRun.objects.filter(pk=run.pk).update(arrived_at=now - timedelta(seconds=59))
    assert pings(heart, monkeypatch) == 1
    CanaryRun.objects.update(begun_at=now - timedelta(seconds=200), arrived_at=now - timedelta(seconds=199))
    assert pings(heart, monkeypatch) == 0


def test_without_a_canary_the_outside_is_pinged_while_nothing_is_late(
    heart: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    heart.flies = False
    assert pings(heart, monkeypatch) == 1
    monkeypatch.setattr(escalation, "oldest_due", lambda now: now - timedelta(seconds=11))
    assert pings(heart, monkeypatch) == 0


def test_a_lost_canary_is_told_with_where_it_stuck(heart: Health) -> None:
    CanaryRun.objects.create(
        name="canary-20261123T0312Z",
        begun_at=clock.now() - timedelta(minutes=3),
        problem="the door at http://x answered 503",
    )
    heart.step()
    assert told() == [("email", "The canary has not arrived in time")]
    assert "answered 503" in Page.objects.get().more["lines"][0]


@pytest.mark.parametrize(
    ("what", "headline"),
    [
        ("escalation", "Calling the next person is late"),
        ("notification", "Sending messages is late"),
        ("event", "Taking in events is late"),
    ],
)
def test_what_is_a_minute_late_is_told(
    heart: Health, monkeypatch: pytest.MonkeyPatch, what: str, headline: str
) -> None:
    def since(seconds: float) -> None:
        due = clock.now() - timedelta(seconds=seconds)
        looks = {"escalation": (escalation, "oldest_due"), "event": (claiming, "oldest_waiting")}
        if what == "notification":
            monkeypatch.setattr(notify, "waiting", lambda _now: (1, due))
        else:
            monkeypatch.setattr(*looks[what], lambda *_: due)

    heart.flies = False
    since(30)
    heart.step()
    assert told() == []
    since(75)
    heart._judged_at = -1e9
    heart.step()
    assert [said for _, said in told()] == [headline]


def test_who_has_just_started_accuses_nobody(heart: Health) -> None:
    heart._began_at = clock.monotonic()
    heart.step()
    assert told() == []


def deliver(channel: FakeChannel, result: Result, *, theirs: bool = True) -> None:
    report((Finding("x", "x", f"wrong {Page.objects.count()}"),), at(hours=2 * Page.objects.count()))
    Matter.objects.all().delete()
    (job,) = delivery.claim("w1", clock.now() + timedelta(days=1), 1)
    delivery.keep(job, "w1", Receipt(result, "said", vendor="smtp", theirs=theirs))
    Notification.objects.exclude(state="sent").update(state="failed")


@pytest.mark.parametrize(
    ("result", "theirs", "expected"),
    [
        (Result.RETRY, True, True),
        (Result.FAILED, False, True),
        (Result.FAILED, True, False),  # it answers; that address does not exist
        (Result.SENT, True, False),
    ],
)
def test_vendors_are_heard_with_every_message(
    mail: FakeChannel, people: dict[str, User], result: Result, *, theirs: bool, expected: bool
) -> None:
    delivery.beat("w1", "here", 1)
    for _ in range(5):
        deliver(mail, result, theirs=theirs)
    assert any(one.failing_since for one in vendors()) is expected
