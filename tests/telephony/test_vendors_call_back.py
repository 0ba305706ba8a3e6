"""What companies tell us: whether we believe it, in which order it may come, and what is answered."""

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from django.test import Client

from tests.telephony.house import MATE, PLIVO_TOKEN, TWILIO_TOKEN, House
from tests.telephony.messages import message
from tocsin.adapters.phone import words
from tocsin.adapters.plivo import carrier as plivo_carrier
from tocsin.adapters.plivo import hook as plivo_hook
from tocsin.adapters.twilio import carrier as twilio_carrier
from tocsin.adapters.twilio import hook as twilio_hook
from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.notify.models import Attempt, Notification
from tocsin.lib import clock, signing
from tocsin.ports.telephony import Script

SCRIPT: Script = words.script(message())
MAILBOX = "a voice mailbox answered, not a person"
INBOUND = {"From": MATE, "To": "+15550000001", "Body": "ack 1", "MessageSid": "SM1"}


def sent(house: House, via: str = "sms", vendor: str = "twilio", ref: str = "SM1") -> Notification:
    house.phones(via)
    house.fire()
    row = house.told(via=via)
    Notification.objects.filter(pk=row.pk).update(vendor=vendor, ref=ref)
    return row


def state(row: Notification) -> str:
    row.refresh_from_db()
    return row.state


# ---- whom we believe ----


def test_a_good_signature_is_believed(house: House) -> None:
    house.phones("sms")
    house.fire()
    answer = house.twilio("sms", **INBOUND)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert "<Message>INC-1 acknowledged. mate, it is yours.</Message>" in answer.content.decode()


def test_another_token_is_not(house: House) -> None:
    house.phones("sms")
    house.fire()
    assert house.twilio("sms", token="of-somebody-else", **INBOUND).status_code == 403
    assert house.show("INC-1").acknowledged_at is None


def test_a_signature_is_for_one_address_and_one_text(house: House) -> None:
    house.phones("sms")
    house.fire()
    good = house.twilio("sms", **{**INBOUND, "Body": "help"})
    assert good.status_code == 200
    stolen = {"X-Twilio-Signature": good.wsgi_request.headers["X-Twilio-Signature"]}
    assert house.post("/callbacks/twilio/sms", INBOUND, stolen).status_code == 403
    same = {**INBOUND, "Body": "help"}
    assert house.post("/callbacks/twilio/message", same, stolen).status_code == 403
    assert house.post("/callbacks/twilio/sms?x=1", same, stolen).status_code == 403
    assert house.post("/callbacks/twilio/sms", same, {}).status_code == 403
    assert house.web.get("/callbacks/twilio/sms").status_code == 403


def test_a_replayed_request_acts_once(house: House) -> None:
    house.phones("sms")
    house.fire()
    answers = {house.twilio("sms", **{**INBOUND, "Body": "esc 1"}).content for _ in range(3)}
    assert len(answers) == 1
    assert AuditEntry.objects.filter(action="incident.escalated").count() == 1


def test_the_port_may_be_in_what_is_signed_or_not(house: House) -> None:
    house.phones("sms")
    house.fire()
    url = "http://testserver:80/callbacks/twilio/sms"
    signature = twilio_hook.signature(TWILIO_TOKEN, url, list(INBOUND.items()))
    answer = house.post("/callbacks/twilio/sms", INBOUND, {"X-Twilio-Signature": signature})
    assert answer.status_code == 200


def test_plivo_is_believed_by_v3_and_by_v2_and_by_nothing_else(house: House) -> None:
    row = sent(house, vendor="plivo", ref="P1")
    form = {"MessageUUID": "P1", "Status": "delivered", "From": "1555", "To": "1556"}
    path = f"/callbacks/plivo/message/{row.key}"
    wrong = {"X-Plivo-Signature-V3": "x", "X-Plivo-Signature-V3-Nonce": "n"}
    assert house.post(path, form, wrong).status_code == 403
    assert house.post(path, form, {}).status_code == 403
    assert house.plivo(f"message/{row.key}", token="other", **form).status_code == 403
    assert state(row) == "sent"
    signature = plivo_hook.signature_v2(PLIVO_TOKEN, f"http://testserver{path}", "n")
    v2 = {"X-Plivo-Signature-V2": signature, "X-Plivo-Signature-V2-Nonce": "n"}
    assert house.post(path, form, v2).status_code == 204
    assert state(row) == "delivered"


@pytest.mark.parametrize("path", ["keys", "say", "call/x", "machine/x"])
def test_plivos_lesser_signature_presses_no_key(path: str, house: House) -> None:
    signature = plivo_hook.signature_v2(PLIVO_TOKEN, f"http://testserver/callbacks/plivo/{path}", "n")
    v2 = {"X-Plivo-Signature-V2": signature, "X-Plivo-Signature-V2-Nonce": "n"}
    answer = house.post(f"/callbacks/plivo/{path}", {"Digits": "1"}, v2)
    assert (answer.status_code, b"X-Plivo-Signature" in answer.content) == (403, True)


@pytest.mark.parametrize("path", ["/callbacks/nobody/x", "/callbacks/twilio"])
def test_a_vendor_that_is_not_set_up_is_not_heard(path: str, house: House) -> None:
    assert house.web.post(path).status_code == 404


@pytest.mark.parametrize("path", ["sms", "message?key=x", "call?key=x", "elsewhere"])
def test_what_makes_no_sense_is_a_400_that_says_so(path: str, house: House) -> None:
    answer = house.twilio(path, Foo="bar")
    assert answer.status_code == 400
    assert answer.content


# ---- in which order ----


@pytest.mark.parametrize("order", list(permutations(("queued", "sent", "delivered"))), ids="-".join)
def test_an_sms_is_delivered_in_whatever_order_it_is_told(order: tuple[str, ...], house: House) -> None:
    row = sent(house)
    for status in (*order, *order):  # and everything twice
        answer = house.twilio(f"message?key={row.key}", MessageSid="SM1", MessageStatus=status)
        assert answer.status_code == 204
    assert state(row) == "delivered"
    assert Attempt.objects.filter(notification=row, result="delivered").count() == 1


def test_the_first_word_may_come_before_our_own_note(house: House) -> None:
    row = sent(house, vendor="", ref="")
    house.twilio(f"message?key={row.key}", MessageSid="SM9", MessageStatus="delivered")
    assert state(row) == "delivered"
    assert (row.vendor, row.ref) == ("twilio", "SM9")


@pytest.mark.parametrize(
    ("form", "answered"),
    [
        ({"CallStatus": "initiated"}, "sent"),
        ({"CallStatus": "ringing"}, "sent"),
        ({"CallStatus": "in-progress"}, "sent"),
        ({"CallStatus": "completed", "AnsweredBy": "human"}, "delivered"),
        ({"CallStatus": "completed"}, "delivered"),
    ],
)
def test_how_a_call_goes_is_kept(form: dict[str, str], answered: str, house: House) -> None:
    row = sent(house, "voice", ref="CA1")
    assert house.twilio(f"call?key={row.key}", CallSid="CA1", **form).status_code == 204
    assert state(row) == answered


@pytest.mark.parametrize(
    ("form", "detail"),
    [
        ({"CallStatus": "busy"}, "the line was busy"),
        ({"CallStatus": "no-answer"}, "nobody answered"),
        ({"CallStatus": "failed"}, "failed"),
        ({"CallStatus": "canceled"}, "canceled"),
        (
            {"CallStatus": "completed", "AnsweredBy": "machine_start"},
            "a voice mailbox answered, not a person",
        ),
    ],
)
def test_a_call_that_nobody_heard_did_not_arrive(form: dict[str, str], detail: str, house: House) -> None:
    row = sent(house, "voice", ref="CA1")
    house.twilio(f"call?key={row.key}", CallSid="CA1", **form)
    lost = Attempt.objects.filter(notification=row, result="lost").get()
    assert (lost.vendor, lost.detail) == ("twilio", detail)


def test_a_mailbox_is_no_acknowledgement(house: House) -> None:
    row = sent(house, "voice", ref="CA1")
    house.twilio(f"machine?key={row.key}", CallSid="CA1", AnsweredBy="machine_start")
    assert state(row) != "delivered"
    assert house.show("INC-1").acknowledged_at is None
    other = house.twilio(f"machine?key={row.key}", CallSid="CA1", AnsweredBy="human")
    assert other.status_code == 204


@pytest.mark.parametrize(("code", "disabled"), [("30005", True), ("30006", True), ("30003", False)])
def test_a_number_that_is_nobodys_is_disabled(code: str, disabled: bool, house: House) -> None:  # noqa: FBT001 - a case
    row = sent(house)
    house.twilio(f"message?key={row.key}", MessageSid="SM1", MessageStatus="undelivered", ErrorCode=code)
    assert row.method is not None
    row.method.refresh_from_db()
    assert (row.method.disabled_at is not None) is disabled


def test_plivos_words_mean_the_same(house: House) -> None:
    row = sent(house, "voice", "plivo", "R1")
    call = {"RequestUUID": "R1", "CallUUID": "C1"}
    house.plivo(f"call/{row.key}", **call, CallStatus="ringing")
    assert state(row) == "sent"
    house.plivo(f"call/{row.key}", **call, CallStatus="busy")
    lost = Attempt.objects.filter(notification=row, result="lost").get()
    assert (lost.vendor, lost.detail) == ("plivo", "the line was busy")


# ---- keys ----


def pressed(house: House, row: Notification, digit: str, vendor: str = "twilio") -> str:
    if vendor == "twilio":
        token = signing.sign(twilio_carrier.PURPOSE, SCRIPT.packed(row.key))
        answer = house.twilio(f"keys?s={token}", CallSid="CA1", To=MATE, Digits=digit)
    else:
        token = signing.sign(plivo_carrier.PURPOSE, SCRIPT.packed(row.key))
        form = {"RequestUUID": "R1", "CallUUID": "C1", "To": MATE[1:], "Digits": digit}
        answer = house.plivo(f"keys?s={token}", **form)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("vendor", ["twilio", "plivo"])
def test_key_one_acknowledges_and_is_answered_with_words(vendor: str, house: House) -> None:
    row = sent(house, "voice", vendor, "CA1" if vendor == "twilio" else "R1")
    said = pressed(house, row, "1", vendor)
    assert "INC-1 acknowledged. mate, it is yours." in said
    assert "<Hangup" in said
    assert house.show("INC-1").acknowledged_by == "mate@example.com"
    assert state(row) == "read"


@pytest.mark.parametrize("vendor", ["twilio", "plivo"])
def test_another_key_says_it_all_again_and_does_nothing(vendor: str, house: House) -> None:
    row = sent(house, "voice", vendor, "CA1" if vendor == "twilio" else "R1")
    said = pressed(house, row, "9", vendor)
    assert "This key does nothing here." in said
    assert "Cards fail." in said
    assert "This key" not in pressed(house, row, "4", vendor)
    assert f"/callbacks/{vendor}/keys?s=" in said
    assert house.show("INC-1").acknowledged_at is None
    assert state(row) == "sent"


def test_plivo_asks_what_to_say(house: House) -> None:
    row = sent(house, "voice", "plivo", "R1")
    token = signing.sign(plivo_carrier.PURPOSE, SCRIPT.packed(row.key))
    answer = house.plivo(f"say?s={token}", RequestUUID="R1", CallUUID="C1", CallStatus="in-progress")
    said = answer.content.decode()
    assert "Cards fail." in said
    assert "/callbacks/plivo/keys?s=" in said
    assert state(row) == "delivered"


@pytest.mark.parametrize("token", ["", "x", "a.b"])
def test_a_call_that_we_did_not_make_is_not_served(token: str, house: House) -> None:
    assert house.twilio(f"keys?s={token}", CallSid="CA1", To=MATE, Digits="1").status_code == 403


def test_a_call_of_yesterday_is_over(house: House) -> None:
    row = sent(house, "voice", ref="CA1")
    old = signing.sign(twilio_carrier.PURPOSE, SCRIPT.packed(row.key), clock.now())
    assert house.twilio(f"keys?s={old}", CallSid="CA1", To=MATE, Digits="1").status_code == 403


# ---- texts ----


@pytest.mark.parametrize("text", ["STOP", "start", "Unsubscribe"])
def test_what_the_company_answers_itself_is_not_answered_twice(text: str, house: House) -> None:
    house.phones("sms", "voice")
    body = house.twilio("sms", **{**INBOUND, "Body": text}).content.decode()
    assert "<Message>" not in body
    form = {"From": MATE[1:], "To": "15550000002", "Text": text, "MessageUUID": "U1"}
    assert "<Message" not in house.plivo("sms", **form).content.decode()


def test_plivos_texts_are_answered_with_its_own_words(house: House) -> None:
    house.phones("sms")
    house.fire()
    form = {"From": MATE[1:], "To": "15550000002", "Text": "ack 1", "MessageUUID": "U1"}
    body = house.plivo("sms", **form).content.decode()
    assert '<Message src="15550000002" dst="15550100100">INC-1 acknowledged. mate, it is yours.' in body


def test_an_unknown_number_gets_an_empty_answer(house: House) -> None:
    answer = house.twilio("sms", **{**INBOUND, "From": "+15550199999"})
    assert (answer.status_code, "<Message>" in answer.content.decode()) == (200, False)


# ---- the contact ----


def test_the_numbers_are_a_contact_to_keep(db: None, settings: Any) -> None:
    assert Client().get("/tocsin.vcf").status_code == 404
    phones = settings.TOCSIN.phones
    account = replace(phones.twilio, sms_from="+15550000001", voice_from="+15550000003")
    settings.TOCSIN = replace(settings.TOCSIN, phones=replace(phones, twilio=account))
    answer = Client().get("/tocsin.vcf")
    assert answer.headers["Content-Type"] == "text/vcard; charset=utf-8"
    lines = answer.content.decode().split("\r\n")
    assert lines[0] == "BEGIN:VCARD"
    assert lines[-2] == "END:VCARD"
    assert [line for line in lines if line.startswith("TEL")] == [
        "TEL;TYPE=WORK,VOICE:+15550000003",
        "TEL;TYPE=WORK,VOICE:+15550000001",
    ]
