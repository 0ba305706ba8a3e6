"""No caller can fill or block the web process: heads and bodies have limits of size and time."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Any

import pytest
import uvicorn

from tocsin.config import bridge, wire
from tocsin.lib import clock


def _echo(environ: dict[str, Any], start: Callable[[str, list[tuple[str, str]]], object]) -> Iterable[bytes]:
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start("200 OK", [("content-type", "text/plain"), ("x-query", environ["QUERY_STRING"])])
    spoofed = environ.get("HTTP_X_FORWARDED_FOR", "")
    if environ["PATH_INFO"] == "/large":
        return [b"x" * 1_000_000] * 20
    return [b"%d %s" % (len(body), spoofed.encode())]


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(wire, "HEAD_S", 0.3)
    config = uvicorn.Config(
        bridge.Bridge(_echo, body_s=0.5),
        lifespan="off",
        loop="asyncio",
        log_config=None,
        ws="none",
        timeout_graceful_shutdown=1,
        **wire.limits(),
    )
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    while not server.started:
        clock.sleep(0.01)
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join()
    listening.close()


def _send(port: int, data: bytes, within_s: float = 60) -> bytes:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=within_s)) as line:
        line.sendall(data)
        found = b""
        try:
            while part := line.recv(65536):
                found += part
        except ConnectionResetError:
            pass
        return found


def _request(head: bytes, body: bytes = b"") -> bytes:
    return head + b"\r\nHost: x\r\nConnection: close\r\n\r\n" + body


def test_it_answers(port: int) -> None:
    answer = _send(port, _request(b"POST /?q=1 HTTP/1.1\r\nContent-Length: 5", b"hello"))
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"5 \r\n0\r\n\r\n")


def test_a_chunked_body_arrives(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked"
    assert _send(port, _request(head, b"5\r\nhello\r\n0\r\n\r\n")).endswith(b"5 \r\n0\r\n\r\n")


def test_a_head_without_end_is_cut(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "HEAD_S", 30.0)
    # Closed with unread data on the line, so that the answer may get lost on its way.
    started = clock.monotonic()
    assert _send(port, b"GET /" + b"a" * 200_000)[:12] in {b"HTTP/1.1 400", b""}
    assert _send(port, b"GET / HTTP/1.1\r\n" + b"X-Y: z\r\n" * 10_000)[:12] in {b"HTTP/1.1 400", b""}
    assert clock.monotonic() - started < wire.HEAD_S


def test_a_silent_caller_is_let_go(port: int) -> None:
    started = clock.monotonic()
    assert _send(port, b"") == b""
    assert _send(port, b"GET / HTTP/1.1\r\nHost: x\r\n") == b""
    assert clock.monotonic() - started < 10


def test_a_body_that_never_comes_holds_no_thread(port: int) -> None:
    lines = []
    for _ in range(20):
        line = socket.create_connection(("127.0.0.1", port), timeout=60)
        line.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
        lines.append(line)
    assert _send(port, _request(b"GET / HTTP/1.1")).startswith(b"HTTP/1.1 200")
    assert b" 408 " in lines[0].recv(1000)
    for line in lines:
        line.close()


def test_a_reader_that_does_not_read_holds_no_thread(port: int) -> None:
    lines = []
    for _ in range(20):
        line = socket.create_connection(("127.0.0.1", port), timeout=60)
        line.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        lines.append(line)
    assert _send(port, _request(b"GET / HTTP/1.1")).startswith(b"HTTP/1.1 200")
    for line in lines:
        line.close()


def test_a_body_too_large_is_refused(port: int) -> None:
    size = bridge.BODY_BYTES + 1
    with closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as line:
        line.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
        try:
            line.sendall(b"x" * size)
        except (BrokenPipeError, ConnectionResetError):
            pass
        else:
            assert b" 413 " in line.recv(1000)


def test_raw_bytes_in_a_query_are_no_accident(port: int) -> None:
    answer = _send(port, _request(b"GET /?q=\xff\xc3\xa4%20 HTTP/1.1"))
    assert answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 400"))


def test_headers_with_underscores_cannot_pose_as_others(port: int) -> None:
    assert _send(port, _request(b"GET / HTTP/1.1\r\nX_Forwarded_For: 1.2.3.4")).endswith(b"0 \r\n0\r\n\r\n")
