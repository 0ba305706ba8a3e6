"""The HTTP server that every stand-in for a vendor is built on: it listens on loopback, keeps what it was
asked, and fails as told.

    class Bell(Server):
        def handle(self, call: Call) -> Reply:
            return Reply(200, {"rung": call.json["times"]})

    with Bell() as bell:
        ...  # bell.url, bell.calls, bell.faults
"""

import contextlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

import click

from tocsin.lib import clock, http
from tocsin.testing.faults import Drop, Fault, Faults, Hang, Status

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "CONNECT")  # the last: as a proxy is asked


@dataclass(frozen=True)
class Call:
    """One request as it came in; `path` without query, header names in lower case, `at` monotonic seconds."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        return json.loads(self.body or b"{}")

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def fields(self) -> dict[str, Any]:
        """What was sent, whether as JSON, as a form or in the query."""
        kind = self.headers.get("content-type", "")
        given = self.json if "json" in kind else self.form
        return {**self.query, **(given if isinstance(given, dict) else {})}


@dataclass(frozen=True)
class Reply:
    """`body`: text, bytes, None, or anything that JSON knows."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = ""


class Server:
    """Base of the stand-ins: override `handle`, and `refusal` for a vendor's own words about a fault."""

    def __init__(self, port: int = 0) -> None:
        self.faults = Faults()
        self.calls: list[Call] = []
        self.returned: list[tuple[str, int]] = []  # callbacks that arrived: address, status (0: none)
        self._port = port  # 0: any that is free
        self._server: ThreadingHTTPServer | None = None
        self._stopping = threading.Event()
        self._news = threading.Condition()

    def handle(self, call: Call) -> Reply:
        raise NotImplementedError

    def refusal(self, status: Status) -> Any:  # noqa: ARG002 - for those that have words of their own
        return None

    @property
    def url(self) -> str:
        if self._server is None:
            raise RuntimeError("the server is not running")
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        self._stopping.clear()
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()

    def news(self) -> None:
        """To be called when the state changes: whoever waits looks again."""
        with self._news:
            self._news.notify_all()

    def wait(self, wanted: Callable[[], Any], seconds: float = 20) -> Any:
        """What `wanted` returns as soon as that is true of something; TimeoutError after `seconds`."""
        end = clock.monotonic() + seconds
        with self._news:
            while not (found := wanted()):
                left = end - clock.monotonic()
                if left <= 0:
                    raise TimeoutError(f"it did not happen within {seconds:g} s; calls: {self._asked()}")
                self._news.wait(min(left, 0.2))
            return found

    def call_back(
        self,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        document: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> threading.Thread:
        """POSTs from a thread of its own, as `faults.returning` says; join it to have it done."""
        back = self.faults.take_back()

        def deliver() -> None:
            if self._stopping.wait(back.late_s):
                return
            with http.client(trusted=True) as client:
                for _ in range(back.times):
                    status = 0
                    with contextlib.suppress(http.HttpError):
                        status = client.post(url, data=form, json=document, headers=headers).status
                    self.returned.append((url, status))
            self.news()

        thread = threading.Thread(target=deliver, daemon=True)
        thread.start()
        return thread

    def answer(self, call: Call) -> Reply | None:
        """None: the connection closes without a word."""
        self.calls.append(call)
        fault = self.faults.take(call.path)
        if isinstance(fault, Status):
            after = fault.retry_after_s
            extra = {"retry-after": f"{after:g}"} if after is not None else {}
            body = fault.body if fault.body is not None else self.refusal(fault)
            reply: Reply | None = Reply(fault.code, body, {**extra, **fault.headers})
        else:
            reply = self._done(call, fault)
        self.news()
        return reply

    def _done(self, call: Call, fault: Fault | None) -> Reply | None:
        if isinstance(fault, Drop) and not fault.taken:
            return None
        reply = self.handle(call)
        if isinstance(fault, Drop):
            return None
        if isinstance(fault, Hang):
            self._stopping.wait(fault.seconds)
        return reply

    def _asked(self) -> list[str]:
        return [f"{call.method} {call.path}" for call in self.calls[-20:]]


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _take(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or "0"))
            parts = urlsplit(self.path)
            call = Call(
                self.command,
                unquote(parts.path),
                dict(parse_qsl(parts.query, keep_blank_values=True)),
                {name.lower(): value for name, value in self.headers.items()},
                raw,
                clock.monotonic(),
            )
            reply = server.answer(call)
            if reply is None:
                self.close_connection = True
                return
            # Whoever asked may have gone after a time-out; that is the fault that was played.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._say(reply)

        def _say(self, reply: Reply) -> None:
            kind, body = _encoded(reply)
            self.send_response(reply.status)
            for name, value in {"content-type": kind, **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            return

    for method in _METHODS:
        setattr(Handler, f"do_{method}", Handler._take)  # noqa: SLF001 - the class is made here
    return Handler


def _encoded(reply: Reply) -> tuple[str, bytes]:
    body = reply.body
    if body is None:
        return reply.content_type or "text/plain; charset=utf-8", b""
    if isinstance(body, bytes):
        return reply.content_type or "application/octet-stream", body
    if isinstance(body, str):
        return reply.content_type or "text/plain; charset=utf-8", body.encode()
    return reply.content_type or "application/json", json.dumps(body).encode()


def rehearse(server: Server, settings: Callable[[str], str]) -> None:
    """For `python -m tocsin.testing.<name>`: says what to set, then every request, until Ctrl-C."""
    with server:
        click.echo(f"Listening. Start Tocsin with {settings(server.url)}")
        shown = 0
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                clock.sleep(0.2)
                for call in server.calls[shown:]:
                    shown += 1
                    said = call.body.decode("utf-8", "replace")
                    click.echo(f"\n—— {call.method} {call.path}\n{said}")
