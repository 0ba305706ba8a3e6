"""Telegram's Bot API with a bot of its own, and with people who write to it and press its buttons.

    with Telegram() as telegram:
        # TOCSIN_TELEGRAM_BOT_TOKEN=telegram.token TOCSIN_TELEGRAM_API_URL=telegram.url
        telegram.write(4711, "/start")            # the bot answers with the number of the chat
        telegram.messages(4711)                   # what that chat shows
        telegram.press(4711, "Acknowledge")       # → what the bot said to it
        telegram.block(4711)

What people do is told to the webhook that was set, as `faults.returning` says.

`python -m tocsin.testing.telegram` runs one for a rehearsal; chat 4711 has written to the bot.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from re import sub
from typing import Any, Final

import click

from tocsin.lib import http
from tocsin.testing.faults import Status
from tocsin.testing.server import Call, Reply, Server, rehearse

TOKEN: Final = "4242:rehearsal-rehearsal-rehearsal-rehe"  # noqa: S105 - of a stand-in
_WORDS: Final = {429: "Too Many Requests: retry after {after:g}", 500: "Internal Server Error"}
_WAIT_S: Final = 3


@dataclass(frozen=True)
class Message:
    id: int
    chat: int
    document: Mapping[str, Any]
    buttons: tuple[Mapping[str, Any], ...] = ()

    @property
    def text(self) -> str:
        """As it is read."""
        return unescape(sub(r"<[^>]+>", "", str(self.document.get("text", ""))))


@dataclass
class _Hook:
    url: str = ""
    secret: str = ""
    failed: str = ""
    said: list[Mapping[str, Any]] = field(default_factory=list)


class Telegram(Server):
    token = TOKEN

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.hook = _Hook()
        self._messages: dict[int, list[Message]] = defaultdict(list)
        self._started: set[int] = set()
        self._blocked: set[int] = set()
        self._moved: dict[int, int] = {}
        self._number = 0

    def group(self, chat: int) -> None:
        """The bot is in this group (its number is negative)."""
        self._started.add(chat)

    def move(self, chat: int, to: int) -> None:
        """The group became a supergroup."""
        self._moved[chat] = to

    def block(self, chat: int) -> None:
        self._blocked.add(chat)

    def messages(self, chat: int) -> list[Message]:
        return list(self._messages[chat])

    def write(self, chat: int, text: str) -> list[Mapping[str, Any]]:
        """Somebody writes to the bot; what the bot answered to the update, each time that it was told."""
        self._started.add(chat)
        kind = "private" if chat > 0 else "supergroup"
        who = {"id": abs(chat), "is_bot": False, "first_name": "Alice"}
        message = {
            "message_id": self._next(),
            "date": 1_700_000_000,
            "chat": {"id": chat, "type": kind},
            "from": who,
            "text": text,
        }
        return self._tell({"message": message})

    def press(self, chat: int, label: str) -> list[Mapping[str, Any]]:
        """The button of that name under the newest message that has it."""
        for message in reversed(self._messages[chat]):
            for button in message.buttons:
                if button["text"] == label:
                    return self.press_data(chat, str(button["callback_data"]), message.id)
        raise LookupError(f"no message of {chat} has a button “{label}”")

    def press_data(self, chat: int, data: str, message_id: int = 0) -> list[Mapping[str, Any]]:
        who = {"id": abs(chat), "is_bot": False, "first_name": "Alice"}
        place = {"message_id": message_id, "date": 1_700_000_000, "chat": {"id": chat, "type": "private"}}
        query = {"id": str(self._next()), "from": who, "message": place, "chat_instance": "1", "data": data}
        return self._tell({"callback_query": query})

    def refusal(self, status: Status) -> Any:
        after = status.retry_after_s or 0
        words = _WORDS.get(status.code, "as told").format(after=after)
        said: dict[str, Any] = {"ok": False, "error_code": status.code, "description": words}
        # Telegram says it here, and not in a header.
        return {**said, "parameters": {"retry_after": after}} if status.retry_after_s is not None else said

    def handle(self, call: Call) -> Reply:
        bot, _, method = call.path.removeprefix("/bot").partition("/")
        if bot != TOKEN:
            return _no(401, "Unauthorized")
        deeds = {
            "getMe": self._me,
            "sendMessage": self._send,
            "setWebhook": self._set_webhook,
            "getWebhookInfo": self._webhook,
            "deleteWebhook": self._no_webhook,
            "answerCallbackQuery": self._answer,
        }
        return deeds[method](call.fields) if method in deeds else _no(404, "Not Found")

    def _me(self, _: Mapping[str, Any]) -> Reply:
        return _yes({"id": 4242, "is_bot": True, "first_name": "Tocsin", "username": "tocsin_rehearsal_bot"})

    def _send(self, fields: Mapping[str, Any]) -> Reply:
        chat = int(fields["chat_id"])
        if chat in self._moved:
            words = "Bad Request: group chat was upgraded to a supergroup chat"
            return _no(400, words, migrate_to_chat_id=self._moved[chat])
        if chat not in self._started:
            return _no(400, "Bad Request: chat not found")
        if chat in self._blocked:
            return _no(403, "Forbidden: bot was blocked by the user")
        if not str(fields.get("text", "")).strip():
            return _no(400, "Bad Request: message text is empty")
        return _yes(self._keep(chat, fields))

    def _keep(self, chat: int, fields: Mapping[str, Any]) -> dict[str, Any]:
        markup = fields.get("reply_markup") or {}
        # Some clients send a form, in which it is JSON text.
        rows = (json.loads(markup) if isinstance(markup, str) else markup).get("inline_keyboard") or []
        message = Message(self._next(), chat, fields, tuple(button for row in rows for button in row))
        self._messages[chat].append(message)
        kind = "private" if chat > 0 else "supergroup"
        place = {"id": chat, "type": kind}
        return {"message_id": message.id, "date": 1_700_000_000, "chat": place, "text": message.text}

    def _set_webhook(self, fields: Mapping[str, Any]) -> Reply:
        self.hook = _Hook(str(fields.get("url", "")), str(fields.get("secret_token", "")))
        return _yes(True)

    def _no_webhook(self, _: Mapping[str, Any]) -> Reply:
        self.hook = _Hook()
        return _yes(True)

    def _webhook(self, _: Mapping[str, Any]) -> Reply:
        failed = {"last_error_message": self.hook.failed} if self.hook.failed else {}
        info = {"url": self.hook.url, "has_custom_certificate": False, "pending_update_count": 0}
        return _yes({**info, **failed})

    def _answer(self, fields: Mapping[str, Any]) -> Reply:
        self.hook.said.append(dict(fields))
        return _yes(True)

    def _tell(self, update: dict[str, Any]) -> list[Mapping[str, Any]]:
        """Tells the webhook, and does what it answers with."""
        if not self.hook.url:
            raise RuntimeError("no webhook was set")
        back = self.faults.take_back()
        told = {"update_id": self._next(), **update}
        answers: list[Mapping[str, Any]] = []
        headers = {"x-telegram-bot-api-secret-token": self.hook.secret}
        self._stopping.wait(back.late_s)
        with http.client(trusted=True) as client:
            for _ in range(back.times):
                answer = client.post(self.hook.url, json=told, headers=headers, timeout_s=_WAIT_S * 5)
                self.returned.append((self.hook.url, answer.status))
                if not answer.ok:
                    self.hook.failed = f"Wrong response from the webhook: {answer.status}"
                    continue
                said = answer.json() if answer.body else {}
                answers.append(said)
                if said.get("method") == "sendMessage":
                    self._keep(int(said["chat_id"]), said)
                elif said.get("method") == "answerCallbackQuery":
                    self.hook.said.append(said)
        self.news()
        return answers

    def _next(self) -> int:
        self._number += 1
        return self._number


def _yes(result: Any) -> Reply:
    return Reply(200, {"ok": True, "result": result})


def _no(code: int, description: str, **parameters: Any) -> Reply:
    more = {"parameters": parameters} if parameters else {}
    return Reply(code, {"ok": False, "error_code": code, "description": description, **more})


@click.command()
@click.option("--port", default=8475, show_default=True, help="Where to listen, on loopback.")
def main(*, port: int) -> None:
    """A Telegram for a rehearsal: prints what is sent, until Ctrl-C. Its one person has the chat ID 4711."""
    telegram = Telegram(port)
    telegram.group(4711)
    rehearse(telegram, lambda url: f"TOCSIN_TELEGRAM_BOT_TOKEN={TOKEN} TOCSIN_TELEGRAM_API_URL={url}")


if __name__ == "__main__":
    main()
