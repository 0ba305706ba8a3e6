"""From the ASGI root to Django's WSGI handler, so that no slow caller holds one of its few threads.

A body is read whole before a thread sees it and an answer is taken whole from the thread before it is sent.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import quote_from_bytes

from a2wsgi import WSGIMiddleware

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BODY_BYTES: Final = 4 * 1024 * 1024
BODY_S: Final = 20.0
# Of all bodies that are being read at one time.
ALL_BODIES_BYTES: Final = 128 * 1024 * 1024
# Pages take milliseconds each; more threads would only wait for one another and for connections.
_THREADS: Final = 8


class _RefusedError(Exception):
    def __init__(self, status: int, text: str) -> None:
        self.status, self.text = status, text


class Bridge:
    def __init__(self, application: Any, *, body_s: float = BODY_S) -> None:
        self._wsgi = WSGIMiddleware(application, workers=_THREADS)
        self._body_s = body_s
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytearray()
        try:
            try:
                async with asyncio.timeout(self._body_s):
                    await self._read(receive, body)
            except TimeoutError:
                raise _RefusedError(408, "The body did not arrive in time.") from None
            except ConnectionResetError:
                return
            await self._answer(_plain(scope, len(body)), bytes(body), send)
        except _RefusedError as refusal:
            await _refuse(send, refusal)
        finally:
            self._held -= len(body)

    async def _read(self, receive: Receive, body: bytearray) -> None:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionResetError
            part = message.get("body", b"")
            body += part
            self._held += len(part)
            if len(body) > BODY_BYTES:
                raise _RefusedError(413, f"A body has at most {BODY_BYTES} bytes.")
            if self._held > ALL_BODIES_BYTES:
                raise _RefusedError(503, "Too much at once. Try again in a moment.")
            if not message.get("more_body", False):
                return

    async def _answer(self, scope: Scope, body: bytes, send: Send) -> None:
        waiting: asyncio.Queue[Message | None] = asyncio.Queue()
        unread = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            return unread.pop() if unread else {"type": "http.disconnect"}

        async def keep(message: Message) -> None:
            waiting.put_nowait(message)

        async def work() -> None:
            try:
                await self._wsgi(scope, receive, keep)  # type: ignore[arg-type]  # the same types, named apart
            finally:
                waiting.put_nowait(None)

        task = asyncio.create_task(work())
        while (message := await waiting.get()) is not None:
            await send(message)
        await task


def _plain(scope: Scope, length: int) -> Scope:
    """The scope as WSGI can hold it."""
    headers = [
        (name, value)
        for name, value in scope["headers"]
        # X_Forwarded_For would be taken for X-Forwarded-For; the length is that of what was read.
        if b"_" not in name and name not in {b"content-length", b"transfer-encoding"}
    ]
    if length or scope["method"] not in {"GET", "HEAD"}:
        headers.append((b"content-length", str(length).encode()))
    query = quote_from_bytes(scope["query_string"], safe="".join(map(chr, range(33, 127))))
    return {**scope, "headers": headers, "query_string": query.encode()}


async def _refuse(send: Send, refusal: _RefusedError) -> None:
    body = refusal.text.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
