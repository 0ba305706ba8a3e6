"""A stand-in for Plivo: `Message/` and `Call/` as its own SDK uses them, signed callbacks (V3 of calls, V2 of
messages), and phones to answer on (`tocsin.testing.exchange`). Faults: `company.faults`.

For a rehearsal of your own: `python -m tocsin.testing.plivo --tocsin http://127.0.0.1:8080`.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import click

from tocsin.lib import ids
from tocsin.testing.exchange import Exchange, Phone, Ring, Text, rehearse
from tocsin.testing.faults import Status
from tocsin.testing.server import Call, Reply

ACCOUNT = "MA" + "0" * 18
TOKEN = "another-token-of-the-stand-in"  # noqa: S105 - of a stand-in
_ERRORS = {"30005": "50", "": "0"}  # the exchange's words in Plivo's


class Plivo(Exchange):
    number = "+15550000002"
    title = "Plivo"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "TOCSIN_PLIVO_AUTH_ID": ACCOUNT,
            "TOCSIN_PLIVO_AUTH_TOKEN": TOKEN,
            "TOCSIN_PLIVO_FROM": self.number,
            "TOCSIN_PLIVO_API_URL": self.url,
        }

    def refusal(self, status: Status) -> Any:
        return {"api_id": ids.new_id(), "error": f"the stand-in was told to answer {status.code}"}

    def handle(self, call: Call) -> Reply:
        if (reply := self.by_hand(call)) is not None:
            return reply
        expected = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if call.headers.get("authorization") != f"Basic {expected}":
            return Reply(401, {"api_id": ids.new_id(), "error": "could not verify your access level"})
        what, _, sid = call.path.removeprefix(f"/v1/Account/{ACCOUNT}/").strip("/").partition("/")
        if not what:
            return Reply(200, {"auth_id": ACCOUNT, "account_type": "standard", "cash_credits": "10"})
        if what == "Message":
            return self._messages(call, sid)
        return self._calls(call, sid) if what == "Call" else Reply(404, {"error": "not found"})

    # ---- SMS ----

    def _messages(self, call: Call, sid: str) -> Reply:
        if call.method == "GET":
            return _found([_message(one) for one in self.texts if one.sid], sid, "message_uuid")
        form = call.json
        if (wrong := _wrong(str(form.get("dst", "")), "dst")) is not None:
            return wrong
        text = Text(
            ids.new_id(), f"+{form['dst']}", f"+{form['src']}", form["text"], back=form.get("url", "")
        )
        self.deliver(text)
        made = {"api_id": ids.new_id(), "message": "message(s) queued", "message_uuid": [text.sid]}
        return Reply(202, made)

    def tell_text(self, text: Text) -> None:
        form = {"MessageUUID": text.sid, "Status": text.status, "To": text.to[1:], "From": text.from_[1:]}
        form |= {"Type": "sms", "Units": "1", "ErrorCode": _ERRORS.get(text.error, text.error)}
        self.in_turn(self.call_back(text.back, form=form, headers=_signed_v2(text.back)))

    def written_document(self, phone: Phone, text: str) -> str:
        url = f"{self.tocsin}/callbacks/plivo/sms"
        form = {"MessageUUID": ids.new_id(), "From": phone.number[1:], "To": self.number[1:]}
        return self.ask(url, {**form, "Text": text, "Type": "sms"}, _signed_v2(url))

    # ---- calls ----

    def _calls(self, call: Call, sid: str) -> Reply:
        if call.method == "GET":
            return _found([_call(one) for one in self.rings], sid, "call_uuid")
        form = call.json
        if (wrong := _wrong(str(form.get("to", "")), "to")) is not None:
            return wrong
        ring = Ring(ids.new_id(), f"+{form['to']}", f"+{form['from']}", {**form, "uuid": ids.new_id()})
        self.dial(ring)
        return Reply(201, {"api_id": ids.new_id(), "message": "call fired", "request_uuid": ring.sid})

    def document(self, ring: Ring) -> str:
        return self._ask(ring.options["answer_url"], self._of(ring))

    def pressed_document(self, ring: Ring, digit: str) -> str:
        return self._ask(ring.keys, {**self._of(ring), "InputType": "dtmf", "Digits": digit})

    def tell_ring(self, ring: Ring) -> None:
        back = {"ringing": "ring_url", "in-progress": "", "initiated": ""}.get(ring.status, "hangup_url")
        if back and ring.options.get(back):
            form = self._of(ring)
            if ring.options.get("machine"):
                form["Machine"] = "true"
            self._tell(ring.options[back], form)

    def tell_machine(self, ring: Ring, *, machine: bool) -> None:
        if machine and ring.options.get("machine_detection_url"):
            ring.options = {**ring.options, "machine": True}
            form = {**self._of(ring), "Machine": "true", "Event": "MachineDetection"}
            self._tell(ring.options["machine_detection_url"], form)

    def _of(self, ring: Ring) -> dict[str, str]:
        known = {"RequestUUID": ring.sid, "CallUUID": str(ring.options["uuid"]), "CallStatus": ring.status}
        return {**known, "From": ring.from_[1:], "To": ring.to[1:], "Direction": "outbound"}

    def _ask(self, url: str, form: Mapping[str, str]) -> str:
        return self.ask(url, form, _signed_v3(url, form))

    def _tell(self, url: str, form: Mapping[str, str]) -> None:
        self.in_turn(self.call_back(url, form=form, headers=_signed_v3(url, form)))


def _signed_v3(url: str, form: Mapping[str, str]) -> dict[str, str]:
    """https://docs.plivo.com/docs/voice/xml/request/validation, for a POST with fields."""
    parts, nonce = urlsplit(url), ids.hex_key(20)
    asked = f"{parts.query}." if parts.query else ""
    said = f"{parts.scheme}://{parts.netloc}{parts.path}?{asked}"
    said += "".join(name + form[name] for name in sorted(form))
    return {"x-plivo-signature-v3": _hmac(f"{said}.{nonce}"), "x-plivo-signature-v3-nonce": nonce}


def _signed_v2(url: str) -> dict[str, str]:
    """https://docs.plivo.com/docs/messaging/concepts/signature-validation"""
    parts, nonce = urlsplit(url), ids.hex_key(20)
    said = f"{parts.scheme}://{parts.netloc}{parts.path}{nonce}"
    return {"x-plivo-signature-v2": _hmac(said), "x-plivo-signature-v2-nonce": nonce}


def _hmac(text: str) -> str:
    return base64.b64encode(hmac.new(TOKEN.encode(), text.encode(), hashlib.sha256).digest()).decode()


def _wrong(number: str, name: str) -> Reply | None:
    if number.isdigit() and len(number) > 6:  # noqa: PLR2004 - the shortest number
        return None
    return Reply(400, {"api_id": ids.new_id(), "error": f"{name} parameter is invalid"})


def _found(rows: list[dict[str, Any]], sid: str, name: str) -> Reply:
    if not sid:
        meta = {"limit": 20, "offset": 0, "total_count": len(rows), "next": None, "previous": None}
        return Reply(200, {"api_id": ids.new_id(), "meta": meta, "objects": rows})
    one = next((row for row in rows if row[name] == sid), None)
    return Reply(200, {"api_id": ids.new_id(), **one}) if one else Reply(404, {"error": "not found"})


def _message(text: Text) -> dict[str, Any]:
    return {
        "message_uuid": text.sid,
        "to_number": text.to[1:],
        "from_number": text.from_[1:],
        "message_state": text.status,
        "message_type": "sms",
        "error_code": _ERRORS.get(text.error, text.error),
    }


def _call(ring: Ring) -> dict[str, Any]:
    known = {"call_uuid": ring.sid, "to_number": ring.to[1:], "from_number": ring.from_[1:]}
    return {**known, "call_state": ring.status, "call_direction": "outbound"}


@click.command()
@click.option("--port", default=8092, show_default=True, help="Where to listen, on loopback.")
@click.option("--tocsin", default="http://127.0.0.1:8080", show_default=True, help="TOCSIN_PUBLIC_URL.")
def main(*, port: int, tocsin: str) -> None:
    """Plivo for a rehearsal: takes calls and texts, and shows them on a page where keys are pressed."""
    with Plivo(port, tocsin) as company:
        rehearse(company, company.environment)


if __name__ == "__main__":
    main()
