"""What Twilio says back, under `/callbacks/twilio/`:

message  how an SMS fares           https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
call     how a call fares           https://www.twilio.com/docs/voice/api/call-resource
machine  who answered it            https://www.twilio.com/docs/voice/answering-machine-detection
keys     a key was pressed          https://www.twilio.com/docs/voice/twiml/gather
sms      somebody wrote             https://www.twilio.com/docs/messaging/guides/webhook-request

Signed: https://www.twilio.com/docs/usage/security
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from tocsin.adapters.twilio import twiml
from tocsin.adapters.twilio.carrier import PURPOSE, VENDOR
from tocsin.domain.errors import FieldError, Invalid
from tocsin.lib import signing
from tocsin.ports.callback import (
    Answer,
    BadSignatureError,
    CallbackRequest,
    Deed,
    Fate,
    Heard,
    Progress,
    Reply,
)
from tocsin.ports.telephony import AGAIN, Script

_XML: Final = "text/xml; charset=utf-8"
_SMS: Final = {
    "accepted": Fate.QUEUED,
    "scheduled": Fate.QUEUED,
    "queued": Fate.QUEUED,
    "sending": Fate.QUEUED,
    "sent": Fate.SENT,
    "delivered": Fate.DELIVERED,
    "read": Fate.READ,
    "undelivered": Fate.FAILED,
    "failed": Fate.FAILED,
    "canceled": Fate.FAILED,
}
_CALL: Final = {
    "queued": Fate.QUEUED,
    "initiated": Fate.QUEUED,
    "ringing": Fate.SENT,
    "in-progress": Fate.SENT,  # answered: by whom is said by `machine`, some seconds later
    "answered": Fate.SENT,
    "completed": Fate.DELIVERED,
    "busy": Fate.FAILED,
    "no-answer": Fate.FAILED,
    "failed": Fate.FAILED,
    "canceled": Fate.FAILED,
}
_WORDS: Final = {"busy": "the line was busy", "no-answer": "nobody answered", "in-progress": "answered"}
# https://www.twilio.com/docs/api/errors: opted out; unknown handset, landline.
_BOUNCED: Final = frozenset({"21610", "30005", "30006"})
_OPT_OUT: Final = frozenset(
    {"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "optout", "revoke", "start", "unstop", "yes"}
)
_MACHINES: Final = ("machine", "fax")


class TwilioHook:
    vendor = VENDOR

    def __init__(self, token: str) -> None:
        self._token = token

    def hear(self, request: CallbackRequest) -> Sequence[Heard]:
        self._check(request)
        form = dict(request.form)
        if request.path == "message":
            return (_of_message(request, form),)
        if request.path in {"call", "machine"}:
            return (_of_call(request, form),)
        if request.path == "keys":
            return _keys(request, form)
        if request.path == "sms":
            text, number = form.get("Body", ""), _needed(form, "From")
            name = f"{VENDOR}:{_needed(form, 'MessageSid')}"
            return (Answer("sms", number, Deed.WORDS, text=text, id=name),)
        raise Invalid(FieldError("path", f"Twilio is not heard at “{request.path}”."))

    def reply(self, request: CallbackRequest, said: Sequence[str]) -> Reply:
        words = " ".join(text for text in said if text)
        if request.path == "sms":
            body = dict(request.form)
            # To these Twilio answers itself, and lets no other answer through.
            theirs = body.get("OptOutType") or body.get("Body", "").strip().lower() in _OPT_OUT
            return Reply(200, _XML, twiml.message("" if theirs else words))
        if request.path == "keys":
            if _key_of(request) is not None:
                return Reply(200, _XML, twiml.said(words or "Goodbye."))
            return Reply(200, _XML, self._again(request))
        return Reply(204)

    def _again(self, request: CallbackRequest) -> str:
        script = Script.unpacked(_call_of(request))
        asked = dict(request.form).get("Digits") == AGAIN
        return twiml.document(script, request.url, "" if asked else "This key does nothing here.")

    def _check(self, request: CallbackRequest) -> None:
        given = request.headers.get("x-twilio-signature", "")
        if not given:
            raise BadSignatureError("there is no X-Twilio-Signature")
        if not any(
            signing.same(given, signature(self._token, url, request.form)) for url in _urls(request.url)
        ):
            raise BadSignatureError(
                "X-Twilio-Signature does not fit: is TOCSIN_PUBLIC_URL what Twilio calls?"
            )


def signature(token: str, url: str, form: Sequence[tuple[str, str]]) -> str:
    """HMAC-SHA-1 of the address and of the fields in their order, each value of a field once."""
    said = url + "".join(f"{name}{value}" for name, value in sorted(set(form)))
    return base64.b64encode(hmac.new(token.encode(), said.encode(), hashlib.sha1).digest()).decode()


def _urls(url: str) -> tuple[str, str]:
    """Without and with the port: Twilio signs sometimes the one, sometimes the other."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    rest = (parts.path, parts.query, "")
    return urlunsplit((parts.scheme, host, *rest)), urlunsplit((parts.scheme, f"{host}:{port}", *rest))


def _of_message(request: CallbackRequest, form: Mapping[str, str]) -> Progress:
    status = _needed(form, "MessageStatus")
    fate, code = _SMS.get(status, Fate.QUEUED), form.get("ErrorCode", "")
    if fate is Fate.FAILED and code in _BOUNCED:
        fate = Fate.BOUNCED
    detail = " ".join(word for word in (status, code, form.get("ErrorMessage", "")) if word)
    return Progress(_needed(form, "MessageSid"), fate, detail, request.query.get("key", ""))


def _of_call(request: CallbackRequest, form: Mapping[str, str]) -> Progress:
    status, by = form.get("CallStatus", ""), form.get("AnsweredBy", "")
    fate = _CALL.get(status, Fate.QUEUED)
    if request.path == "machine":
        fate, status = Fate.DELIVERED, "answered"
    detail = _WORDS.get(status, status)
    if by.startswith(_MACHINES):
        # It was told, but nobody heard.
        fate, detail = Fate.FAILED, "a voice mailbox answered, not a person"
    return Progress(_needed(form, "CallSid"), fate, detail, request.query.get("key", ""))


def _keys(request: CallbackRequest, form: Mapping[str, str]) -> Sequence[Heard]:
    found = _call_of(request)
    deed = _key_of(request)
    if deed is None:
        return ()
    call, digit, key = _needed(form, "CallSid"), form["Digits"], str(found["k"])
    name = f"{VENDOR}:{call}:{digit}"
    answer = Answer("voice", form.get("To", ""), deed, key=key, id=name)
    return (Progress(call, Fate.READ, f"key {digit} was pressed", key), answer)


def _key_of(request: CallbackRequest) -> Deed | None:
    deed = Script.unpacked(_call_of(request)).chosen(dict(request.form).get("Digits", ""))
    return Deed(deed) if deed else None


def _call_of(request: CallbackRequest) -> Mapping[str, object]:
    try:
        found: Mapping[str, object] = signing.verify(PURPOSE, request.query.get("s", ""), request.now)
    except signing.BadSignature as error:
        raise BadSignatureError(f"this call is not known: {error}") from error
    return found


def _needed(form: Mapping[str, str], name: str) -> str:
    if not form.get(name):
        raise Invalid(FieldError(name, "is missing"))
    return form[name]
