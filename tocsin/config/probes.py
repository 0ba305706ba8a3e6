"""`/livez` (this process runs), `/readyz` (it can do its work) and `/metrics` (Prometheus)."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

import psycopg
from django.db import DatabaseError
from psycopg_pool import PoolTimeout

from tocsin.config.readings import READINGS, WORKED
from tocsin.lib import clock, db, metrics

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PATHS: Final = frozenset({"/livez", "/readyz", "/metrics"})
_JSON: Final = "application/json"
_MIGRATED: Final = "SELECT app, name FROM django_migrations"

_up = metrics.gauge("database_up", "1 while the database answers")


class Probes:
    def __init__(
        self,
        database_url: str,
        migrations: frozenset[tuple[str, str]],
        spool: Callable[[], Mapping[str, float]],
    ) -> None:
        """`migrations` are those this code needs: (app, name); `spool` tells what waits on disk."""
        self._spool = spool
        self._missing = migrations
        self._pool = db.pool(database_url, most=2, name="probes")
        self._closing = False

    @staticmethod
    def serves(path: str) -> bool:
        return path in _PATHS

    async def start(self) -> None:
        await self._pool.open(wait=False)

    def close(self) -> None:
        self._closing = True

    async def stop(self) -> None:
        await self._pool.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's form
        path = scope["path"]
        if scope["method"] not in {"GET", "HEAD"}:
            await _answer(send, 405, _JSON, b'{"detail": "GET it."}')
        elif path == "/livez":
            await _answer(send, 200, _JSON, b'{"status": "alive"}')
        elif path == "/readyz":
            await self._ready(send)
        else:
            await self._metrics(send)

    async def _ready(self, send: Send) -> None:
        problem = "shutting down" if self._closing else await self._problem()
        body: dict[str, Any] = {"status": "not ready", "detail": problem} if problem else {"status": "ready"}
        spool = self._spool()
        if spool["events"]:
            body["spool"] = spool
        await _answer(send, 503 if problem else 200, _JSON, json.dumps(body).encode())

    async def _problem(self) -> str:
        try:
            async with self._pool.connection(timeout=2.0) as connection:
                if self._missing:
                    rows = await (await connection.execute(_MIGRATED)).fetchall()
                    self._missing -= {(app, name) for app, name in rows}
        except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
            return "the schema is missing: run `tocsin migrate`"
        except (psycopg.Error, PoolTimeout):
            return "the database does not answer"
        if self._missing:
            return f"{len(self._missing)} migrations are missing: run `tocsin migrate`"
        return ""

    async def _metrics(self, send: Send) -> None:
        try:
            async with self._pool.connection(timeout=2.0) as connection:
                for reading in READINGS:
                    rows = await (await connection.execute(reading.query)).fetchall()
                    reading.show(rows)
            for worked in WORKED:
                if worked.is_due(clock.monotonic()):
                    worked.show(await asyncio.to_thread(worked.work, clock.now()))
            _up.set(1)
        except (psycopg.Error, PoolTimeout, DatabaseError):
            # The numbers of this process are worth most when the database is away.
            _up.set(0)
        await _answer(send, 200, metrics.CONTENT_TYPE, metrics.render())


async def _answer(send: Send, status: int, content_type: str, body: bytes) -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
