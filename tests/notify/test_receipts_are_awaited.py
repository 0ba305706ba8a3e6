"""What vendors say after a message has left, late, twice, never, or before we have written that it left."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.escalation.conftest import NOW
from tests.notify.fakes import FakeChannel
from tests.notify.test_messages_leave import ALICE, call, states, work
from tocsin.apps.identity.models import User
from tocsin.apps.notify import actions, delivery, queries
from tocsin.apps.notify.models import Attempt, ContactMethod, Notification, Page
from tocsin.lib import bus
from tocsin.ports import registry
from tocsin.ports.callback import Fate, Progress
from tocsin.ports.channel import Abilities, Message, Receipt, Result, StillWanted
from tocsin.ports.events import PersonUnreachable

pytestmark = pytest.mark.django_db


class Phone(FakeChannel):
    """An SMS channel over two vendors, which skips those that failed with the message."""

    vendors = ("twilio", "plivo")

    def send(self, message: Message, still_wanted: StillWanted) -> Receipt:
        left = [vendor for vendor in self.vendors if vendor not in message.avoid]
        if not left:
            return Receipt(Result.FAILED, "no other phone company is left", theirs=False)
        receipt = super().send(message, still_wanted)
        if receipt.result is not Result.SENT:
            return receipt
        return Receipt(Result.SENT, "queued", vendor=left[0], ref=f"{left[0]}-{len(self.sent)}")


@pytest.fixture
def sms(mail: FakeChannel, people: dict[str, User], monkeypatch: pytest.MonkeyPatch) -> Phone:
    channel = Phone(type="sms", title="SMS", abilities=Abilities(receipts=timedelta(seconds=60)))
    monkeypatch.setitem(registry.channels, "sms", channel)
    alice = people["alice"]
    ContactMethod.objects.create(user=alice, type="sms", address="+15550100", verified_at=NOW)
    ContactMethod.objects.create(user=alice, type="email", address=ALICE, position=1, verified_at=NOW)
    return channel


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def say(ref: str, fate: Fate, at: float = 5, vendor: str = "twilio", key: str = "", **more: Any) -> bool:
    detail = more.pop("detail", f"vendor says {fate}")
    return actions.progress(vendor=vendor, progress=Progress(ref, fate, detail, key, **more), now=later(at))


def message() -> Notification:
    return Notification.objects.get(via="sms")


def trail() -> list[tuple[str, str]]:
    rows = Attempt.objects.filter(notification__via="sms").order_by("id")
    return list(rows.values_list("result", "vendor"))


@pytest.mark.parametrize(
    ("said", "state", "news"),
    [
        ([Fate.QUEUED, Fate.SENT, Fate.DELIVERED], "delivered", [True, True, True]),
        ([Fate.DELIVERED, Fate.SENT, Fate.QUEUED], "delivered", [True, False, False]),
        ([Fate.DELIVERED, Fate.DELIVERED], "delivered", [True, False]),
        ([Fate.DELIVERED, Fate.READ], "read", [True, True]),
        ([Fate.READ, Fate.DELIVERED], "read", [True, False]),
        ([Fate.DELIVERED, Fate.FAILED], "delivered", [True, False]),
        ([Fate.SENT, Fate.SENT], "sent", [True, False]),
    ],
)
def test_late_and_repeated_words_change_nothing(
    sms: Phone, said: list[Fate], state: str, news: list[bool]
) -> None:
    call()
    work()
    assert [say("twilio-1", fate) for fate in said] == news
    assert message().state == state
    assert trail() == [("sent", "twilio")] + [
        (str(fate), "twilio") for fate, new in zip(said, news, strict=True) if new
    ]


def test_a_word_about_an_unknown_message_is_no_news(sms: Phone) -> None:
    assert say("nobody-knows", Fate.DELIVERED) is False
    assert say("x", Fate.DELIVERED, key="neither") is False


def test_who_was_told_can_be_found_by_either_name(sms: Phone) -> None:
    call()
    work()
    by_ref = queries.sent_by_ref("twilio", "twilio-1")
    assert by_ref is not None
    assert by_ref == queries.sent_by_key(message().key)
    assert (by_ref.email, by_ref.address, by_ref.incident_ids) == (ALICE, "+15550100", (7,))
    assert queries.sent_by_ref("plivo", "twilio-1") is None
    assert queries.sent_by_ref("twilio", "") is None


def test_without_a_receipt_another_vendor_takes_it_under_the_same_key(sms: Phone) -> None:
    call()
    work()
    assert delivery.look_after_receipts(later(59)) == 0
    assert delivery.look_after_receipts(later(60)) == 1
    work(later(60))
    assert [one.avoid for one in sms.sent] == [(), ("twilio",)]
    assert len({one.key for one in sms.sent}) == 1
    assert (message().vendor, message().state) == ("plivo", "sent")
    assert trail() == [("sent", "twilio"), ("lost", "twilio"), ("sent", "plivo")]
    lost = Attempt.objects.get(result="lost")
    assert lost.detail == "twilio gave no receipt within 1m"


def test_when_no_vendor_gives_one_the_next_method_is_used_early(sms: Phone, mail: FakeChannel) -> None:
    call()
    for second in (0, 60, 120):
        delivery.look_after_receipts(later(second))
        work(later(second))
        work(later(second))
    assert [one.avoid for one in sms.sent] == [(), ("twilio",)]
    assert mail.to == [ALICE]
    assert states() == ["failed", "sent"]
    assert "brought forward" in Notification.objects.get(via="email").reason


def test_the_ladder_is_told_only_when_nothing_is_left(
    sms: Phone, mail: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail.answers = [Receipt(Result.FAILED, "554 no")] * 9
    heard: list[PersonUnreachable] = []
    call()
    with bus.listening(PersonUnreachable, heard.append):
        for second in (0, 60, 120, 121):
            delivery.look_after_receipts(later(second))
            work(later(second))
            if second < 121:
                assert heard == []
    assert [news.email for news in heard] == [ALICE]


def test_a_receipt_that_comes_after_all_ends_the_search(sms: Phone, mail: FakeChannel) -> None:
    call()
    work()
    delivery.look_after_receipts(later(60))
    assert message().state == "planned"
    assert say("twilio-1", Fate.DELIVERED, 61, key=message().key) is True
    assert work(later(62)) == []
    assert message().state == "delivered"


def test_a_late_failure_of_the_first_vendor_is_no_failure_of_the_second(sms: Phone) -> None:
    call()
    work()
    delivery.look_after_receipts(later(60))
    work(later(60))
    assert say("twilio-1", Fate.FAILED, 61, key=message().key) is False
    assert (message().state, message().vendor) == ("sent", "plivo")


def test_a_word_that_it_will_not_arrive_sends_it_elsewhere(sms: Phone) -> None:
    call()
    work()
    assert say("twilio-1", Fate.FAILED, 5, detail="30008 unknown error") is True
    assert say("twilio-1", Fate.FAILED, 6, detail="30008 unknown error") is False
    work(later(6))
    assert message().vendor == "plivo"
    assert Attempt.objects.get(result="lost").detail == "30008 unknown error"


def test_a_failure_after_the_acknowledgement_starts_nothing(sms: Phone, mail: FakeChannel) -> None:
    call()
    work()
    actions.stop(call_out_id=5, email=None, reason="acknowledged", now=later(1))
    say("twilio-1", Fate.FAILED, 5)
    assert work(later(6)) == []
    assert (message().state, mail.sent) == ("failed", [])


@pytest.mark.parametrize(
    ("fate", "state", "due"), [(Fate.DELIVERED, "delivered", False), (Fate.FAILED, "sent", True)]
)
def test_a_word_that_comes_before_our_own_note_is_not_lost(
    sms: Phone,
    fate: Fate,
    state: str,
    due: bool,  # noqa: FBT001 - a column of the table
) -> None:
    call()
    (job,) = [one for one in delivery.claim("w1", NOW, 10) if one.via == "sms"]
    receipt = delivery.send(job, "w1")
    say("twilio-1", fate, 0, key=job.key)
    delivery.keep(job, "w1", receipt)
    row = message()
    assert (row.state, row.vendor, row.ref) == (state, "twilio", "twilio-1")
    assert (row.receipt_due_at is not None) is due
    if due:
        assert row.receipt_due_at is not None
        assert delivery.look_after_receipts(row.receipt_due_at) == 1
        assert message().state == "planned"


def test_channels_whose_vendors_say_nothing_are_not_waited_for(
    people: dict[str, User], mail: FakeChannel
) -> None:
    call()
    work()
    assert Notification.objects.get().receipt_due_at is None
    assert delivery.look_after_receipts(later(99999)) == 0


def test_one_that_cannot_be_read_keeps_no_other_waiting(sms: Phone) -> None:
    call()
    work(NOW)
    call()
    work(NOW)
    broken, other = Notification.objects.filter(via="sms").order_by("receipt_due_at", "id")
    Page.objects.filter(pk=broken.page_id).update(urgency="?")
    delivery.look_after_receipts(later(61))
    other.refresh_from_db()
    assert (other.state, other.receipt_due_at) == ("planned", None)
