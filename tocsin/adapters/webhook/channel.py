"""A signed POST to a URL of a person's or a team's own.

The body is JSON:

    {"id": "…", "kind": "page", "urgency": "high", "headline": "…", "lines": ["…"], "thread": "incident-7",
     "to": {"name": "Alice", "address": "https://…"},
     "incident": {"id": 7, "ref": "INC-7", "title": "…", "severity": "SEV2", "service": "checkout",
                  "summary": "…", "alerts": 1},
     "actions": [{"name": "acknowledge", "label": "Acknowledge", "url": "https://…"}]}

`Idempotency-Key` is `id`: the same message has the same one on every attempt. `X-Tocsin-Signature` is
`t=<Unix seconds>,v1=<hex HMAC-SHA-256 of "<t>." + body>` with the secret of the contact method; a receiver
checks it over the raw bytes and refuses a `t` that is more than five minutes off. Any 2xx is success; 408,
425, 429 and 5xx are tried again, honouring Retry-After; anything else is final.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from tocsin.domain.errors import FieldError, Invalid
from tocsin.lib import clock, http, signing
from tocsin.ports.channel import ADDRESS, Abilities, FieldSpec, Message, Receipt, Result, StillWanted

_TIMEOUT_S = 8.0
_LONGEST_URL = 500
_AGAIN = frozenset({408, 425, 429})
_SERVER_ERROR = 500


class WebhookChannel:
    type = "webhook"
    title = "Webhook"
    fields: Sequence[FieldSpec] = (
        FieldSpec(
            "secret",
            "Signing secret",
            "Each request carries an HMAC-SHA-256 made with it. Empty: unsigned.",
            secret=True,
            required=False,
        ),
    )
    counts = True
    abilities = Abilities(rooms=True)
    address = replace(ADDRESS, private=True)  # many of these are keys to where they lead

    def __init__(self, client: http.Client) -> None:
        self._client = client

    @property
    def ready(self) -> str:
        return ""

    def check_address(self, address: str) -> str:
        address = address.strip()
        try:
            parts = urlsplit(address)
            fine = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            fine = False
        if not fine or len(address) > _LONGEST_URL or any(c.isspace() for c in address):
            raise Invalid(FieldError("address", "Expected an http or https URL."))
        try:
            http.check_host(str(parts.hostname))
        except http.RefusedError as error:
            raise Invalid(FieldError("address", str(error))) from None
        return address

    def send(self, message: Message, still_wanted: StillWanted) -> Receipt:
        body = json.dumps(document(message), ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"content-type": "application/json", "idempotency-key": message.key}
        if secret := message.config.get("secret"):
            at = int(clock.now().timestamp())
            headers["x-tocsin-signature"] = f"t={at},v1={signing.body_signature(secret, body, at)}"
        if not still_wanted():
            return Receipt(Result.WITHDRAWN, "no longer wanted")
        try:
            answer = self._client.post(message.address, content=body, headers=headers, timeout_s=_TIMEOUT_S)
        except http.RefusedError as error:
            return Receipt(Result.FAILED, str(error))
        except http.HttpError as error:
            return Receipt(Result.RETRY, str(error))
        detail = f"HTTP {answer.status}"
        if answer.ok:
            return Receipt(Result.SENT, detail)
        if answer.status in _AGAIN or answer.status >= _SERVER_ERROR:
            return Receipt(Result.RETRY, detail, retry_after_s=answer.retry_after_s)
        return Receipt(Result.FAILED, detail)


def document(message: Message) -> dict[str, Any]:
    subject = message.subject
    return {
        "id": message.key,
        "kind": str(message.kind),
        "urgency": str(message.urgency),
        "headline": message.headline,
        "lines": list(message.lines),
        "thread": message.thread,
        "to": {"name": message.recipient, "address": message.address},
        "incident": {
            "id": subject.incident_id,
            "ref": subject.ref,
            "title": subject.title,
            "severity": str(subject.severity),
            "service": subject.service,
            "summary": subject.summary,
            "alerts": subject.alerts,
        },
        "actions": [{"name": a.name, "label": a.label, "url": a.url} for a in message.actions],
    }
