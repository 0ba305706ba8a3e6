"""Inbound mail, handed to the door of this process as if it were a request."""

from collections.abc import MutableMapping
from typing import Any

import msgspec

from tocsin.config.options import Options
from tocsin.entrypoints.ingest.app import PREFIX, Door
from tocsin.entrypoints.mail.app import Mailroom


def build(options: Options, door: Door) -> Mailroom | None:
    if options.mail_in is None:
        return None

    async def deliver(kind: str, key: str, mail: bytes) -> tuple[int, str]:
        return await hand_over(door, f"{PREFIX}{kind}/{key}", mail)

    return Mailroom(options.mail_in, door.kind_of, deliver)


async def hand_over(door: Door, path: str, body: bytes) -> tuple[int, str]:
    """The status and the words of the door's answer."""
    status, words = 500, ""

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal status, words
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            words = _words(message.get("body", b""))

    headers = [(b"content-type", b"message/rfc822"), (b"content-length", str(len(body)).encode())]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}
    await door(scope, receive, send)
    return status, words


def _words(answer: bytes) -> str:
    try:
        return str(msgspec.json.decode(answer).get("detail", ""))
    except (msgspec.DecodeError, AttributeError):
        return ""
