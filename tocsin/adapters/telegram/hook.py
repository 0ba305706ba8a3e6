"""What Telegram tells the bot (https://core.telegram.org/bots/api#update): /start, pressed buttons, words.

The answer to the request is itself a call of the Bot API, so nothing has to be called back.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from tocsin.domain.errors import FieldError, Invalid
from tocsin.lib import signing
from tocsin.ports.callback import Answer, BadSignatureError, CallbackRequest, Deed, Heard, Reply

_VENDOR: Final = "telegram"
_JSON: Final = "application/json"
_MOST_SAID: Final = 200  # of answerCallbackQuery
_MOST_TEXT: Final = 4000
_HEADER: Final = "x-telegram-bot-api-secret-token"
_STRANGER: Final = "Tocsin does not know this account: add its chat ID under “How I am reached” first."
_COMMANDS: Final = frozenset({"/start", "/id"})
_PRESSED: Final = frozenset({Deed.ACKNOWLEDGE, Deed.RESOLVE, Deed.ESCALATE, Deed.ACCEPT, Deed.DECLINE})


class TelegramHook:
    vendor = _VENDOR

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def hear(self, request: CallbackRequest) -> Sequence[Heard]:
        if not signing.same(request.headers.get(_HEADER, ""), self._secret):
            raise BadSignatureError("X-Telegram-Bot-Api-Secret-Token is not what we told Telegram")
        update = _update(request)
        name = f"{_VENDOR}:{update.get('update_id', '')}"
        if query := _part(update, "callback_query"):
            deed, _, key = str(query.get("data", "")).partition(":")
            known = Deed(deed) if deed in _PRESSED else Deed.UNKNOWN
            return (Answer(_VENDOR, _id(query, "from"), known, key=key, id=name),)
        message = _part(update, "message")
        text = str(message.get("text", "")).strip()
        # In groups others speak too, and to each other.
        if not text or _command(text) in _COMMANDS or _part(message, "chat").get("type") != "private":
            return ()
        return (Answer(_VENDOR, _id(message, "from"), Deed.WORDS, text=text.lstrip("/"), id=name),)

    def reply(self, request: CallbackRequest, said: Sequence[str]) -> Reply:
        update, words = _update(request), " ".join(text for text in said if text)
        if query := _part(update, "callback_query"):
            answer = {
                "method": "answerCallbackQuery",
                "callback_query_id": str(query.get("id", "")),
                "text": (words or _STRANGER)[:_MOST_SAID],
                "show_alert": True,
            }
            return Reply(200, _JSON, json.dumps(answer))
        message = _part(update, "message")
        chat = _part(message, "chat")
        if _command(str(message.get("text", ""))) in _COMMANDS:
            words = _hello(chat)
        if not words or "id" not in chat:
            return Reply(200, _JSON, "{}")
        answer = {"method": "sendMessage", "chat_id": chat["id"], "text": words[:_MOST_TEXT]}
        return Reply(200, _JSON, json.dumps(answer))


def _hello(chat: dict[str, Any]) -> str:
    number = chat.get("id")
    if chat.get("type") == "private":
        return (
            f"Your chat ID is {number}. In Tocsin, add it under “How I am reached” as Telegram; "
            "a code comes here, which you type in there."
        )
    return f"This group's chat ID is {number}. A policy can post here: {{chat: '{number}', via: telegram}}."


def _command(text: str) -> str:
    """`/start abc` and `/start@the_bot` alike: `/start`."""
    return text.strip().split(maxsplit=1)[0].partition("@")[0].lower() if text.strip() else ""


def _update(request: CallbackRequest) -> dict[str, Any]:
    try:
        update = json.loads(request.body)
    except ValueError:
        update = None
    if not isinstance(update, dict):
        raise Invalid(FieldError("body", "Expected an update of Telegram's."))
    return update


def _part(of: dict[str, Any], name: str) -> dict[str, Any]:
    found = of.get(name)
    return found if isinstance(found, dict) else {}


def _id(of: dict[str, Any], name: str) -> str:
    number = _part(of, name).get("id")
    if not isinstance(number, int):
        raise Invalid(FieldError(name, "Telegram always says who it is from."))
    return str(number)
