"""Telegram, by the Bot API (https://core.telegram.org/bots/api). A person writes /start to the bot once: bots
may not write first.

The Bot API knows no idempotency key: a message whose answer was lost may appear twice.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from tocsin.adapters.telegram.text import document
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.notification.model import MessageKind
from tocsin.lib import http
from tocsin.ports import receipts
from tocsin.ports.channel import Abilities, FieldSpec, Message, Receipt, StillWanted

VENDOR: Final = "telegram"
_TIMEOUT_S: Final = 8.0
_PERSON: Final = re.compile(r"[1-9]\d{0,19}")
_ROOM: Final = re.compile(r"-[1-9]\d{0,19}|@[A-Za-z]\w{4,31}", re.ASCII)
_BAD, _UNAUTHORISED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY = 400, 401, 403, 404, 429
_NOBODY: Final = ("chat not found", "user not found", "peer_id_invalid", "chat_id is empty")


class TelegramChannel:
    type = "telegram"
    title = "Telegram"
    fields: Sequence[FieldSpec] = ()
    counts = True
    address = FieldSpec(
        "address",
        "Chat ID",
        "Write /start to the bot; it answers with the number of your chat.",
        placeholder="123456789",
    )

    def __init__(self, token: str, api_url: str, *, listens: bool) -> None:
        """`listens`: the bot's updates reach us, so that a button can act right in the chat."""
        self._token, self._listens = token, listens
        self._client = http.client(f"{api_url}/bot{token}", trusted=True)
        self.abilities = Abilities(answers=listens, rooms=True)

    @property
    def ready(self) -> str:
        return "" if self._token else "Telegram is not set up: TOCSIN_TELEGRAM_BOT_TOKEN is missing"

    def check_address(self, address: str) -> str:
        address = address.strip()
        if not _PERSON.fullmatch(address) and not _ROOM.fullmatch(address):
            problem = "Expected the number that the bot answers to /start with, such as 123456789."
            raise Invalid(FieldError("address", problem))
        return address

    def probe(self) -> str:
        """As whom the token works, and whether its updates come here. Raises HttpError."""
        me = _result(self._client.get("getMe"))
        hook = _result(self._client.get("getWebhookInfo"))
        said = f"works as @{me.get('username')}"
        if not self._listens:
            return (
                f"{said}; its buttons open pages (for ones that act in the chat, TOCSIN_PUBLIC_URL is https)"
            )
        if not hook.get("url"):
            return f"{said}; no webhook is set yet: a worker sets it when it starts"
        failed = hook.get("last_error_message")
        return (
            f"{said}; Telegram could not reach us lately: {failed}"
            if failed
            else f"{said}, and hears answers"
        )

    def listen(self, url: str, secret: str) -> None:
        """Has the bot's updates sent to `url`, with `secret` in a header. Raises HttpError."""
        wanted = {
            "url": url,
            "secret_token": secret,
            "allowed_updates": ["message", "callback_query"],
            "max_connections": 10,
        }
        _result(self._client.post("setWebhook", json=wanted))

    def send(self, message: Message, still_wanted: StillWanted) -> Receipt:
        if self.ready:
            return receipts.not_set_up(VENDOR, self.ready)
        if _ROOM.fullmatch(message.address) and message.kind is not MessageKind.ROOM:
            return receipts.refused(VENDOR, "this is a group: others would read what is meant for one")
        body = document(message, acts=self._listens)
        if not still_wanted():
            return receipts.WITHDRAWN
        try:
            answer = self._client.post("sendMessage", json=body, timeout_s=_TIMEOUT_S)
        except http.HttpError as error:
            return receipts.unanswered(error, VENDOR, refused=isinstance(error, http.RefusedError))
        return _receipt(answer)


def _document(answer: http.Response) -> dict[str, Any]:
    try:
        said = answer.json()
    except http.HttpError:
        return {}
    return said if isinstance(said, dict) else {}


def _result(answer: http.Response) -> dict[str, Any]:
    said = _document(answer)
    if not said.get("ok"):
        raise http.HttpError(f"Telegram says {answer.status} {said.get('description', '')}".strip())
    result = said.get("result")
    return result if isinstance(result, dict) else {}


def _receipt(answer: http.Response) -> Receipt:
    said = _document(answer)
    if said.get("ok"):
        return receipts.sent(VENDOR, str(_result(answer).get("message_id", "")), "Telegram took it")
    description = str(said.get("description", ""))
    detail = f"Telegram says {answer.status} {description}".strip()
    more = said.get("parameters") or {}
    if answer.status == _TOO_MANY:
        return receipts.later(VENDOR, detail, _seconds(more.get("retry_after")) or answer.retry_after_s)
    if answer.status in {_UNAUTHORISED, _NOT_FOUND}:
        return receipts.not_set_up(VENDOR, f"{detail}: TOCSIN_TELEGRAM_BOT_TOKEN is not valid")
    if moved := more.get("migrate_to_chat_id"):
        return receipts.refused(VENDOR, f"{detail}: the group is {moved} now; write that into the policy")
    if answer.status == _FORBIDDEN and said:
        if "initiate" in description:
            return receipts.refused(VENDOR, f"{detail}: write /start to the bot first")
        return receipts.bounced(VENDOR, detail)
    if answer.status == _BAD and any(word in description.lower() for word in _NOBODY):
        return receipts.bounced(VENDOR, f"{detail}: write /start to the bot; it answers with the number")
    if answer.ok:
        return receipts.later(VENDOR, "the answer is not Telegram's; check TOCSIN_TELEGRAM_API_URL")
    return receipts.by_status(VENDOR, answer.status, detail, answer.retry_after_s)


def _seconds(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and value >= 0 else None
