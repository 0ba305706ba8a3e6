"""Microsoft Teams, by a person's or a channel's own workflow “When a Teams webhook request is received”.

Teams lets nobody write to a person but its own apps, which each organisation would have to install; a
workflow is what a person can make in a minute. Its address is a secret: whoever has it can post there. The
workflow answers 202 before it posts, and says nothing of what became of the message; a repeated one appears
twice.
"""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from tocsin.adapters.teams.card import card
from tocsin.domain.errors import FieldError, Invalid
from tocsin.lib import http
from tocsin.ports import receipts
from tocsin.ports.channel import Abilities, FieldSpec, Message, Receipt, StillWanted

VENDOR: Final = "teams"
_TIMEOUT_S: Final = 8.0
_LONGEST: Final = 500
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_GONE: Final = {
    400: "the workflow does not take requests; turn it on, or make a new one",
    401: "the address is not valid any more; copy it anew from the workflow",
    404: "there is no such workflow any more",
    410: "there is no such workflow any more",
}
_FORBIDDEN: Final = 403
_TOO_LARGE: Final = 413


class TeamsChannel:
    type = "teams"
    title = "Microsoft Teams"
    fields: Sequence[FieldSpec] = ()
    counts = True
    abilities = Abilities(rooms=True)
    address = FieldSpec(
        "address",
        "Workflow address",
        "The URL of your workflow “When a Teams webhook request is received”, posting to a chat of your own.",
        secret=True,
        kind="url",
        placeholder="https://….api.powerplatform.com/…",
    )
    ready = ""

    def __init__(self, client: http.Client) -> None:
        self._client = client

    def check_address(self, address: str) -> str:
        address = address.strip()
        try:
            parts = urlsplit(address)
            host, port_fine = parts.hostname or "", parts.port != 0
        except ValueError:
            host, port_fine = "", False
        secure = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK) if host else False
        if not secure or not port_fine or any(c.isspace() for c in address):
            raise Invalid(FieldError("address", "Expected the https address that the workflow shows."))
        if len(address) > _LONGEST:
            raise Invalid(FieldError("address", f"At most {_LONGEST} characters."))
        if host.endswith((".webhook.office.com", "outlook.office.com")):
            problem = "Microsoft has retired connectors (webhook.office.com); make a workflow instead."
            raise Invalid(FieldError("address", problem))
        return address

    def send(self, message: Message, still_wanted: StillWanted) -> Receipt:
        document: dict[str, Any] = {
            "type": "message",
            "attachments": [
                {
                    "contentType": "application/vnd.microsoft.card.adaptive",
                    "contentUrl": None,
                    "content": card(message),
                }
            ],
        }
        if not still_wanted():
            return receipts.WITHDRAWN
        try:
            answer = self._client.post(message.address, json=document, timeout_s=_TIMEOUT_S)
        except http.HttpError as error:
            return receipts.unanswered(error, VENDOR, refused=isinstance(error, http.RefusedError))
        if answer.ok:
            run = answer.headers.get("x-ms-workflow-run-id", "")
            return receipts.sent(VENDOR, run, "Teams' workflow took it")
        said = f"Teams says HTTP {answer.status}"
        if words := _GONE.get(answer.status):
            # 400 is also said of a card it cannot read, so that alone does not disable the address.
            closed = answer.status != 400 or "NotEnabled" in answer.text  # noqa: PLR2004 - as in _GONE
            give = receipts.bounced if closed else receipts.refused
            return give(VENDOR, f"{said}: {words}")
        if answer.status == _FORBIDDEN:
            return receipts.refused(VENDOR, f"{said}: the workflow must be open to anyone with its address")
        if answer.status == _TOO_LARGE:
            return receipts.refused(VENDOR, f"{said}: the message is too long")
        return receipts.by_status(VENDOR, answer.status, said, answer.retry_after_s)
