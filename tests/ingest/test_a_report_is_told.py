"""That events waited on disk is written down, also where that fails at first."""

import asyncio
import logging
from collections.abc import Callable

import httpx
import psycopg
import pytest

from tests.ingest.conftest import Visitor, database_url, rows
from tocsin.entrypoints.ingest import Door, overflow
from tocsin.entrypoints.ingest import rows as table

EVENT = b'{"action": "trigger", "dedup_key": "disk", "summary": "Disk full"}'


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(3000):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come")


def test_a_report_that_failed_is_told_again(
    door: Visitor, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tocsin.entrypoints.ingest.overflow")

    async def away(*_: object) -> None:
        raise psycopg.OperationalError("the database is away")

    async def deed(client: httpx.AsyncClient, _opened: Door) -> list[tuple[int]]:
        with monkeypatch.context() as broken:
            broken.setattr(overflow, "_REPORT", "SELECT 1 / 0")
            with monkeypatch.context() as patch:
                patch.setattr(table, "copy", away)
                answer = await client.post(f"/ingest/generic/{keys['generic']}", content=EVENT)
            assert answer.status_code == 202
            caplog.clear()
            await until(lambda: any(vars(each).get("events") == 0 for each in caplog.records))
        async with await psycopg.AsyncConnection.connect(database_url(), autocommit=True) as connection:
            await until(lambda: any("are in the database" in each.message for each in caplog.records))
            found = await connection.execute("SELECT events FROM integrations_spooling")
            return await found.fetchall()

    assert door.visit(deed) == [(1,)]
    assert len(rows()) == 1
