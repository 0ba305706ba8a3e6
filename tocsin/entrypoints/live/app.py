"""`/api/v1/stream`: server-sent events that only name what changed; the page then fetches what it may see.

A reader is let in by a ticket (60 s, HMAC) that web or api handed out, and asked for a new one every quarter
of an hour, so that somebody who lost access stops hearing names. Events: `event: changed`,
`data: {"kind": …, "id": …}`; kind `*` means everything. An incident comes with its new `state` in a word, so
that hundreds of pages show an acknowledgement at once and may `spread` their fetches. A comment every 15 s
keeps proxies from closing the line.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any, Protocol
from urllib.parse import parse_qs

from tocsin.entrypoints.live.hub import EVERYTHING, Hub, Reader
from tocsin.lib import clock, signing
from tocsin.lib.db import listen

PURPOSE = "live"
CHANNEL = "tocsin_live"
_FEW_READERS = 20
_A_FETCH_MS = 15  # what a fetch costs one process, generously
_SPREAD_MOST_MS = 15_000
_RESYNC = json.dumps({"kind": "*", "id": "*"})
_HEARTBEAT_S = 15.0
_ADMITTED_S = 900.0
_READERS_MOST = 2000

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Listen = Callable[[str, str], AsyncIterator[str]]

logger = logging.getLogger(__name__)


class LiveOptions(Protocol):
    @property
    def database_url(self) -> str: ...


class LiveApp:
    def __init__(self, database_url: str, hub: Hub) -> None:
        self._database_url = database_url
        self._hub = hub
        self._listener: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._listener = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """End every open stream; they finish within a moment."""
        self._hub.close()
        if self._listener is not None:
            self._listener.cancel()
            with suppress(asyncio.CancelledError):
                await self._listener

    def close(self) -> None:
        """As `stop`, for a signal handler: the streams end, the listener is left to `stop`."""
        self._hub.close()

    async def _listen(self) -> None:
        async for payload in listen(self._database_url, CHANNEL, resync=_RESYNC):
            named = _named(payload)
            if named is None:
                logger.warning("a live notice could not be read", extra={"payload": payload[:200]})
            else:
                self._hub.tell(*named)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            await _problem(send, 405, "Method not allowed", "This is a stream: GET it.")
            return
        ticket = parse_qs(scope["query_string"].decode("latin-1")).get("ticket", [""])[0]
        try:
            signing.verify(PURPOSE, ticket, clock.now())
        except signing.BadSignature:
            await _problem(send, 401, "Unauthorized", "The ticket is missing, wrong, or older than a minute.")
            return
        reader = self._hub.join()
        if reader is None:
            await _problem(send, 503, "Too many readers", "Try again in a moment.", retry_after=5)
            return
        try:
            await self._stream(reader, receive, send)
        finally:
            self._hub.leave(reader)

    async def _stream(self, reader: Reader, receive: Receive, send: Send) -> None:
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await _write(send, "retry: 3000\n: welcome\n\n")
        gone = asyncio.create_task(_gone(receive))
        until = clock.monotonic() + _ADMITTED_S
        try:
            while not (self._hub.closing or gone.done() or clock.monotonic() >= until):
                woken = asyncio.create_task(reader.woken.wait())
                await asyncio.wait({woken, gone}, timeout=_HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED)
                woken.cancel()
                names = reader.take()
                text = _events(names, len(self._hub)) if names else ": still here\n\n"
                await _write(send, text)
        except OSError:
            return  # the reader went away while we wrote
        finally:
            gone.cancel()
        if not gone.done() or self._hub.closing:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def build(options: LiveOptions) -> LiveApp:
    return LiveApp(options.database_url, Hub(_READERS_MOST))


def _named(payload: str) -> tuple[str, str, str] | None:
    try:
        value = json.loads(payload)
        return str(value["kind"]), str(value["id"]), str(value.get("state", ""))
    except (ValueError, TypeError, KeyError):
        return None


def _events(names: Mapping[tuple[str, str], str], readers: int) -> str:
    """`state`: the new state in a word. `spread`: over how many milliseconds pages should spread their
    fetches, so that hundreds of them do not ask at one instant.
    """
    if EVERYTHING in names:
        names = {EVERYTHING: ""}
    events = []
    for (kind, name), state in names.items():
        value: dict[str, str | int] = {"kind": kind, "id": name}
        if state:
            value["state"] = state
        if readers > _FEW_READERS:
            value["spread"] = min(readers * _A_FETCH_MS, _SPREAD_MOST_MS)
        events.append(f"event: changed\ndata: {json.dumps(value)}\n\n")
    return "".join(events)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _write(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _problem(
    send: Send, status: int, title: str, detail: str, *, retry_after: int | None = None
) -> None:
    body = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail}).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
    ]
    if retry_after is not None:
        headers.append((b"retry-after", str(retry_after).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
