"""The door behind uvicorn, over real sockets."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
import uvicorn

from tests.ingest.conftest import Options, Visitor, rows
from tocsin.entrypoints.ingest import build
from tocsin.entrypoints.ingest.body import MAX_BYTES, GoneError, NoRoomError, Reader

EVENT = {"action": "trigger", "dedup_key": "disk", "summary": "Disk full"}


@contextmanager
def served(options: Options) -> Iterator[str]:
    """The address of a door that runs in a thread."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        door = build(options)
        server = uvicorn.Server(uvicorn.Config(door, lifespan="off", log_config=None, ws="none"))

        async def run() -> None:
            await door.start()
            await server.serve(sockets=[listening])
            await door.stop()

        thread = threading.Thread(target=lambda: asyncio.run(run()))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def test_a_sender_of_too_much_reads_the_answer(door: Visitor, keys: dict[str, str]) -> None:
    with served(door.options) as url, httpx.Client(base_url=url) as client:
        path = f"/ingest/generic/{keys['generic']}"
        for size in (MAX_BYTES + 1, 3 * MAX_BYTES):
            assert client.post(path, content=b"x" * size).status_code == 413
            assert client.post(f"/ingest/generic/{'0' * 32}", content=b"x" * size).status_code == 401

        def chunks() -> Iterator[bytes]:
            for _ in range(30):
                yield b" " * 100_000

        assert client.post(path, content=chunks()).status_code == 413
        assert client.post(path, json=EVENT).status_code == 202
    assert len(rows()) == 1


def test_what_was_accepted_is_there_after_a_stop(door: Visitor, keys: dict[str, str]) -> None:
    accepted: list[int] = []
    with served(door.options) as url, httpx.Client(base_url=url) as client:
        for number in range(50):
            body = json.dumps({**EVENT, "dedup_key": str(number)})
            accepted.append(client.post(f"/ingest/generic/{keys['generic']}", content=body).status_code)
    assert accepted == [202] * len(rows())


def test_bodies_that_arrive_share_a_bounded_room() -> None:
    reader = Reader(room=1000)

    def sender(parts: list[bytes]) -> object:
        messages = iter(parts)

        async def receive() -> dict[str, object]:
            part = next(messages, None)
            if part is None:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": part, "more_body": True}

        return receive

    async def run() -> None:
        with pytest.raises(NoRoomError):
            await reader.read(sender([b"", b"x" * 1001]), b"")  # type: ignore[arg-type]  # a receive
        for _ in range(3):  # what was held is given back
            with pytest.raises(GoneError):
                await reader.read(sender([b"", b"x" * 900]), b"")  # type: ignore[arg-type]  # a receive

    asyncio.run(run())
