"""What Plivo says back, under `/callbacks/plivo/`:

message/<key>   how an SMS fares       https://docs.plivo.com/docs/messaging/api/message/message-status-callbacks
call/<key>      how a call fares       https://docs.plivo.com/docs/voice/api/call/make-a-call
machine/<key>   a machine answered it  https://docs.plivo.com/docs/voice/api/call/machine-detection
say             what is to be said     https://docs.plivo.com/docs/voice/xml
keys            a key was pressed
sms             somebody wrote         https://docs.plivo.com/docs/messaging/api/message

Signed: of calls with V3 (address and fields), of messages with V2 (the address without its query, so that of
those the fields are as safe as the TLS that they came by).
https://docs.plivo.com/docs/messaging/concepts/signature-validation
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from tocsin.adapters.plivo import markup
from tocsin.adapters.plivo.carrier import PURPOSE, VENDOR
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
    "queued": Fate.QUEUED,
    "sent": Fate.SENT,
    "delivered": Fate.DELIVERED,
    "read": Fate.READ,
    "undelivered": Fate.FAILED,
    "failed": Fate.FAILED,
    "rejected": Fate.FAILED,
}
_CALL: Final = {
    "ringing": Fate.SENT,
    "in-progress": Fate.SENT,
    "completed": Fate.DELIVERED,
    "busy": Fate.FAILED,
    "no-answer": Fate.FAILED,
    "timeout": Fate.FAILED,
    "cancel": Fate.FAILED,
    "failed": Fate.FAILED,
}
_WORDS: Final = {"busy": "the line was busy", "no-answer": "nobody answered", "timeout": "nobody answered"}
# https://www.plivo.com/docs/messaging/troubleshooting/error-codes: invalid, gone for good, answered STOP.
_BOUNCED: Final = frozenset({"50", "70", "200"})
_OPT_OUT: Final = frozenset(
    {"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "start", "unstop", "yes"}
)


class PlivoHook:
    vendor = VENDOR

    def __init__(self, token: str) -> None:
        self._token = token

    def hear(self, request: CallbackRequest) -> Sequence[Heard]:
        self._check(request)
        form = dict(request.form)
        what, _, key = request.path.partition("/")
        if what == "message":
            return (_of_message(form, key),)
        if what in {"call", "machine"}:
            return (_of_call(what, form, key),)
        if what == "say":
            return (Progress(_call_uuid(form), Fate.DELIVERED, "answered", str(_call_of(request)["k"])),)
        if what == "keys":
            return _keys(request, form)
        if what == "sms":
            number, name = f"+{_needed(form, 'From').lstrip('+')}", f"{VENDOR}:{_needed(form, 'MessageUUID')}"
            return (Answer("sms", number, Deed.WORDS, text=form.get("Text", ""), id=name),)
        raise Invalid(FieldError("path", f"Plivo is not heard at “{request.path}”."))

    def reply(self, request: CallbackRequest, said: Sequence[str]) -> Reply:
        words, form = " ".join(text for text in said if text), dict(request.form)
        if request.path == "sms":
            # To these Plivo answers itself.
            theirs = form.get("Text", "").strip().lower() in _OPT_OUT
            return Reply(200, _XML, markup.message(form["From"], form.get("To", ""), "" if theirs else words))
        if request.path == "keys" and _key_of(request) is not None:
            return Reply(200, _XML, markup.said(words or "Goodbye."))
        if request.path in {"say", "keys"}:
            wrong = request.path == "keys" and form.get("Digits") != AGAIN
            keys = request.url.replace("/callbacks/plivo/say?", "/callbacks/plivo/keys?", 1)
            first = "This key does nothing here." if wrong else ""
            return Reply(200, _XML, markup.document(Script.unpacked(_call_of(request)), keys, first))
        return Reply(204)

    def _check(self, request: CallbackRequest) -> None:
        headers = request.headers
        # The lesser signature is good for what has no other: it covers no field, and so no key pressed.
        of_message = request.path.partition("/")[0] in {"message", "sms"}
        if nonce := headers.get("x-plivo-signature-v3-nonce", ""):
            made = signature_v3(self._token, request.method, request.url, request.form, nonce)
            given = headers.get("x-plivo-signature-v3", ""), headers.get("x-plivo-signature-ma-v3", "")
        elif of_message and (nonce := headers.get("x-plivo-signature-v2-nonce", "")):
            made = signature_v2(self._token, request.url, nonce)
            given = headers.get("x-plivo-signature-v2", ""), headers.get("x-plivo-signature-ma-v2", "")
        else:
            raise BadSignatureError("there is no X-Plivo-Signature-V3 nor -V2")
        each = [one.strip() for several in given for one in several.split(",")]
        if not any(signing.same(one, made) for one in each):
            raise BadSignatureError("the signature does not fit: is TOCSIN_PUBLIC_URL what Plivo calls?")


def signature_v3(token: str, method: str, url: str, form: Sequence[tuple[str, str]], nonce: str) -> str:
    """HMAC-SHA-256 of the address with its query in order, the fields in order, and the nonce.

    As the vendor's own SDK does it: https://github.com/plivo/plivo-python, `plivo/utils/signature_v3.py`.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if method == "GET":
        query |= dict(form)
    said = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
    fields = "" if method == "GET" else "".join(f"{name}{value}" for name, value in sorted(form))
    asked = "&".join(f"{name}={value}" for name, value in sorted(query.items()))
    if asked or fields:
        said += f"?{asked}"
    if asked and fields:
        said += "."
    return _hmac(token, f"{said}{fields}.{nonce}")


def signature_v2(token: str, url: str, nonce: str) -> str:
    """HMAC-SHA-256 of the address without its query, and the nonce."""
    parts = urlsplit(url)
    return _hmac(token, urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")) + nonce)


def _hmac(token: str, text: str) -> str:
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha256).digest()).decode()


def _of_message(form: Mapping[str, str], key: str) -> Progress:
    status = _needed(form, "Status")
    fate, code = _SMS.get(status, Fate.QUEUED), form.get("ErrorCode", "")
    if fate is Fate.FAILED and code in _BOUNCED:
        fate = Fate.BOUNCED
    return Progress(_needed(form, "MessageUUID"), fate, f"{status} {code}".strip(), key)


def _of_call(what: str, form: Mapping[str, str], key: str) -> Progress:
    status = form.get("CallStatus", "")
    if form.get("Machine") == "true":
        # It was told, but nobody heard.
        return Progress(_call_uuid(form), Fate.FAILED, "a voice mailbox answered, not a person", key)
    if what == "machine":
        return Progress(_call_uuid(form), Fate.DELIVERED, "answered", key)
    cause = form.get("HangupCauseName", "") if status == "failed" else ""
    detail = " ".join(word for word in (_WORDS.get(status, status), cause) if word)
    return Progress(_call_uuid(form), _CALL.get(status, Fate.QUEUED), detail, key)


def _keys(request: CallbackRequest, form: Mapping[str, str]) -> Sequence[Heard]:
    key, deed = str(_call_of(request)["k"]), _key_of(request)
    if deed is None:
        return ()
    call, digit = _call_uuid(form), form["Digits"]
    number, name = f"+{form.get('To', '').lstrip('+')}", f"{VENDOR}:{call}:{digit}"
    return (
        Progress(call, Fate.READ, f"key {digit} was pressed", key),
        Answer("voice", number, deed, key=key, id=name),
    )


def _key_of(request: CallbackRequest) -> Deed | None:
    deed = Script.unpacked(_call_of(request)).chosen(dict(request.form).get("Digits", ""))
    return Deed(deed) if deed else None


def _call_of(request: CallbackRequest) -> Mapping[str, object]:
    try:
        found: Mapping[str, object] = signing.verify(PURPOSE, request.query.get("s", ""), request.now)
    except signing.BadSignature as error:
        raise BadSignatureError(f"this call is not known: {error}") from error
    return found


def _call_uuid(form: Mapping[str, str]) -> str:
    """What `Call/` answered with; Plivo has another name for it once it is under way."""
    return form.get("RequestUUID") or form.get("ALegRequestUUID") or _needed(form, "CallUUID")


def _needed(form: Mapping[str, str], name: str) -> str:
    if not form.get(name):
        raise Invalid(FieldError(name, "is missing"))
    return form[name]
