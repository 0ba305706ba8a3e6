"""How phone companies are set up, and what the doctor says of them."""

from typing import Any

import pytest

from tocsin.config import telephones
from tocsin.config.options import Options, read
from tocsin.config.roles import phonelines
from tocsin.lib.env import WrongSettingsError
from tocsin.ports import registry
from tocsin.testing.plivo import Plivo
from tocsin.testing.twilio import Twilio

BASE = {"TOCSIN_SECRET_KEY": "x" * 30, "TOCSIN_PUBLIC_URL": "https://tocsin.example.com"}
TWILIO = {
    "TOCSIN_TWILIO_ACCOUNT_SID": "AC1",
    "TOCSIN_TWILIO_AUTH_TOKEN": "a-token",
    "TOCSIN_TWILIO_FROM": "+15551234567",
}


def options(**more: str) -> Options:
    return read({**BASE, **more})


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"TOCSIN_TWILIO_ACCOUNT_SID": "AC1"}, "Twilio is half set up"),
        ({"TOCSIN_PLIVO_FROM": "+15551234567"}, "Plivo is half set up"),
        ({**TWILIO, "TOCSIN_TWILIO_VOICE_FROM": "Tocsin"}, "no phone number"),
        ({"TOCSIN_CARRIERS": "vonage"}, "TOCSIN_CARRIERS"),
    ],
)
def test_wrong_ones_refuse_to_start(more: dict[str, str], problem: str) -> None:
    with pytest.raises(WrongSettingsError, match=problem):
        options(**more)


@pytest.mark.parametrize(
    ("given", "order"),
    [("", ("twilio", "plivo")), ("plivo", ("plivo", "twilio")), ("Plivo, twilio", ("plivo", "twilio"))],
)
def test_companies_are_tried_in_the_order_given(given: str, order: tuple[str, ...]) -> None:
    assert options(TOCSIN_CARRIERS=given).phones.order == order


@pytest.mark.parametrize(
    ("sender", "calls", "numbers"),
    [
        ("+15551234567", "+15551234567", ("+15551234567",)),
        ("MG0123", "", ()),  # a messaging service makes no calls
        ("Tocsin", "", ()),
    ],
)
def test_calls_come_from_a_number_only(sender: str, calls: str, numbers: tuple[str, ...]) -> None:
    phones = options(**{**TWILIO, "TOCSIN_TWILIO_FROM": sender}).phones
    assert (phones.twilio.voice_from, phones.numbers) == (calls, numbers)


def test_only_what_is_set_up_is_offered_and_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "channels", {})
    monkeypatch.setattr(registry, "hooks", {})
    telephones.fill(options())
    assert all("TOCSIN_TWILIO_ACCOUNT_SID" in channel.ready for channel in registry.channels.values())
    assert registry.hooks == {}
    telephones.fill(options(**TWILIO))
    assert {name: channel.ready for name, channel in registry.channels.items()} == {"sms": "", "voice": ""}
    assert list(registry.hooks) == ["twilio"]
    assert registry.channels["voice"].abilities.answers


@pytest.mark.parametrize(
    ("public", "api", "reached"),
    [
        ("https://tocsin.example.com", "https://api.twilio.com", True),
        ("http://127.0.0.1:8080", "https://api.twilio.com", False),
        ("http://localhost:8080", "https://api.twilio.com", False),
        ("http://10.0.0.5", "https://api.twilio.com", False),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8091", True),  # a stand-in beside us
    ],
)
def test_whether_a_company_reaches_us_is_known(public: str, api: str, reached: Any) -> None:
    found = options(**{**TWILIO, "TOCSIN_PUBLIC_URL": public, "TOCSIN_TWILIO_API_URL": api})
    assert bool(telephones.back(found, found.phones.twilio)) is reached


def test_the_doctor_says_what_works(twilio: Twilio, plivo: Plivo) -> None:
    found = options(**twilio.environment, **plivo.environment)
    states = [(what, state) for what, state, _, _ in phonelines.look(found)]
    assert states == [("twilio", "fine"), ("plivo", "fine")]
    assert [line[1] for line in phonelines.look(options())] == ["skipped"]


def test_the_doctor_says_what_does_not(twilio: Twilio, plivo: Plivo) -> None:
    wrong = {**twilio.environment, "TOCSIN_TWILIO_AUTH_TOKEN": "wrong-token"}
    unreachable = {**plivo.environment, "TOCSIN_PLIVO_API_URL": "http://127.0.0.1:9"}
    lines = {line[0]: line[1:] for line in phonelines.look(options(**wrong, **unreachable))}
    assert lines["twilio"] == ("failed", "it says 401", "Check the account and TOCSIN_TWILIO_AUTH_TOKEN.")
    assert lines["plivo"][0] == "failed"
    assert "wrong-token" not in str(lines)
