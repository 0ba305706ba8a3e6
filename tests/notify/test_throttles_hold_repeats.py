"""Throttles and pauses as they act on the outbox, and who may change them."""

from datetime import datetime, timedelta

import pytest

from tests.escalation.conftest import NOW
from tests.notify.fakes import FakeChannel
from tests.notify.test_messages_leave import ALICE, BOB, call, states, work
from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.identity.models import User
from tocsin.apps.notify import actions, queries
from tocsin.apps.notify.models import ContactMethod, Notification
from tocsin.domain.errors import Invalid, PermissionDenied
from tocsin.domain.notification.throttle import Limit
from tocsin.domain.permissions import SYSTEM, Actor, ActorKind, Role
from tocsin.domain.severity import Severity
from tocsin.ports import registry
from tocsin.ports.channel import Receipt, Result

pytestmark = pytest.mark.django_db


@pytest.fixture
def sms(people: dict[str, User], mail: FakeChannel, monkeypatch: pytest.MonkeyPatch) -> FakeChannel:
    channel = FakeChannel(type="sms", title="SMS")
    monkeypatch.setitem(registry.channels, "sms", channel)
    for name in ("alice", "bob"):
        ContactMethod.objects.create(user=people[name], type="sms", address=f"+1555{name}", verified_at=NOW)
    return channel


def also_mail(user: User) -> None:
    ContactMethod.objects.create(user=user, type="email", address=user.email, position=1, verified_at=NOW)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def limit(most: int, seconds: int) -> Limit:
    return Limit(most, timedelta(seconds=seconds))


def test_a_repeat_waits_until_its_contact_has_room(sms: FakeChannel) -> None:
    call()
    assert work() == [Result.SENT]
    call(call_out_id=6, incident_id=8, first=False, now=later(20))
    assert work(later(20)) == []
    held = Notification.objects.get(state="planned")
    assert held.due_at == later(60)
    assert held.hold == "throttled: 1 sms to +1555… in 1m; leaves at 02:01:00 UTC"
    assert held.wanted_at == later(20)
    (page,) = queries.pages_of_incident(8)
    assert page.notifications[0].hold == held.hold
    assert work(later(59)) == []
    assert work(later(60)) == [Result.SENT]


def test_a_first_page_never_waits_for_its_contact(sms: FakeChannel) -> None:
    for number in range(30):
        call(call_out_id=number, incident_id=number, now=later(number))
        assert work(later(number)) == [Result.SENT]


def test_what_nobody_is_told_any_more_is_not_sent_later(sms: FakeChannel) -> None:
    call()
    work()
    call(first=False, now=later(20))
    work(later(20))
    actions.stop(call_out_id=5, email=None, reason="acknowledged", now=later(30))
    assert work(later(60)) == []
    assert states() == ["sent", "cancelled"]


def test_a_vendors_limit_delays_first_pages_by_rank(sms: FakeChannel) -> None:
    actions.set_throttles(actor=SYSTEM, via="sms", scope="vendor", limits=[limit(1, 10)], now=NOW)
    call(BOB, first=False, call_out_id=1)
    call(ALICE, call_out_id=2)
    assert work() == [Result.SENT]
    assert sms.to == ["+1555alice"]
    assert work(later(9)) == []
    assert work(later(10)) == [Result.SENT]
    assert sms.to == ["+1555alice", "+1555bob"]


def test_what_presses_takes_the_next_method_rather_than_wait_for_a_vendor(
    sms: FakeChannel, people: dict[str, User], mail: FakeChannel
) -> None:
    also_mail(people["alice"])
    actions.set_throttles(actor=SYSTEM, via="sms", scope="vendor", limits=[limit(1, 600)], now=NOW)
    call(BOB, call_out_id=1)
    work()
    call(ALICE, call_out_id=2, severity=Severity.SEV1)
    work(later(1))
    work(later(1))
    assert mail.to == [ALICE]
    (page,) = [p for p in queries.pages_of_incident(7) if p.email == ALICE]
    first, second = page.notifications
    assert first.trail[0].detail.startswith("throttled: 1 sms to all in 10m; leaves at ")
    assert second.reason.endswith("UTC")
    assert "brought forward, as sms failed: throttled" in second.reason


def test_a_vendor_that_asks_to_wait_is_left_alone_by_all(sms: FakeChannel) -> None:
    sms.answers = [Receipt(Result.RETRY, "429", retry_after_s=30, vendor="twilio")]
    call(ALICE)
    assert work() == [Result.RETRY]
    call(BOB, now=later(1), severity=Severity.SEV3)
    assert work(later(1)) == []
    assert Notification.objects.get(address="+1555bob").hold == "twilio asks to wait; leaves at 02:00:30 UTC"
    assert work(later(30)) == [Result.SENT, Result.SENT]


def test_what_presses_goes_elsewhere_when_the_wait_is_long(
    sms: FakeChannel, people: dict[str, User], mail: FakeChannel
) -> None:
    also_mail(people["bob"])
    sms.answers = [Receipt(Result.RETRY, "429", retry_after_s=300)]
    call(ALICE)
    work()
    call(BOB, now=later(1))
    work(later(1))
    work(later(1))
    assert mail.to == [BOB]


def test_where_a_vendor_is_down_what_presses_goes_elsewhere_at_once_and_is_tried_again(
    sms: FakeChannel, people: dict[str, User], mail: FakeChannel
) -> None:
    also_mail(people["alice"])
    sms.answers = [Receipt(Result.RETRY, "500", theirs=False)] * 2
    call(ALICE)
    work()
    work()
    assert mail.to == [ALICE]
    work(later(2))
    work(later(7))
    assert sms.to == ["+1555alice"]


def test_shipped_limits_are_shown_and_give_way_to_those_that_are_set() -> None:
    shipped = {(t.via, t.scope): t for t in queries.throttles()}
    assert shipped["sms", "contact"].shipped
    actions.set_throttles(actor=SYSTEM, via="sms", scope="contact", limits=[limit(2, 60)], now=NOW)
    mine = [t for t in queries.throttles() if (t.via, t.scope) == ("sms", "contact")]
    assert [(t.most, t.within, t.shipped) for t in mine] == [(2, timedelta(minutes=1), False)]
    assert [t.shipped for t in queries.throttles() if (t.via, t.scope) == ("sms", "vendor")] == [True]
    actions.set_throttles(actor=SYSTEM, via="sms", scope="contact", limits=None, now=NOW)
    assert {(t.via, t.scope): t for t in queries.throttles()} == shipped
    assert AuditEntry.objects.filter(action="throttles.set").count() == 2


def test_no_limits_at_all_can_be_asked_for(sms: FakeChannel) -> None:
    actions.set_throttles(actor=SYSTEM, via="sms", scope="contact", limits=[], now=NOW)
    assert [t.most for t in queries.throttles() if (t.via, t.scope) == ("sms", "contact")] == [0]
    for number in range(3):
        call(first=False, call_out_id=number, incident_id=number, now=later(number))
        assert work(later(number)) == [Result.SENT]


def test_only_who_may_configure_sets_them() -> None:
    bob = Actor(ActorKind.USER, "Bob", Role.RESPONDER, 2, BOB)
    with pytest.raises(PermissionDenied):
        actions.set_throttles(actor=bob, via="sms", scope="contact", limits=[], now=NOW)


@pytest.mark.parametrize(
    ("via", "scope", "limits", "field"),
    [
        ("s m s", "contact", [limit(1, 1)], "via"),
        ("sms", "moon", [limit(1, 1)], "per"),
        ("sms", "contact", [limit(0, 1)], "limits[1].most"),
        ("sms", "contact", [limit(1, 0)], "limits[1].within"),
        ("sms", "contact", [limit(1, 60), limit(2, 60)], "within"),
    ],
)
def test_wrong_limits_are_refused(via: str, scope: str, limits: list[Limit], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        actions.set_throttles(actor=SYSTEM, via=via, scope=scope, limits=limits, now=NOW)
    assert [error.field for error in refused.value.errors] == [field]
