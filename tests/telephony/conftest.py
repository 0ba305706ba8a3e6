from collections.abc import Iterator

import pytest

from tests.incidents.conftest import Company, company
from tests.notify.fakes import FakeChannel
from tests.telephony.house import PLIVO_TOKEN, TWILIO_TOKEN, House
from tocsin.adapters.phone.channel import SmsChannel, VoiceChannel
from tocsin.adapters.plivo.carrier import PlivoCarrier
from tocsin.adapters.plivo.hook import PlivoHook
from tocsin.adapters.twilio.carrier import TwilioCarrier
from tocsin.adapters.twilio.hook import TwilioHook
from tocsin.apps.incidents import answers
from tocsin.lib import clock, http
from tocsin.lib.ratelimit import Buckets
from tocsin.ports import registry
from tocsin.ports.telephony import Account, Carrier
from tocsin.testing import plivo as fake_plivo
from tocsin.testing import twilio as fake_twilio
from tocsin.testing.plivo import Plivo
from tocsin.testing.twilio import Twilio

__all__ = ["company"]

NOWHERE = "http://127.0.0.1:9"
_clients: list[http.Client] = []


@pytest.fixture(autouse=True)
def hung_up() -> Iterator[None]:
    """No connection outlives its test."""
    yield
    while _clients:
        _clients.pop().close()


def client() -> http.Client:
    _clients.append(http.client(trusted=True))
    return _clients[-1]


@pytest.fixture
def twilio() -> Iterator[Twilio]:
    with Twilio() as company:
        yield company
        company.settled()


@pytest.fixture
def plivo() -> Iterator[Plivo]:
    with Plivo() as company:
        yield company
        company.settled()


def twilio_carrier(company: Twilio, back: str = "", token: str = fake_twilio.TOKEN) -> Carrier:
    account = Account(fake_twilio.ACCOUNT, token, company.number, company.number, company.url)
    return TwilioCarrier(client(), account, back)


def plivo_carrier(company: Plivo, back: str = "", token: str = fake_plivo.TOKEN) -> Carrier:
    account = Account(fake_plivo.ACCOUNT, token, company.number, company.number, company.url)
    return PlivoCarrier(client(), account, back)


@pytest.fixture
def sms(twilio: Twilio, plivo: Plivo) -> SmsChannel:
    """Replies would come to an address where nobody answers."""
    return SmsChannel((twilio_carrier(twilio, NOWHERE), plivo_carrier(plivo, NOWHERE)))


@pytest.fixture
def voice(twilio: Twilio, plivo: Plivo) -> VoiceChannel:
    """Plivo asks back what to say, so it has an address to ask: nobody answers there."""
    return VoiceChannel((twilio_carrier(twilio, NOWHERE), plivo_carrier(plivo, NOWHERE)))


@pytest.fixture
def house(company: Company, monkeypatch: pytest.MonkeyPatch) -> House:
    """With SMS that leave into a list, and both companies' signatures known."""
    company.now = clock.now()
    monkeypatch.setitem(registry.channels, "sms", FakeChannel(type="sms"))
    monkeypatch.setitem(registry.channels, "voice", FakeChannel(type="voice"))
    monkeypatch.setattr(
        registry, "hooks", {"twilio": TwilioHook(TWILIO_TOKEN), "plivo": PlivoHook(PLIVO_TOKEN)}
    )
    monkeypatch.setattr(answers, "_pace", Buckets(rate=1, burst=100))
    return House(company)
