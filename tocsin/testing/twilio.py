"""A stand-in for Twilio: `Messages.json` and `Calls.json` as its own SDK uses them, signed callbacks, and
phones to answer on (`tocsin.testing.exchange`). Faults: `company.faults` (`tocsin.testing.faults`).

For a rehearsal of your own: `python -m tocsin.testing.twilio --tocsin http://127.0.0.1:8080`.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import click

from tocsin.lib import ids
from tocsin.testing.exchange import Exchange, Phone, Ring, Text, rehearse
from tocsin.testing.faults import Status
from tocsin.testing.server import Call, Reply

ACCOUNT = "AC" + "0" * 32
TOKEN = "a-token-of-the-stand-in"  # noqa: S105 - of a stand-in
_SOON_S = 5
_NOT_FOUND = {"code": 20404, "message": "The requested resource was not found", "status": 404}
_WORDS = {
    401: (20003, "Authenticate"),
    403: (20003, "Permission denied"),
    429: (20429, "Too Many Requests"),
    500: (20500, "Internal Server Error"),
    503: (20503, "Service unavailable"),
}


class Twilio(Exchange):
    number = "+15550000001"
    title = "Twilio"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "TOCSIN_TWILIO_ACCOUNT_SID": ACCOUNT,
            "TOCSIN_TWILIO_AUTH_TOKEN": TOKEN,
            "TOCSIN_TWILIO_FROM": self.number,
            "TOCSIN_TWILIO_API_URL": self.url,
        }

    def refusal(self, status: Status) -> Any:
        code, message = _WORDS.get(status.code, (0, ""))
        return {"code": code, "message": message, "status": status.code}

    def handle(self, call: Call) -> Reply:
        if (reply := self.by_hand(call)) is not None:
            return reply
        expected = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if call.headers.get("authorization") != f"Basic {expected}":
            return Reply(401, self.refusal(Status(401)))
        base = f"/2010-04-01/Accounts/{ACCOUNT}"
        if call.path == f"{base}.json":
            return Reply(200, {"sid": ACCOUNT, "status": "active", "friendly_name": "The stand-in"})
        what, _, sid = call.path.removeprefix(f"{base}/").removesuffix(".json").partition("/")
        if what == "Messages":
            return self._messages(call, sid)
        return self._calls(call, sid) if what == "Calls" else Reply(404, _NOT_FOUND)

    # ---- SMS ----

    def _messages(self, call: Call, sid: str) -> Reply:
        if call.method == "GET":
            mine = [one for one in self.texts if one.sid and one.to == call.query.get("To", one.to)]
            return _found([_message(one) for one in mine], sid, "messages")
        form = call.form
        if (wrong := _wrong(form, ("Body",))) is not None:
            return wrong
        sender = form.get("From") or form.get("MessagingServiceSid", "")
        text = Text(
            f"SM{ids.hex_key(32)}", form["To"], sender, form["Body"], back=form.get("StatusCallback", "")
        )
        made = _message(text)
        self.deliver(text)
        return Reply(201, made)

    def tell_text(self, text: Text) -> None:
        form = {"MessageSid": text.sid, "SmsSid": text.sid, "MessageStatus": text.status, "To": text.to}
        form |= {"From": text.from_, "AccountSid": ACCOUNT, "ApiVersion": "2010-04-01"}
        self._tell(text.back, {**form, "ErrorCode": text.error} if text.error else form)

    def written_document(self, phone: Phone, text: str) -> str:
        url = f"{self.tocsin}/callbacks/twilio/sms"
        form = {"MessageSid": f"SM{ids.hex_key(32)}", "From": phone.number, "To": self.number, "Body": text}
        form |= {"AccountSid": ACCOUNT, "NumMedia": "0"}
        return self.ask(url, form, _signed(url, form))

    # ---- calls ----

    def _calls(self, call: Call, sid: str) -> Reply:
        if call.method == "GET":
            mine = [one for one in self.rings if one.to == call.query.get("To", one.to)]
            return _found([_call(one) for one in mine], sid, "calls")
        form = call.form
        if (wrong := _wrong(form, ("From", "Twiml"))) is not None:
            return wrong
        events = [value for name, value in parse_qsl(call.body.decode()) if name == "StatusCallbackEvent"]
        ring = Ring(
            f"CA{ids.hex_key(32)}", form["To"], form["From"], {**form, "events": events or ["completed"]}
        )
        made = _call(ring)
        self.dial(ring)
        return Reply(201, made)

    def document(self, ring: Ring) -> str:
        return str(ring.options["Twiml"])

    def pressed_document(self, ring: Ring, digit: str) -> str:
        form = {**self._of(ring), "Digits": digit, "msg": "Gather End"}
        return self.ask(ring.keys, form, _signed(ring.keys, form))

    def tell_ring(self, ring: Ring) -> None:
        event = {"in-progress": "answered", "initiated": "initiated", "ringing": "ringing"}.get(
            ring.status, "completed"
        )
        back = ring.options.get("StatusCallback", "")
        if back and event in ring.options["events"]:
            by = ring.options.get("answered_by", "")
            self._tell(back, {**self._of(ring), **({"AnsweredBy": by} if by else {})})

    def tell_machine(self, ring: Ring, *, machine: bool) -> None:
        back = ring.options.get("AsyncAmdStatusCallback", "")
        if back:
            by = "machine_start" if machine else "human"
            ring.options = {**ring.options, "answered_by": by}
            form = {
                "CallSid": ring.sid,
                "AccountSid": ACCOUNT,
                "AnsweredBy": by,
                "MachineDetectionDuration": "4000",
            }
            self._tell(back, form)

    def _of(self, ring: Ring) -> dict[str, str]:
        known = {
            "CallSid": ring.sid,
            "AccountSid": ACCOUNT,
            "CallStatus": ring.status,
            "Direction": "outbound-api",
        }
        return {**known, "From": ring.from_, "To": ring.to, "Called": ring.to, "ApiVersion": "2010-04-01"}

    def _tell(self, url: str, form: Mapping[str, str]) -> None:
        self.in_turn(self.call_back(url, form=form, headers=_signed(url, form)))


def _signed(url: str, form: Mapping[str, str]) -> dict[str, str]:
    """https://www.twilio.com/docs/usage/security"""
    said = url + "".join(name + form[name] for name in sorted(form))
    made = hmac.new(TOKEN.encode(), said.encode(), hashlib.sha1).digest()
    return {"x-twilio-signature": base64.b64encode(made).decode()}


def _wrong(form: Mapping[str, str], needed: tuple[str, ...]) -> Reply | None:
    to = form.get("To", "")
    if not to.startswith("+") or not to[1:].isdigit():
        return _refused(21211, f"The 'To' number {to} is not a valid phone number.")
    if to.endswith("0610"):  # of somebody who answered STOP
        return _refused(21610, "Attempt to send to unsubscribed recipient")
    missing = [name for name in needed if not form.get(name)]
    return _refused(21602, f"{missing[0]} is required.") if missing else None


def _refused(code: int, message: str) -> Reply:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return Reply(400, {"code": code, "message": message, "more_info": more, "status": 400})


def _found(rows: list[dict[str, Any]], sid: str, name: str) -> Reply:
    if not sid:
        return Reply(200, {name: rows, "page": 0, "page_size": len(rows), "next_page_uri": None})
    one = next((row for row in rows if row["sid"] == sid), None)
    return Reply(200, one) if one else Reply(404, _NOT_FOUND)


def _message(text: Text) -> dict[str, Any]:
    return {
        "sid": text.sid,
        "account_sid": ACCOUNT,
        "to": text.to,
        "from": text.from_,
        "body": text.body,
        "status": text.status,
        "error_code": int(text.error) if text.error else None,
        "direction": "outbound-api",
        "num_segments": "1",
    }


def _call(ring: Ring) -> dict[str, Any]:
    return {
        "sid": ring.sid,
        "account_sid": ACCOUNT,
        "to": ring.to,
        "from": ring.from_,
        "status": ring.status,
        "direction": "outbound-api",
    }


@click.command()
@click.option("--port", default=8091, show_default=True, help="Where to listen, on loopback.")
@click.option("--tocsin", default="http://127.0.0.1:8080", show_default=True, help="TOCSIN_PUBLIC_URL.")
def main(*, port: int, tocsin: str) -> None:
    """Twilio for a rehearsal: takes calls and texts, and shows them on a page where keys are pressed."""
    with Twilio(port, tocsin) as company:
        rehearse(company, company.environment)


if __name__ == "__main__":
    main()
