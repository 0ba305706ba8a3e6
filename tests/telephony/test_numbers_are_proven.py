"""A number that somebody types in is used once a code that went there came back."""

import re

import pytest

from tests.telephony.conftest import plivo_carrier, twilio_carrier
from tests.telephony.house import House
from tocsin.adapters.phone.channel import SmsChannel, VoiceChannel
from tocsin.apps.notify import actions as notify
from tocsin.domain.errors import Invalid
from tocsin.lib import clock
from tocsin.ports import registry
from tocsin.testing.plivo import Plivo
from tocsin.testing.twilio import Twilio

NEW, MATE_EMAIL = "+15550100300", "mate@example.com"


@pytest.mark.parametrize("via", ["sms", "voice"])
def test_a_code_is_texted_or_spoken_and_typed_in(
    via: str, house: House, twilio: Twilio, plivo: Plivo, monkeypatch: pytest.MonkeyPatch
) -> None:
    carriers = (twilio_carrier(twilio), plivo_carrier(plivo))
    monkeypatch.setitem(registry.channels, "sms", SmsChannel(carriers))
    monkeypatch.setitem(registry.channels, "voice", VoiceChannel(carriers))
    actor = house.company.mate
    with pytest.raises(Invalid):
        notify.add_method(actor=actor, email=MATE_EMAIL, type=via, address="555 0100", now=clock.now())
    made = notify.add_method(
        actor=actor, email=MATE_EMAIL, type=via, address="+1 (555) 010-0300", now=clock.now()
    )
    assert (made.address, made.verified) == (NEW, False)
    house.work()
    twilio.settled()
    said = twilio.phone(NEW).wait_text() if via == "sms" else " ".join(twilio.rings[0].said)
    found = re.search(r"\d{6}", said.replace(". ", ""))
    assert found
    done = notify.verify_method(
        actor=actor, email=MATE_EMAIL, method_id=made.id, code=found[0], now=clock.now()
    )
    assert done.verified
