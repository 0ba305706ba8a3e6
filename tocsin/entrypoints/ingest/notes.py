"""What the door notes beside its work: samples of what it refused, and when an old key was last used.

Written a second later by a task of its own, never while a sender waits; dropped while the database is away.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg

from tocsin.lib import clock, metrics

logger = logging.getLogger(__name__)

KEPT_BYTES: Final = 64 * 1024
_EVERY_S: Final = 1.0
_WITHIN_S: Final = 5.0
_MOST_WAITING: Final = 200
_ALIKE_FOR: Final = timedelta(hours=1)
_IN_AN_HOUR: Final = 20

_refused = metrics.counter("ingest_refused", "What the door refused of known integrations", ("status",))

_SAMPLE: Final = """
WITH alike AS (
    UPDATE integrations_rejected SET count = count + %(count)s, last_at = %(now)s
    WHERE id = (
        SELECT id FROM integrations_rejected
        WHERE integration_id = %(integration)s AND kind = %(kind)s AND status = %(status)s
            AND reason = %(reason)s AND last_at > %(since)s
        ORDER BY id DESC LIMIT 1)
    RETURNING id)
INSERT INTO integrations_rejected
    (integration_id, kind, status, reason, body, size, count, first_at, last_at)
SELECT id, %(kind)s, %(status)s, %(reason)s, %(body)s, %(size)s, %(count)s, %(now)s, %(now)s
FROM integrations_integration
WHERE id = %(integration)s AND NOT EXISTS (SELECT FROM alike) AND %(most)s > (
    SELECT count(*) FROM integrations_rejected
    WHERE integration_id = %(integration)s AND first_at > %(since)s)
"""
_USED: Final = """
UPDATE integrations_integration SET old_key_used_at = %s
WHERE id = %s AND old_key <> '' AND (old_key_used_at IS NULL OR old_key_used_at < %s)
"""


@dataclass
class _Sample:
    body: bytes
    size: int
    now: datetime
    count: int = 1


class Notes:
    def __init__(self, url: str) -> None:
        self._url = url
        self._samples: dict[tuple[int, str, int, str], _Sample] = {}
        self._used: dict[int, datetime] = {}
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="ingest-notes")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._samples or self._used:
            await self._write()
        await self._close()

    def old_key(self, integration_id: int, now: datetime) -> None:
        self._used[integration_id] = now
        self._wake.set()

    def refused(
        self, integration_id: int, kind: str, status: int, reason: str, body: bytes, *, key: str
    ) -> None:
        """Keep the beginning of `body`, without the key that may stand in it. Like ones are counted."""
        _refused.labels(str(status)).inc()
        plain = reason.encode("utf-8", "replace").decode().replace("\0", "")
        place = (integration_id, kind[:32], status, plain[:1024])
        known = self._samples.get(place)
        if known is not None:
            known.count += 1
        elif len(self._samples) < _MOST_WAITING:
            kept = body[:KEPT_BYTES].replace(key.encode(), b"[key]") if key else body[:KEPT_BYTES]
            self._samples[place] = _Sample(kept, len(body), clock.now())
            self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(_EVERY_S)
            self._wake.clear()
            await self._write()

    async def _write(self) -> None:
        samples, self._samples = self._samples, {}
        used, self._used = self._used, {}
        try:
            async with asyncio.timeout(_WITHIN_S):
                connection = await self._connected()
                for (integration, kind, status, reason), sample in samples.items():
                    values = {
                        "integration": integration,
                        "kind": kind,
                        "status": status,
                        "reason": reason,
                        "body": sample.body,
                        "size": sample.size,
                        "count": sample.count,
                        "now": sample.now,
                        "since": sample.now - _ALIKE_FOR,
                        "most": _IN_AN_HOUR,
                    }
                    await connection.execute(_SAMPLE, values)
                for integration, at in used.items():
                    await connection.execute(_USED, [at, integration, at])
        except (psycopg.Error, OSError, TimeoutError) as error:
            logger.info("notes of the door were dropped", extra={"error": str(error)})
            await self._close()

    async def _connected(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(
                self._url, autocommit=True, connect_timeout=3, application_name="tocsin-ingest-notes"
            )
        return self._connection

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error, OSError):
                await connection.close()
