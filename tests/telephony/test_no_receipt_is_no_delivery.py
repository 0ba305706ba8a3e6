"""Companies that take a message and say no more, or that fail: with the real queue, over the stand-ins."""

from datetime import timedelta

import pytest
import time_machine

from tests.telephony.conftest import plivo_carrier, twilio_carrier
from tests.telephony.house import MATE, House
from tocsin.adapters.phone.channel import SmsChannel, VoiceChannel
from tocsin.apps.notify import delivery
from tocsin.apps.notify.models import Notification, VendorState
from tocsin.lib import clock
from tocsin.ports import registry
from tocsin.testing.faults import Status
from tocsin.testing.plivo import Plivo
from tocsin.testing.twilio import Twilio

NOWHERE = "http://127.0.0.1:9"  # they call back, and nobody hears it


@pytest.fixture
def lines(house: House, twilio: Twilio, plivo: Plivo, monkeypatch: pytest.MonkeyPatch) -> House:
    carriers = (twilio_carrier(twilio, NOWHERE), plivo_carrier(plivo, NOWHERE))
    monkeypatch.setitem(registry.channels, "sms", SmsChannel(carriers))
    monkeypatch.setitem(registry.channels, "voice", VoiceChannel(carriers))
    return house


def later(house: House, seconds: float) -> None:
    """As a worker does, that much later."""
    with time_machine.travel(clock.now() + timedelta(seconds=seconds), tick=False):
        delivery.look_after_receipts(clock.now())
        house.work()


def trail(via: str = "sms") -> list[tuple[str, str]]:
    row = Notification.objects.get(address=MATE, via=via, page__kind="page")
    return [(one.result, one.vendor) for one in row.trail.order_by("pk")]


def test_without_a_receipt_the_other_company_takes_it_and_then_the_next_way(
    lines: House, twilio: Twilio, plivo: Plivo
) -> None:
    lines.phones("sms", "voice")
    lines.fire()
    assert trail() == [("sent", "twilio")]
    later(lines, 59)
    assert plivo.texts == []
    later(lines, 61)
    assert trail() == [("sent", "twilio"), ("lost", "twilio"), ("sent", "plivo")]
    words = [one.body.partition("http")[0] for one in (*plivo.texts, *twilio.texts)]
    assert words == ["SEV2 checkout: k1 is down. Reply ack 1, res 1 or esc 1. "] * 2
    keys = {one.back.partition("key=")[2] for one in twilio.texts} | {
        one.back.rpartition("/")[2] for one in plivo.texts
    }
    assert len(keys) == 1  # the same message, under one key
    later(lines, 130)
    assert trail()[3:] == [("lost", "plivo"), ("failed", "sms")]
    assert Notification.objects.get(address=MATE, via="sms", page__kind="page").state == "failed"


def test_with_both_down_it_is_tried_again_and_both_are_seen_to_fail(
    lines: House, twilio: Twilio, plivo: Plivo
) -> None:
    lines.phones("sms")
    twilio.faults.always(Status(503))
    plivo.faults.always(Status(429, retry_after_s=5))
    lines.fire("down", "SEV1")
    row = Notification.objects.get(address=MATE, page__kind="page")
    assert row.state == "planned"
    assert "twilio: 20503" in row.receipt
    assert "plivo: 429" in row.receipt
    states = VendorState.objects.filter(last_failed_at__isnull=False).values_list("vendor", flat=True)
    assert set(states) == {"twilio", "plivo"}
    twilio.faults.clear()
    later(lines, 40)
    row.refresh_from_db()
    assert (row.state, row.vendor) == ("sent", "twilio")
