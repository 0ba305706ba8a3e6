"""The stand-ins are driven by the vendors' own SDKs, which also judge every signature: ours and theirs."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import plivo as plivo_sdk
import pytest
from plivo.exceptions import ValidationError
from plivo.rest import client as plivo_client
from plivo.utils import validate_signature, validate_v3_signature
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from tests.telephony.messages import ALICE
from tocsin.adapters.plivo import hook as plivo_hook
from tocsin.adapters.twilio import hook as twilio_hook
from tocsin.testing import plivo as fake_plivo
from tocsin.testing import twilio as fake_twilio
from tocsin.testing.exchange import Manner
from tocsin.testing.faults import Status
from tocsin.testing.plivo import Plivo
from tocsin.testing.server import Call, Reply, Server
from tocsin.testing.twilio import Twilio

TWIML = "<Response><Gather numDigits='1' action='{}'><Say>Hello</Say></Gather></Response>"
XML = "<Response><GetInput action='{}'><Speak>Hello</Speak></GetInput></Response>"


@dataclass
class Ear(Server):
    """Where callbacks go. It answers calls with a question, so that keys can be pressed."""

    heard: list[Call] = field(default_factory=list)
    document: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def handle(self, call: Call) -> Reply:
        self.heard.append(call)
        return Reply(200, self.document.format(f"{self.url}/keys?s=a-token&amp;k=1"), content_type="text/xml")

    def url_of(self, call: Call) -> str:
        query = "&".join(f"{name}={value}" for name, value in call.query.items())
        return f"{self.url}{call.path}{f'?{query}' if query else ''}"


@pytest.fixture
def ear() -> Iterator[Ear]:
    with Ear() as server:
        yield server


@pytest.fixture
def twilio_client(twilio: Twilio) -> Client:
    client = Client(fake_twilio.ACCOUNT, fake_twilio.TOKEN)
    client.api.base_url = twilio.url
    return client


@pytest.fixture
def plivo_rest(plivo: Plivo, monkeypatch: pytest.MonkeyPatch) -> Iterator[plivo_sdk.RestClient]:
    for name in ("PLIVO_API_BASE_URI", "API_VOICE_BASE_URI"):
        monkeypatch.setattr(plivo_client, name, f"{plivo.url}/v1/Account")
    with plivo_sdk.RestClient(fake_plivo.ACCOUNT, fake_plivo.TOKEN) as client:
        yield client
        client.multipart_session.close()


def test_twilio_takes_texts_and_calls(twilio: Twilio, twilio_client: Client) -> None:
    text = twilio_client.messages.create(to=ALICE, from_=twilio.number, body="hello")
    call = twilio_client.calls.create(
        to=ALICE, from_=twilio.number, twiml="<Response><Say>Hi</Say></Response>"
    )
    twilio.settled()
    assert text.status == "queued"
    assert twilio_client.messages(text.sid).fetch().status == "delivered"
    assert twilio_client.calls(call.sid).fetch().status == "completed"
    assert [one.body for one in twilio_client.messages.list(to=ALICE)] == ["hello"]
    assert [one.sid for one in twilio_client.calls.list(to=ALICE)] == [call.sid]
    assert twilio.phone(ALICE).texts == ["hello"]
    assert twilio.rings[0].said == ["Hi"]


def test_twilio_refuses_as_the_real_one(twilio: Twilio, twilio_client: Client) -> None:
    with pytest.raises(TwilioRestException) as refused:
        twilio_client.messages.create(to="alice", from_=twilio.number, body="hello")
    assert (refused.value.status, refused.value.code) == (400, 21211)
    twilio.faults.next(Status(429, retry_after_s=3))
    with pytest.raises(TwilioRestException) as busy:
        twilio_client.messages.create(to=ALICE, from_=twilio.number, body="hello")
    assert (busy.value.status, busy.value.code) == (429, 20429)


def test_twilio_signs_what_it_tells(twilio: Twilio, twilio_client: Client, ear: Ear) -> None:
    judge = RequestValidator(fake_twilio.TOKEN)
    back = f"{ear.url}/message?key=k-1"
    twilio_client.messages.create(to=ALICE, from_=twilio.number, body="hello", status_callback=back)
    ear.document = "<Response><Say>Done</Say></Response>"
    twilio_client.calls.create(
        to=ALICE,
        from_=twilio.number,
        twiml=TWIML.format(f"{ear.url}/keys?s=t"),
        status_callback=f"{ear.url}/call?key=k-2",
        status_callback_event=["initiated", "ringing", "answered", "completed"],
        async_amd="true",
        async_amd_status_callback=f"{ear.url}/machine?key=k-2",
    )
    twilio.phone(ALICE).wait_call()
    assert twilio.phone(ALICE).press("1") == "Done"
    twilio.settled()
    told = [(one.path, one.form.get("MessageStatus") or one.form.get("CallStatus")) for one in ear.heard]
    assert [status for path, status in told if path == "/message"] == ["sent", "delivered"]
    assert [status for path, status in told if path == "/call"][:3] == ["initiated", "ringing", "in-progress"]
    assert {path for path, _ in told} == {"/message", "/call", "/machine", "/keys"}
    for one in ear.heard:
        given, url = one.headers["x-twilio-signature"], ear.url_of(one)
        assert judge.validate(url, one.form, given)
        assert given == twilio_hook.signature(fake_twilio.TOKEN, url, list(one.form.items()))


def test_plivo_takes_texts_and_calls(plivo: Plivo, plivo_rest: plivo_sdk.RestClient, ear: Ear) -> None:
    ear.document = "<Response><Speak>Hi</Speak></Response>"
    text = plivo_rest.messages.create(src=plivo.number[1:], dst=ALICE[1:], text="hello")
    plivo_rest.calls.create(from_=plivo.number[1:], to_=ALICE[1:], answer_url=f"{ear.url}/say")
    plivo.settled()
    assert plivo_rest.messages.get(text.message_uuid[0]).message_state == "delivered"
    assert plivo.phone(ALICE).texts == ["hello"]
    assert (plivo.rings[0].status, plivo.rings[0].said) == ("completed", ["Hi"])
    with pytest.raises(ValidationError):
        plivo_rest.messages.create(src=plivo.number[1:], dst="nobody", text="hello")


def test_plivo_signs_calls_with_v3_and_messages_with_v2(
    plivo: Plivo, plivo_rest: plivo_sdk.RestClient, ear: Ear
) -> None:
    ear.document = XML
    back = f"{ear.url}/message/k-1"
    plivo_rest.messages.create(src=plivo.number[1:], dst=ALICE[1:], text="hello", url=back)
    plivo.phone(ALICE).manner = Manner.MACHINE
    plivo_rest.calls.create(
        from_=plivo.number[1:],
        to_=ALICE[1:],
        answer_url=f"{ear.url}/say?s=a-token",
        ring_url=f"{ear.url}/call/k-2",
        hangup_url=f"{ear.url}/call/k-2",
        machine_detection="true",
        machine_detection_url=f"{ear.url}/machine/k-2",
    )
    plivo.settled()
    assert {one.path for one in ear.heard} == {"/message/k-1", "/say", "/call/k-2", "/machine/k-2"}
    for one in ear.heard:
        url, token = ear.url_of(one), fake_plivo.TOKEN
        if one.path == "/message/k-1":
            nonce, given = one.headers["x-plivo-signature-v2-nonce"], one.headers["x-plivo-signature-v2"]
            assert validate_signature(url, nonce, given, token)
            assert given == plivo_hook.signature_v2(token, url, nonce)
            continue
        nonce, given = one.headers["x-plivo-signature-v3-nonce"], one.headers["x-plivo-signature-v3"]
        assert validate_v3_signature("POST", url, nonce, token, given, one.form)
        assert given == plivo_hook.signature_v3(token, "POST", url, list(one.form.items()), nonce)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("query", ["", "?b=2&a=1"])
@pytest.mark.parametrize("form", [{}, {"To": "1555", "Digits": "1"}])
def test_plivos_third_signature_in_every_shape(method: str, query: str, form: dict[str, str]) -> None:
    url = f"https://tocsin.example.com/callbacks/plivo/keys{query}"
    made = plivo_hook.signature_v3("token", method, url, list(form.items()), "nonce")
    assert validate_v3_signature(method, url, "nonce", "token", made, dict(form))
