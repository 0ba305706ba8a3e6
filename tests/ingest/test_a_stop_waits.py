"""A door that is stopped while a batch is on its way to the database."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import httpx
import psycopg
import pytest

from tests.ingest.conftest import Visitor, rows
from tocsin.entrypoints.ingest import Door
from tocsin.entrypoints.ingest import rows as table

EVENT = b'{"action": "trigger", "dedup_key": "disk", "summary": "Disk full"}'


def test_what_is_being_committed_is_answered_before_the_door_stops(
    door: Visitor, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = table.copy

    async def deed(client: httpx.AsyncClient, opened: Door) -> int:
        stored, let_go = asyncio.Event(), asyncio.Event()

        async def slow(
            connection: psycopg.AsyncConnection[Any], parts: Iterable[tuple[int, Sequence[table.Row]]]
        ) -> None:
            await real(connection, parts)
            stored.set()
            await let_go.wait()

        monkeypatch.setattr(table, "copy", slow)
        async with asyncio.timeout(60):
            sending = asyncio.create_task(client.post(f"/ingest/generic/{keys['generic']}", content=EVENT))
            await stored.wait()
            stopping = asyncio.create_task(opened.stop())
            for _ in range(20):
                await asyncio.sleep(0)
            let_go.set()
            answer = await sending
            await stopping
        return answer.status_code

    assert door.visit(deed) == 202
    assert len(rows()) == 1
