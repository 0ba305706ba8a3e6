"""Grouped commits. While one batch is being committed the next one gathers; a batch is one COPY, so one
commit for all who wait. Repeats of one dedup key inside a batch are one row with a count.
"""

import asyncio
import logging
import struct
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final
from zlib import crc32

import psycopg

from tocsin.domain.signal import LANES, EventAction
from tocsin.entrypoints.ingest.keys import AwayError
from tocsin.lib import clock, ids, metrics
from tocsin.ports.source import Envelope

logger = logging.getLogger(__name__)

_MOST_BYTES: Final = 32 * 1024 * 1024
_MOST_ROWS: Final = 50_000
_COMMIT_WITHIN_S: Final = 5.0
_RECONNECT_S: Final = (0.1, 0.25, 0.5, 1.0)
_NOTIFY_EVERY_S: Final = 0.02
# When many send at once, a moment's wait lets them share a commit, which is most of what an event costs.
_GATHER_S: Final = 0.003
_MANY: Final = 4
_ROW_OVERHEAD: Final = 200

_COPY: Final = (
    "COPY integrations_event"
    " (event_id, integration_id, kind, action, dedup_key, lane, payload, count, received_at, set_aside)"
    " FROM STDIN (FORMAT BINARY)"
)
_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = struct.pack("!h", -1)
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_START: Final = struct.Struct("!hi").pack
_LENGTH: Final = struct.Struct("!i").pack
_INTEGRATION: Final = struct.Struct("!iqi").pack
_LANE: Final = struct.Struct("!ihi").pack
_END: Final = struct.Struct("!iiiqi").pack

_rows_total = metrics.counter("ingest_rows", "Rows written by the door")
_events_total = metrics.counter("ingest_events", "Events accepted by the door")
_commits = metrics.seconds("ingest_commit", "One grouped commit of the door")


class FullError(Exception):
    """More waits for the database than may be held in memory."""


class _Row:
    __slots__ = ("action", "count", "dedup_key", "event_id", "integration_id", "kind", "payload", "severity")

    def __init__(self, event_id: bytes, integration_id: int, kind: bytes, envelope: Envelope) -> None:
        self.event_id = event_id
        self.kind = kind
        self.integration_id = integration_id
        self.action, self.dedup_key, self.payload, self.severity = envelope
        self.count = 1


class _Batch:
    __slots__ = ("bytes", "done", "error", "events", "id", "newest", "rows", "senders")

    def __init__(self) -> None:
        self.rows: list[_Row] = []
        self.newest: dict[tuple[int, str], _Row] = {}
        self.bytes = 0
        self.events = 0
        self.senders = 0
        self.id = ids.new_id()[:24]
        self.done = asyncio.Event()
        self.error: Exception | None = None

    def add(self, integration_id: int, kind: bytes, envelopes: Sequence[Envelope]) -> str:
        """The id under which they are accepted: a UUID whose last digits count the senders of this batch."""
        newest, size = self.newest, 0
        self.senders += 1
        accepted = f"{self.id}{self.senders:012x}"
        event_id = accepted.encode()
        for envelope in envelopes:
            action, dedup_key, payload, severity = envelope
            key = (integration_id, dedup_key)
            row = newest.get(key)
            if row is not None and row.action is action and row.severity == severity and row.kind == kind:
                row.count += 1
                size += len(payload) - len(row.payload)
                row.payload = payload
            else:
                newest[key] = row = _Row(event_id, integration_id, kind, envelope)
                self.rows.append(row)
                size += len(payload) + _ROW_OVERHEAD
        self.bytes += size
        self.events += len(envelopes)
        return accepted


class Writer:
    """One connection, one task. `submit` returns when the events are committed, or raises AwayError or
    FullError.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._gathering = _Batch()
        self._wake = asyncio.Event()
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._task: asyncio.Task[None] | None = None
        self._failures = 0
        self._retry_at = 0.0
        self._notified_at = 0.0
        self._notify_owed = False
        self._senders = 0  # of the last batch

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="ingest-writer")

    async def stop(self) -> None:
        """Commits what was submitted first."""
        if self._gathering.rows:
            with suppress(TimeoutError):
                async with asyncio.timeout(_COMMIT_WITHIN_S):
                    await self._gathering.done.wait()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._disconnect()

    async def submit(self, integration_id: int, envelopes: Sequence[Envelope], kind: bytes = b"") -> str:
        """The id under which the events were accepted. `kind` where it is not the integration's own."""
        batch = self._gathering
        if batch.bytes > _MOST_BYTES or len(batch.rows) > _MOST_ROWS:
            raise FullError
        if self._failures and clock.monotonic() < self._retry_at:
            raise AwayError  # known to be away a moment ago: the sender need not wait to hear it
        event_id = batch.add(integration_id, kind, envelopes)
        self._wake.set()
        await batch.done.wait()
        if batch.error is not None:
            raise AwayError from batch.error
        return event_id

    async def _run(self) -> None:
        while True:
            if not self._notify_owed:
                await self._wake.wait()
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_NOTIFY_EVERY_S):
                        await self._wake.wait()
            if self._gathering.senders and self._senders >= _MANY:
                await asyncio.sleep(_GATHER_S)
            self._wake.clear()
            batch, self._gathering = self._gathering, _Batch()
            self._senders = batch.senders
            try:
                async with asyncio.timeout(_COMMIT_WITHIN_S):
                    await self._write(batch)
                self._failures = 0
            except (psycopg.Error, OSError, TimeoutError) as error:
                await self._failed(error)
                batch.error = error
            except Exception as error:
                logger.exception("a batch of events could not be written")
                await self._disconnect()
                batch.error = error
            batch.done.set()

    async def _write(self, batch: _Batch) -> None:
        connection = self._connection or await self._connect()
        if batch.rows:
            data = _binary(batch.rows, clock.now())
            started = clock.perf()
            async with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
                await copy.write(data)
            # Committed from here on: nothing below may make it look as if it were not.
            _commits.observe(clock.perf() - started)
            _rows_total.inc(len(batch.rows))
            _events_total.inc(batch.events)
            self._notify_owed = True
            batch.done.set()
        if self._notify_owed and clock.monotonic() - self._notified_at >= _NOTIFY_EVERY_S:
            with suppress(psycopg.Error):
                await connection.execute("NOTIFY tocsin_events")
            self._notified_at = clock.monotonic()
            self._notify_owed = False

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        self._connection = await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, connect_timeout=3, application_name="tocsin-ingest"
        )
        return self._connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error, OSError):
                await connection.close()

    async def _failed(self, error: Exception) -> None:
        if self._failures == 0:
            logger.warning("the database is away; events are refused with 503", extra={"error": str(error)})
        await self._disconnect()
        self._notify_owed = False  # workers look by themselves every second
        pause = _RECONNECT_S[min(self._failures, len(_RECONNECT_S) - 1)]
        self._failures += 1
        self._retry_at = clock.monotonic() + pause


def _binary(rows: Sequence[_Row], now: datetime) -> bytes:
    """Rows in PostgreSQL's binary COPY format: the cheapest form for both sides."""
    received = round((now - _EPOCH).total_seconds() * 1_000_000)
    parts = [_HEADER]
    add = parts.append
    for row in rows:
        event_id, action, dedup_key = row.event_id, _ACTION_BYTES[row.action], row.dedup_key.encode()
        add(_START(10, len(event_id)))
        add(event_id)
        add(_INTEGRATION(8, row.integration_id, len(row.kind)))
        add(row.kind)
        add(_LENGTH(len(action)))
        add(action)
        add(_LENGTH(len(dedup_key)))
        add(dedup_key)
        lane = crc32(dedup_key, row.integration_id & 0xFFFFFFFF) % LANES
        add(_LANE(2, lane, len(row.payload)))
        add(row.payload)
        add(_END(4, row.count, 8, received, 0))
    add(_TRAILER)
    return b"".join(parts)


_ACTION_BYTES: Final = {action: action.value.encode() for action in EventAction}
