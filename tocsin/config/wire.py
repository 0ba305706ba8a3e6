"""uvicorn's HTTP protocol with what it leaves open: a limit on the size of a request's head and on its time.

Without them one caller that never ends its request line fills the memory, and a thousand that say nothing
hold a thousand connections.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tocsin.lib import metrics

HEAD_BYTES: Final = 64 * 1024
HEAD_S: Final = 15.0

_refused = metrics.counter("http_heads_refused", "Connections closed before a request was complete", ("why",))


class LimitedProtocol(HttpToolsProtocol):
    _head_bytes = 0
    _in_head = True
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
            if self._deadline is None:
                self._wait_for_head()
        super().data_received(data)
        if self._in_head and self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            _refused.labels("size").inc()
            self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        self._stop_waiting()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        # What comes next on this connection is the head of another request.
        self._in_head = True

    def _wait_for_head(self) -> None:
        self._deadline = self.loop.call_later(HEAD_S, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            _refused.labels("time").inc()
            self.transport.close()


def limits() -> dict[str, Any]:
    """For uvicorn.Config."""
    return {"http": LimitedProtocol, "limit_concurrency": 8192, "timeout_keep_alive": 75}
