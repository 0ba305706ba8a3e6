"""Plivo, https://docs.plivo.com: SMS by `Message/`, calls by `Call/`. What a call says is fetched from us
once it is answered; its address carries the whole script, so that this needs no database.

Plivo has no idempotency keys: our key is in the address that each status is reported to. As signatures of its
messages leave the query out (V2), it stands in the path.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote

from tocsin.lib import clock, http, signing
from tocsin.ports import receipts
from tocsin.ports.channel import Receipt
from tocsin.ports.telephony import Account, Script

VENDOR: Final = "plivo"
PURPOSE: Final = "plivo-call"
_SCRIPT_HOLDS: Final = timedelta(hours=2)
_TIMEOUT_S: Final = 4.5  # two carriers fit into the ten seconds of a channel
_RINGS_S: Final = 30  # most mailboxes answer by then
_SERVER_ERROR: Final = 500
_TOO_MANY: Final = 429
_NOT_US: Final = frozenset({401, 403})  # credentials can be mended while the message waits
_BAD: Final = 400


class PlivoCarrier:
    """`back`: our public address, "" where Plivo cannot reach it: then nothing is told back, and no call can
    be made, as Plivo asks there what to say.
    """

    vendor = VENDOR

    def __init__(self, client: http.Client, account: Account, back: str) -> None:
        self._client, self._account = client, account
        self._base = f"{account.api_url.rstrip('/')}/v1/Account/{account.user}"
        self.sms_from, self.voice_from = account.sms_from, account.voice_from if back else ""
        self._back = f"{back.rstrip('/')}/callbacks/{VENDOR}" if back else ""
        self.hears = bool(back)

    @property
    def ready(self) -> str:
        return "" if self._account.user and self._account.token else "Plivo is not set up"

    def text(self, key: str, to: str, text: str) -> Receipt:
        document = {"src": _bare(self.sms_from), "dst": _bare(to), "text": text}
        if self._back:
            document |= {"url": f"{self._back}/message/{quote(key, safe='')}", "method": "POST"}
        return self._post("Message/", document, "message_uuid")

    def call(self, key: str, to: str, script: Script) -> Receipt:
        token = signing.sign(PURPOSE, script.packed(key), clock.now() + _SCRIPT_HOLDS)
        ours = quote(key, safe="")
        document = {
            "from": _bare(self.voice_from),
            "to": _bare(to),
            "answer_url": f"{self._back}/say?s={token}",
            "ring_url": f"{self._back}/call/{ours}",
            "hangup_url": f"{self._back}/call/{ours}",
            "ring_timeout": _RINGS_S,
            # Beside the call: somebody who was woken must not hear silence first.
            "machine_detection": "true",
            "machine_detection_url": f"{self._back}/machine/{ours}",
        }
        return self._post("Call/", document, "request_uuid")

    def _post(self, path: str, document: Mapping[str, Any], ref: str) -> Receipt:
        try:
            answer = self._client.post(
                f"{self._base}/{path}",
                json=document,
                auth=(self._account.user, self._account.token),
                timeout_s=_TIMEOUT_S,
            )
        except http.TimedOutError:
            return receipts.later(VENDOR, "no answer in time; whether it left is not known")
        except http.HttpError as error:
            return receipts.later(VENDOR, str(error))
        return _receipt(answer, ref)


def _receipt(answer: http.Response, ref: str) -> Receipt:
    said = _document(answer)
    if answer.ok:
        found = said.get(ref, "")
        return receipts.sent(
            VENDOR,
            str(found[0] if isinstance(found, list) and found else found),
            str(said.get("message", "taken")),
        )
    why = str(said.get("error") or "no further word")
    detail = f"{answer.status} {why}"
    if answer.status == _TOO_MANY:
        return receipts.later(VENDOR, detail, answer.retry_after_s)
    if answer.status >= _SERVER_ERROR or answer.status in _NOT_US:
        return receipts.later(VENDOR, detail)
    # Errors have words only, no codes: of the destination, or of the account.
    if (
        answer.status == _BAD
        and ("dst" in why or "'to'" in why or "destination" in why)
        and "invalid" in why.lower()
    ):
        return receipts.bounced(VENDOR, detail)
    return receipts.not_set_up(VENDOR, detail)


def _document(answer: http.Response) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except http.HttpError:
        return {}
    return found if isinstance(found, dict) else {}


def _bare(number: str) -> str:
    """Plivo writes numbers without +."""
    return number.removeprefix("+")
