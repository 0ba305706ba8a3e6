"""A receiver of signed webhooks that honours idempotency keys, as a vendor would: a repeat has no effect."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tocsin.lib import clock


@dataclass(frozen=True)
class Delivery:
    """One request as it came in. `at`: monotonic seconds; `repeat`: the key was seen before."""

    path: str
    key: str
    headers: dict[str, str]
    body: dict[str, Any]
    at: float
    repeat: bool


@dataclass
class HookReceiver:
    """`with HookReceiver() as hooks:` — contact methods of type webhook point at `hooks.url("/alice")`.

    `status` decides each answer (200 by default); a 5xx is not kept, as if the vendor had never seen it.
    """

    status: Callable[[str], int] = lambda _path: 200
    deliveries: list[Delivery] = field(default_factory=list)
    _keys: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _server: ThreadingHTTPServer | None = None

    def take(self, path: str, headers: dict[str, str], raw: bytes) -> int:
        answer = self.status(path)
        if answer >= 500:  # noqa: PLR2004  (an HTTP class, not a magic number)
            return answer
        key = headers.get("idempotency-key", "")
        with self._lock:
            self.deliveries.append(
                Delivery(path, key, headers, json.loads(raw or b"{}"), clock.monotonic(), key in self._keys)
            )
            self._keys.add(key)
        return answer

    @property
    def effects(self) -> list[Delivery]:
        """What took effect: each idempotency key once."""
        with self._lock:
            return [delivery for delivery in self.deliveries if not delivery.repeat]

    def url(self, path: str) -> str:
        if self._server is None:
            raise RuntimeError("the receiver is not running")
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


def _handler(receiver: HookReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = receiver.take(self.path, headers, raw)
            self.send_response(answer)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            return

    return Handler
