"""An address that is nobody's any more."""

from datetime import timedelta

import pytest

from tests.escalation.conftest import NOW
from tests.notify.fakes import FakeChannel
from tests.notify.test_messages_leave import ALICE, call, work
from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.identity.models import User
from tocsin.apps.notify import queries
from tocsin.apps.notify.directory import shown_address
from tocsin.apps.notify.models import ContactMethod, Notification
from tocsin.lib import bus
from tocsin.ports import registry
from tocsin.ports.channel import FieldSpec, Receipt, Result
from tocsin.ports.events import AdminWord

pytestmark = pytest.mark.django_db

GONE = Receipt(Result.FAILED, "21614 not a mobile number", vendor="twilio", bounced=True)


@pytest.fixture
def sms(mail: FakeChannel, monkeypatch: pytest.MonkeyPatch) -> FakeChannel:
    channel = FakeChannel(type="sms", title="SMS", answers=[GONE] * 9)
    monkeypatch.setitem(registry.channels, "sms", channel)
    return channel


def give(user: User, *, mail: bool = True) -> ContactMethod:
    if mail:
        ContactMethod.objects.create(user=user, type="email", address=user.email, position=1, verified_at=NOW)
    return ContactMethod.objects.create(user=user, type="sms", address=f"+1555010{user.pk}", verified_at=NOW)


def test_it_is_disabled_and_its_person_told_another_way(
    people: dict[str, User], sms: FakeChannel, mail: FakeChannel
) -> None:
    row = give(people["alice"])
    call()
    work()
    row.refresh_from_db()
    assert (row.disabled_at, row.disabled_reason) == (NOW, "bounced: 21614 not a mobile number")
    entry = AuditEntry.objects.get(action="contact_method.disabled")
    assert (entry.target_label, entry.data["why"]) == (ALICE, "21614 not a mobile number")
    work(NOW + timedelta(seconds=1))
    why = f"{row.address} (sms) is disabled: 21614 not a mobile number."
    (notice,) = [m for m in mail.sent if row.address in m.headline]
    assert notice.headline == f"{why} Verify it again under “How I am reached”."
    (method,) = [m for m in queries.methods(ALICE) if m.type == "sms"]
    assert method.problem == "disabled: bounced: 21614 not a mobile number"


def test_other_failures_disable_nothing(people: dict[str, User], sms: FakeChannel) -> None:
    row = give(people["alice"])
    sms.answers = [Receipt(Result.FAILED, "30007 filtered", vendor="twilio")]
    call()
    work()
    row.refresh_from_db()
    assert row.disabled_at is None


def test_whoever_has_nothing_left_is_an_administrators_business(
    people: dict[str, User], sms: FakeChannel
) -> None:
    give(people["alice"], mail=False)
    heard: list[AdminWord] = []
    call()
    with bus.listening(AdminWord, heard.append):
        work()
    assert [word.headline for word in heard] == ["Alice cannot be reached any more"]
    assert heard[0].avoid == ("twilio",)


def test_when_several_peoples_bounce_the_vendor_is_ill_and_nobody_is_disabled(
    people: dict[str, User], sms: FakeChannel
) -> None:
    heard: list[AdminWord] = []
    for name in ("alice", "bob", "carol"):
        give(people[name])
        call(f"{name}@example.com", call_out_id=people[name].pk)
    with bus.listening(AdminWord, heard.append):
        work()
    assert not ContactMethod.objects.filter(disabled_at__isnull=False).exists()
    assert [word.headline for word in heard] == ["twilio refuses the addresses of 3 people"]
    assert Notification.objects.filter(via="sms", state="failed").count() == 3


def test_two_within_ten_minutes_and_one_later_are_each_their_own(
    people: dict[str, User], sms: FakeChannel
) -> None:
    for minutes, name in ((0, "alice"), (1, "bob"), (12, "carol")):
        give(people[name])
        at = NOW + timedelta(minutes=minutes)
        call(f"{name}@example.com", now=at, call_out_id=people[name].pk)
        work(at)
    assert ContactMethod.objects.filter(disabled_at__isnull=False).count() == 3


def test_an_address_that_is_a_key_is_shown_by_its_end_to_everybody(
    people: dict[str, User], mail: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = FieldSpec("address", "Address", secret=True)
    teams = FakeChannel(type="teams", title="Teams", address=secret, answers=[GONE])
    monkeypatch.setitem(registry.channels, "teams", teams)
    key = "https://w.example.com/workflows/abcdef/sig-of-alice"
    ContactMethod.objects.create(user=people["alice"], type="teams", address=key, verified_at=NOW)
    heard: list[AdminWord] = []
    call()
    with bus.listening(AdminWord, heard.append):
        work()
    entry = AuditEntry.objects.get(action="contact_method.disabled")
    (page,) = queries.pages_of_incident(7)
    for said in (entry.data, heard, page):
        assert "sig-of" not in str(said)
        assert "https://w.example.com/…lice" in str(said)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("tocsin-alice-4f7Qz-and-more", "…more"),
        ("alice-pages", "…"),
        ("https://ntfy.example.com/alice-pages-4f7Qz", "https://ntfy.example.com/…f7Qz"),
        ("https://user:word@ntfy.example.com/alice", "https://…lice"),
    ],
)
def test_who_knows_a_private_address_reads_along(
    address: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = FieldSpec("address", "Topic", private=True)
    monkeypatch.setitem(registry.channels, "ntfy", FakeChannel(type="ntfy", address=private))
    assert shown_address("ntfy", address) == shown
