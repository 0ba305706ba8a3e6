"""Grouped commits. While one batch is being committed the next one gathers; a batch is one COPY, so one
commit for all who wait. Repeats of one dedup key inside a batch are one row with a count.

Of an integration that is above its quota, events gather in a batch of their own for longer, so that more of
them fold. What the database does not take goes to the spool.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import psycopg

from tocsin.entrypoints.ingest import rows
from tocsin.entrypoints.ingest.line import Line
from tocsin.entrypoints.ingest.overflow import Overflow
from tocsin.entrypoints.ingest.rows import Row
from tocsin.lib import clock, ids, metrics
from tocsin.lib.spool import SpoolError
from tocsin.ports.source import Envelope

logger = logging.getLogger(__name__)

_MOST_BYTES: Final = 32 * 1024 * 1024
_MOST_ROWS: Final = 50_000
_COMMIT_WITHIN_S: Final = 2.5
_STOP_WITHIN_S: Final = 10.0
_NOTIFY_EVERY_S: Final = 0.02
# When many send at once, a moment's wait lets them share a commit, which is most of what an event costs.
_GATHER_S: Final = 0.003
_MANY: Final = 4
_FOLD_S: Final = 0.25  # how long events above the quota gather
_ROW_OVERHEAD: Final = 200

_rows_total = metrics.counter("ingest_rows", "Rows written by the door")
_events_total = metrics.counter("ingest_events", "Events accepted by the door")
_folded_total = metrics.counter("ingest_folded", "Events above a quota that were folded into others")
_commits = metrics.seconds("ingest_commit", "One grouped commit of the door")


class FullError(Exception):
    """More waits for the database than may be held in memory."""


class _Batch:
    __slots__ = ("bytes", "done", "error", "events", "id", "newest", "rows", "senders")

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.newest: dict[tuple[int, bytes], Row] = {}
        self.bytes = 0
        self.events = 0
        self.senders = 0
        self.id = ids.new_id()[:24]
        self.done = asyncio.Event()
        self.error: Exception | None = None

    def add(self, integration_id: int, kind: bytes, envelopes: Sequence[Envelope]) -> str:
        """The id under which they are accepted: a UUID whose last digits count the senders of this batch.
        Raises Invalid, and has taken nothing then.
        """
        accepted = f"{self.id}{self.senders + 1:012x}"
        event_id = accepted.encode()
        made = [Row(event_id, integration_id, kind, each) for each in envelopes]
        self.senders += 1
        newest, size = self.newest, 0
        for fresh in made:
            key = (integration_id, fresh.dedup_key)
            row = newest.get(key)
            if row is not None and row.alike(fresh):
                row.count += 1
                size += len(fresh.payload) - len(row.payload)
                row.payload = fresh.payload
            else:
                newest[key] = fresh
                self.rows.append(fresh)
                size += len(fresh.payload) + _ROW_OVERHEAD
        self.bytes += size
        self.events += len(made)
        return accepted


class Writer:
    """`submit` returns when the events are on disk, in the database or in the spool. Raises SpoolError when
    neither takes them, FullError when too many wait in memory, and Invalid for an event that none would take.
    """

    def __init__(self, line: Line, overflow: Overflow) -> None:
        self._line, self._overflow = line, overflow
        self._gathering, self._folding = _Batch(), _Batch()
        self._fold_until = 0.0
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._notified_at = 0.0
        self._notify_owed = False
        self._senders = 0  # of the last batch

    def start(self) -> None:
        self._stopping = False
        self._task = asyncio.create_task(self._run(), name="ingest-writer")

    async def stop(self) -> None:
        """Commits what was submitted first, and what is being committed: its senders are to hear of it."""
        self._fold_until = 0.0
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=_STOP_WITHIN_S)
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def submit(
        self, integration_id: int, envelopes: Sequence[Envelope], kind: bytes = b"", *, fold: bool = False
    ) -> str:
        """The id under which the events were accepted. `kind` where it is not the integration's own; `fold`:
        there is no hurry.
        """
        batch = self._folding if fold else self._gathering
        if batch.bytes > _MOST_BYTES or len(batch.rows) > _MOST_ROWS:
            raise FullError
        event_id = batch.add(integration_id, kind, envelopes)
        if fold and batch.senders == 1:
            self._fold_until = clock.monotonic() + _FOLD_S
        self._wake.set()
        await batch.done.wait()
        if batch.error is not None:
            raise SpoolError(str(batch.error)) from batch.error
        return event_id

    async def _run(self) -> None:
        while not self._stopping or self._gathering.senders or self._folding.senders:
            await self._woken()
            if self._gathering.senders and self._senders >= _MANY:
                await asyncio.sleep(_GATHER_S)
            self._wake.clear()
            if self._folding.senders and clock.monotonic() >= self._fold_until:
                batch, self._folding = self._folding, _Batch()
                await self._settle(batch)
                _folded_total.inc(batch.events - len(batch.rows))
            batch, self._gathering = self._gathering, _Batch()
            self._senders = batch.senders
            await self._settle(batch)

    async def _woken(self) -> None:
        """Until there is something to do; something that was put off is done in time."""
        waits = [_NOTIFY_EVERY_S] if self._notify_owed else []
        if self._folding.senders:
            waits.append(max(0.0, self._fold_until - clock.monotonic()))
        if not waits:
            await self._wake.wait()
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(min(waits)):
                await self._wake.wait()

    async def _settle(self, batch: _Batch) -> None:
        try:
            if batch.rows or self._notify_owed:
                await self._store(batch)
        except SpoolError as error:
            logger.warning("events are refused with 503", extra={"error": str(error)})
            batch.error = error
        except Exception as error:
            logger.exception("a batch of events could not be kept")
            batch.error = error
        batch.done.set()

    async def _store(self, batch: _Batch) -> None:
        received = rows.micros(clock.now())
        if self._overflow.waiting and not await self._overflow.nearly_empty():
            await self._spool(batch, received, doubt=False)
            return
        try:
            async with asyncio.timeout(_COMMIT_WITHIN_S):
                await self._write(batch, received)
        except (psycopg.Error, OSError, TimeoutError) as error:
            await self._line.drop()
            self._notify_owed = False  # workers look by themselves every second
            if not batch.done.is_set():
                logger.warning("the database is away; events go to the spool", extra={"error": str(error)})
                await self._spool(batch, received, doubt=True)

    async def _spool(self, batch: _Batch, received: int, *, doubt: bool) -> None:
        if batch.rows:
            await self._overflow.keep(batch.id, received, batch.rows, doubt=doubt)
            self._counted(batch)

    async def _write(self, batch: _Batch, received: int) -> None:
        connection = await self._line.get(self._overflow.names)
        if batch.rows:
            started = clock.perf()
            await rows.copy(connection, ((received, batch.rows),))
            # Committed from here on: nothing below may make it look as if it were not.
            _commits.observe(clock.perf() - started)
            self._counted(batch)
            self._notify_owed = True
            batch.done.set()
        if self._notify_owed and clock.monotonic() - self._notified_at >= _NOTIFY_EVERY_S:
            await self._notify(connection)

    async def _notify(self, connection: psycopg.AsyncConnection[Any]) -> None:
        with suppress(psycopg.Error):
            await connection.execute("NOTIFY tocsin_events")
        self._notified_at = clock.monotonic()
        self._notify_owed = False

    @staticmethod
    def _counted(batch: _Batch) -> None:
        _rows_total.inc(len(batch.rows))
        _events_total.inc(batch.events)
