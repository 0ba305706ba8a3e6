"""Two companies behind one channel: what one cannot do, the other does."""

from collections.abc import Callable

import pytest

from tests.telephony.conftest import client, plivo_carrier, twilio_carrier
from tests.telephony.messages import ALICE, message
from tocsin.adapters.phone.channel import SmsChannel, VoiceChannel
from tocsin.adapters.plivo import carrier as plivo_module
from tocsin.adapters.twilio import carrier as twilio_module
from tocsin.adapters.twilio.carrier import TwilioCarrier
from tocsin.domain.errors import Invalid
from tocsin.ports.channel import Result
from tocsin.ports.telephony import Account
from tocsin.testing import twilio as fake_twilio
from tocsin.testing.faults import Drop, Fault, Hang, Status
from tocsin.testing.plivo import Plivo
from tocsin.testing.twilio import Twilio

WANTED = lambda: True  # noqa: E731 - the shortest gate
SAID = "SEV1 checkout: Cards fail. Reply ack 12, res 12 or esc 12. https://tocsin.example.com/a/token"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (twilio_module, plivo_module):
        monkeypatch.setattr(module, "_TIMEOUT_S", 0.5)


def test_the_first_company_takes_it_and_names_it(sms: SmsChannel, twilio: Twilio, plivo: Plivo) -> None:
    receipt = sms.send(message(), WANTED)
    assert (receipt.result, receipt.vendor, receipt.ref) == (Result.SENT, "twilio", twilio.texts[0].sid)
    assert twilio.phone(ALICE).wait_text() == SAID
    assert plivo.texts == []


FAULTS = [Status(500), Status(503), Status(429, retry_after_s=7), Status(401), Drop(), Hang(2)]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_the_second_takes_what_the_first_cannot(
    fault: Fault, sms: SmsChannel, twilio: Twilio, plivo: Plivo
) -> None:
    twilio.faults.next(fault)
    receipt = sms.send(message(), WANTED)
    assert (receipt.result, receipt.vendor) == (Result.SENT, "plivo")
    assert receipt.detail.startswith("twilio: ")
    assert [vendor for vendor, _ in receipt.before] == ["twilio"]
    assert plivo.phone(ALICE).wait_text() == SAID


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_with_both_down_it_is_tried_again_and_it_is_not_its_fault(
    fault: Fault, voice: VoiceChannel, twilio: Twilio, plivo: Plivo
) -> None:
    twilio.faults.always(fault)
    plivo.faults.always(fault)
    receipt = voice.send(message(), WANTED)
    assert (receipt.result, receipt.theirs, receipt.bounced) == (Result.RETRY, False, False)
    assert receipt.retry_after_s == (7 if fault == Status(429, retry_after_s=7) else None)


def test_one_that_has_just_failed_is_left_out(sms: SmsChannel, twilio: Twilio, plivo: Plivo) -> None:
    assert sms.send(message(avoid=("twilio",)), WANTED).vendor == "plivo"
    assert twilio.calls == []
    none = sms.send(message(avoid=("twilio", "plivo")), WANTED)
    assert (none.result, none.vendor, none.theirs) == (Result.FAILED, "", True)  # no news of any of them
    assert none.detail == "no other phone company is left (tried: twilio, plivo)"


@pytest.mark.parametrize("number", ["+15550100610", "+1555x"])
def test_a_number_that_is_wrong_or_opted_out_bounces_and_is_tried_nowhere_else(
    number: str, sms: SmsChannel, plivo: Plivo
) -> None:
    receipt = sms.send(message(address=number), WANTED)
    assert (receipt.result, receipt.bounced, receipt.vendor) == (Result.FAILED, True, "twilio")
    assert plivo.calls == []


@pytest.mark.parametrize(
    ("code", "status", "outcome"),
    [
        (21211, 400, (Result.FAILED, True, True)),
        (21217, 400, (Result.FAILED, True, True)),
        (21610, 400, (Result.FAILED, True, True)),
        (21614, 400, (Result.FAILED, True, True)),
        (21635, 400, (Result.FAILED, True, True)),
        (21408, 400, (Result.FAILED, False, False)),
        (21606, 400, (Result.FAILED, False, False)),
        (20003, 401, (Result.RETRY, False, False)),
        (20003, 403, (Result.RETRY, False, False)),
        (20429, 429, (Result.RETRY, False, False)),
        (20500, 500, (Result.RETRY, False, False)),
    ],
)
def test_what_twilio_means_by_its_codes(
    code: int, status: int, outcome: tuple[Result, bool, bool], twilio: Twilio
) -> None:
    twilio.faults.next(Status(status, body={"code": code, "message": "words", "status": status}))
    receipt = twilio_carrier(twilio).text("k", ALICE, "hello")
    assert (receipt.result, receipt.bounced, receipt.theirs) == outcome
    assert receipt.detail == f"{code} words"


@pytest.mark.parametrize(
    ("status", "error", "outcome"),
    [
        (400, "dst parameter is invalid", (Result.FAILED, True)),
        (400, "src parameter is invalid", (Result.FAILED, False)),
        (401, "could not verify your access level", (Result.RETRY, False)),
        (402, "no credit", (Result.FAILED, False)),
        (429, "too many", (Result.RETRY, False)),
        (502, "", (Result.RETRY, False)),
    ],
)
def test_what_plivo_means_by_its_words(
    status: int, error: str, outcome: tuple[Result, bool], plivo: Plivo
) -> None:
    plivo.faults.next(Status(status, body={"error": error}))
    receipt = plivo_carrier(plivo).text("k", ALICE, "hello")
    assert (receipt.result, receipt.bounced) == outcome


def test_nothing_leaves_that_is_no_longer_wanted(sms: SmsChannel, twilio: Twilio, plivo: Plivo) -> None:
    assert sms.send(message(), lambda: False).result is Result.WITHDRAWN
    asked: list[bool] = []

    def only_once() -> bool:
        asked.append(True)
        return len(asked) == 1

    twilio.faults.next(Status(500))
    assert sms.send(message(), only_once).result is Result.WITHDRAWN  # acknowledged between the two
    assert plivo.calls == []


def test_secrets_are_in_no_receipt(twilio: Twilio) -> None:
    receipt = twilio_carrier(twilio, token="wrong-token-wrong-token").text("k", ALICE, "hello")
    assert receipt.detail == "20003 Authenticate"


@pytest.mark.parametrize("make", [SmsChannel, VoiceChannel])
def test_without_a_company_it_says_what_is_missing(make: Callable[[tuple[()]], SmsChannel]) -> None:
    channel = make(())
    assert "TOCSIN_TWILIO_ACCOUNT_SID" in channel.ready
    assert (channel.abilities.receipts, channel.abilities.answers) == (None, False)


def test_what_cannot_be_told_back_is_not_waited_for(twilio: Twilio) -> None:
    assert SmsChannel((twilio_carrier(twilio),)).abilities.receipts is None
    there = SmsChannel((twilio_carrier(twilio, "https://tocsin.example.com"),)).abilities
    assert there.receipts is not None
    assert there.answers


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("+1 (555) 010-0100", "+15550100100"),
        ("0049 151/234.567.89", "+4915123456789"),
        (" +4915123456789 ", "+4915123456789"),
    ],
)
def test_numbers_are_kept_in_one_form(typed: str, number: str, sms: SmsChannel) -> None:
    assert sms.check_address(typed) == number


@pytest.mark.parametrize("typed", ["015123456789", "+0151234567", "alice", "", "+12345", "+1234567890123456"])
def test_other_numbers_are_refused_with_what_is_expected(typed: str, sms: SmsChannel) -> None:
    with pytest.raises(Invalid, match=r"\+49"):
        sms.check_address(typed)


@pytest.mark.parametrize(
    ("sender", "back", "answerable"),
    [
        ("+15551234567", "https://tocsin.example.com", True),
        ("MG0123", "https://tocsin.example.com", True),
        ("12345", "https://tocsin.example.com", True),
        ("Tocsin", "https://tocsin.example.com", False),
        ("+15551234567", "", False),
    ],
)
def test_a_reply_is_asked_for_where_it_would_arrive(
    sender: str,
    back: str,
    answerable: bool,  # noqa: FBT001 - a case
    twilio: Twilio,
) -> None:
    account = Account(fake_twilio.ACCOUNT, fake_twilio.TOKEN, sender, "", twilio.url)
    channel = SmsChannel((TwilioCarrier(client(), account, back and "http://127.0.0.1:9"),))
    assert channel.send(message(), WANTED).result is Result.SENT
    assert ("Reply ack 12" in twilio.phone(ALICE).wait_text()) == answerable
    assert channel.abilities.answers == answerable
