"""Twilio, https://www.twilio.com/docs: SMS by `Messages.json`, calls by `Calls.json` with the TwiML in it, so
that a call speaks also while we do not answer.

Twilio has no idempotency keys: our key is in the address that each status is reported to.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from tocsin.adapters.twilio import twiml
from tocsin.lib import clock, http, signing
from tocsin.ports import receipts
from tocsin.ports.channel import Receipt
from tocsin.ports.telephony import Account, Script

VENDOR: Final = "twilio"
PURPOSE: Final = "twilio-call"
_SCRIPT_HOLDS: Final = timedelta(hours=2)
_TIMEOUT_S: Final = 4.5  # two carriers fit into the ten seconds of a channel
_RINGS_S: Final = 30  # most mailboxes answer by then
_SERVER_ERROR: Final = 500
_TOO_MANY: Final = 429
_NOT_US: Final = frozenset({401, 403})  # credentials can be mended while the message waits

# Of the number itself, https://www.twilio.com/docs/api/errors: not valid (21211, 21217), of somebody who
# answered STOP (21610), not a mobile (21614), a landline (21635).
_BOUNCED: Final = frozenset({21211, 21217, 21610, 21614, 21635})


class TwilioCarrier:
    """`back`: our public address, "" where Twilio cannot reach it: then nothing is told back."""

    vendor = VENDOR

    def __init__(self, client: http.Client, account: Account, back: str) -> None:
        self._client, self._account = client, account
        self._base = f"{account.api_url.rstrip('/')}/2010-04-01/Accounts/{account.user}"
        self.sms_from, self.voice_from = account.sms_from, account.voice_from
        self._back = f"{back.rstrip('/')}/callbacks/{VENDOR}" if back else ""
        self.hears = bool(back)

    @property
    def ready(self) -> str:
        return "" if self._account.user and self._account.token else "Twilio is not set up"

    def text(self, key: str, to: str, text: str) -> Receipt:
        # A messaging service picks the number itself.
        sender = "MessagingServiceSid" if self.sms_from.startswith("MG") else "From"
        form = {"To": to, sender: self.sms_from, "Body": text}
        if self._back:
            form["StatusCallback"] = f"{self._back}/message?{urlencode({'key': key})}"
        return self._post("Messages.json", form)

    def call(self, key: str, to: str, script: Script) -> Receipt:
        form = {"To": to, "From": self.voice_from, "Timeout": str(_RINGS_S)}
        if self._back:
            ours = urlencode({"key": key})
            form |= {
                "StatusCallback": f"{self._back}/call?{ours}",
                "MachineDetection": "Enable",
                # Beside the call: somebody who was woken must not hear silence first.
                "AsyncAmd": "true",
                "AsyncAmdStatusCallback": f"{self._back}/machine?{ours}",
            }
        form["Twiml"] = twiml.document(script, self._keys(key, script, clock.now()))
        events = ("initiated", "ringing", "answered", "completed")
        more = tuple(("StatusCallbackEvent", event) for event in events) if self._back else ()
        return self._post("Calls.json", form, more)

    def _keys(self, key: str, script: Script, now: datetime) -> str:
        """Where pressed keys go. The address carries the whole script: it can be said again."""
        if not self._back or not script.choices:
            return ""
        token = signing.sign(PURPOSE, script.packed(key), now + _SCRIPT_HOLDS)
        return f"{self._back}/keys?{urlencode({'s': token})}"

    def _post(self, path: str, form: Mapping[str, str], more: tuple[tuple[str, str], ...] = ()) -> Receipt:
        try:
            answer = self._client.post(
                f"{self._base}/{path}",
                content=urlencode((*form.items(), *more)).encode(),
                headers={"content-type": "application/x-www-form-urlencoded"},
                auth=(self._account.user, self._account.token),
                timeout_s=_TIMEOUT_S,
            )
        except http.TimedOutError:
            return receipts.later(VENDOR, "no answer in time; whether it left is not known")
        except http.HttpError as error:
            return receipts.later(VENDOR, str(error))
        return _receipt(answer)


def _receipt(answer: http.Response) -> Receipt:
    said = _document(answer)
    if answer.ok:
        return receipts.sent(VENDOR, str(said.get("sid", "")), str(said.get("status", "taken")))
    code = said.get("code") or answer.status
    detail = f"{code} {said.get('message') or 'no further word'}"
    if answer.status == _TOO_MANY:
        return receipts.later(VENDOR, detail, answer.retry_after_s)
    if code in _BOUNCED:
        return receipts.bounced(VENDOR, detail)
    if answer.status >= _SERVER_ERROR or answer.status in _NOT_US:
        return receipts.later(VENDOR, detail)
    # The account may not: this region, this sender, this much. Another one may.
    return receipts.not_set_up(VENDOR, detail)


def _document(answer: http.Response) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except http.HttpError:
        return {}
    return found if isinstance(found, dict) else {}
