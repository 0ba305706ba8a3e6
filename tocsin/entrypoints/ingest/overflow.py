"""What the database does not take now: kept in spools on this host's disk, and copied in later, in order.

While anything waits here, what comes after it goes behind it. A batch that was copied is known by the ids of
its events, so that none is copied twice, wherever this process or the database was killed.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import psycopg

from tocsin.domain.errors import Invalid
from tocsin.entrypoints.ingest import rows
from tocsin.entrypoints.ingest.line import Line
from tocsin.entrypoints.ingest.rows import Row
from tocsin.lib import clock, metrics, spool
from tocsin.lib.spool import Batch, DamagedError, Spool, SpoolError

logger = logging.getLogger(__name__)

T = TypeVar("T")

_ROWS_AT_ONCE: Final = 5000
_BYTES_AT_ONCE: Final = 8 * 1024 * 1024
_COPIED_WITHIN_S: Final = 30.0
_RETRY_S: Final = (0.1, 0.25, 0.5, 1.0)
_ADOPT_EVERY_S: Final = 30.0
_ABANDONED_S: Final = 60.0
_WARN_AT: Final = 0.5
_LAST_OF_IT_S: Final = 0.5
# Errors of the rows themselves: values, constraints, limits. All others are the database's.
_OF_ROWS: Final = frozenset({"22", "23", "54"})

_THERE: Final = (
    "SELECT EXISTS (SELECT FROM integrations_event WHERE received_at = %s AND starts_with(event_id, %s))"
)
_SET_ASIDE: Final = (
    "INSERT INTO integrations_event (event_id, integration_id, kind, action, dedup_key, lane, payload, count,"
    " received_at, processed_at, set_aside) VALUES (%s, %s, '', %s, %s, 0, '', %s, %s, now(), %s)"
)
_REPORT: Final = (
    "INSERT INTO integrations_spooling (began_at, ended_at, events, share, told)"
    " VALUES (%s, %s, %s, %s, false)"
)

_waiting = metrics.gauge("spool_events", "Rows of events that wait on disk for the database")
_bytes = metrics.gauge("spool_bytes", "Bytes that spools hold, those of this host's other processes too")
_share = metrics.gauge("spool_share", "How full the spool is, 0 to 1")
_damaged = metrics.gauge("spool_damaged_files", "Damaged files of spools that were put aside for a person")
_age = metrics.gauge("spool_age_seconds", "Age of the oldest event that waits on disk; 0 when none does")
_taken = metrics.counter("spool_events_taken", "Rows of events written to the spool")
_drained = metrics.counter("spool_events_drained", "Rows of events copied from the spool to the database")


class Overflow:
    def __init__(self, folder: Path, most_bytes: int, line: Line) -> None:
        self._folder, self._most = folder, most_bytes
        self._line = line
        self._older: list[Spool] = []  # of processes that are gone
        self._own: Spool | None = None
        self._others = 0  # bytes of other processes' files, which count too
        self._thread = ThreadPoolExecutor(1, "spool")  # a disk's wait is not the loop's
        self._doubts = False  # what stands first may have been copied already
        self._work, self._over = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failures = 0
        self._wait = _Wait()

    async def start(self) -> None:
        """Adopts what processes before us left."""
        self._older = await self._run(lambda: spool.adopt(self._folder))
        try:
            self._own = await self._run(lambda: spool.create(self._folder))
        except SpoolError:
            logger.exception(
                "nothing can be kept here while the database is away", extra={"folder": str(self._folder)}
            )
        if self.waiting:
            self._doubts = True
            logger.warning("events wait in the spool", extra={"events": self.waiting})
            self._wait.add(self._oldest() or clock.now(), self.waiting)
            self._work.set()
        _age.set_function(self.age_s)
        await self._look()
        self._task = asyncio.create_task(self._drain(), name="ingest-spool")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        for each in self._all:
            await self._run(each.close)
        self._thread.shutdown()

    @property
    def _all(self) -> list[Spool]:
        return [*self._older, self._own] if self._own else self._older

    @property
    def waiting(self) -> int:
        return sum(each.rows for each in self._all)

    @property
    def share(self) -> float:
        """How full the spool is, by the sum that the limit counts."""
        return self._held / self._most

    @property
    def _held(self) -> int:
        return sum(each.bytes for each in self._all) + self._others

    @property
    def names(self) -> list[str]:
        return [each.name for each in self._all]

    def age_s(self) -> float:
        oldest = self._oldest()
        return max(0.0, (clock.now() - oldest).total_seconds()) if oldest else 0.0

    async def nearly_empty(self) -> bool:
        """Waits a moment where little is left and the database takes it. Whether nothing waits any more."""
        if 0 < self.waiting <= _ROWS_AT_ONCE and not self._failures:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_OF_IT_S):
                    await self._over.wait()
        return not self.waiting

    async def keep(self, id_: str, received: int, events: Sequence[Row], *, doubt: bool) -> None:
        """On disk when this returns; raises SpoolError when the spool is full or the disk refuses."""
        spooled = [each.spooled() for each in events]
        self._over.clear()
        try:
            await self._run(lambda: self._append(id_, received, spooled, doubt=doubt))
        except DamagedError:
            # What is in it is still copied, as far as it can be read; whether this batch is, nobody knows.
            self._older, self._own = self._all, None
            await self._run(lambda: self._append(id_, received, spooled, doubt=True))
        _taken.inc(len(events))
        self._wait.add(clock.now(), len(events))
        self._show()
        self._work.set()

    def _append(self, id_: str, received: int, spooled: Sequence[spool.Spooled], *, doubt: bool) -> None:
        if self._own is None:
            self._own = spool.create(self._folder)
        self._others = spool.others(self._folder, self.names)
        if self._held > self._most:
            raise SpoolError("the spool is full")
        self._own.append(id_, received, spooled, doubt=doubt)

    async def _drain(self) -> None:
        while True:
            try:
                if not self._work.is_set():
                    await self._idle()
                elif self.waiting:
                    async with asyncio.timeout(_COPIED_WITHIN_S):
                        await self._chunk()
                    self._failures = 0
                else:
                    async with asyncio.timeout(_COPIED_WITHIN_S):
                        await self._all_copied()
            except (psycopg.Error, OSError, TimeoutError, SpoolError) as error:
                logger.info("the spool waits", extra={"error": str(error), "events": self.waiting})
                await self._line.drop()
                await asyncio.sleep(_RETRY_S[min(self._failures, len(_RETRY_S) - 1)])
                self._failures += 1
            except Exception:
                logger.exception("the spool could not be copied; it is tried again")
                await self._line.drop()
                await asyncio.sleep(_RETRY_S[-1])
                self._failures += 1

    async def _idle(self) -> None:
        try:
            async with asyncio.timeout(_ADOPT_EVERY_S):
                await self._work.wait()
        except TimeoutError:
            found = await self._run(lambda: spool.adopt(self._folder, untouched_s=_ABANDONED_S))
            await self._look()
            if found:
                self._older += found
                self._doubts = True
                self._over.clear()
                self._wait.add(clock.now(), self.waiting)
                self._work.set()

    async def _chunk(self) -> None:
        first = next(each for each in self._all if each.rows)
        batches = await self._run(lambda: first.first(_ROWS_AT_ONCE, _BYTES_AT_ONCE))
        if first.over and not batches:
            await self._put_aside(first)
        if not batches:
            return
        connection = await self._line.get(self.names)
        fresh = await self._absent(connection, batches)
        self._doubts = True
        await _copied(connection, fresh)
        await self._run(lambda: first.drop(batches[-1].seq))
        self._doubts = False
        _drained.inc(sum(len(batch.events) for batch in fresh))
        if first in self._older and not first.rows:
            self._older.remove(first)
            await self._run(first.close)
            self._doubts = bool(self._older)
        elif first.stale and not first.rows:
            await self._run(self._renew)
        with suppress(psycopg.Error):
            await connection.execute("NOTIFY tocsin_events")
        self._show()

    async def _put_aside(self, one: Spool) -> None:
        if one is self._own:
            self._own = None
        else:
            self._older.remove(one)
        await self._run(one.put_aside)
        self._doubts = bool(self._older)
        await self._look()

    def _renew(self) -> None:
        """A file of which nothing can be deleted on a full disk is deleted whole."""
        if self._own is not None and self._own.stale and not self._own.rows:
            self._own.close()
            self._own = None

    async def _look(self) -> None:
        """What others have in the folder changes without us."""
        self._others = await self._run(lambda: spool.others(self._folder, self.names))
        _damaged.set(len(await self._run(lambda: spool.damaged(self._folder))))
        self._show()

    async def _absent(
        self, connection: psycopg.AsyncConnection[Any], batches: Sequence[Batch]
    ) -> list[Batch]:
        """Those that were not copied. They are copied in order: what follows an absent one never was, unless
        it was in doubt itself.
        """
        fresh, doubts = [], self._doubts
        for batch in batches:
            if doubts or batch.doubt:
                found = await connection.execute(_THERE, [_moment(batch.received), batch.id])
                if (await found.fetchone() or (False,))[0]:
                    continue
            doubts = False
            fresh.append(batch)
        return fresh

    async def _all_copied(self) -> None:
        self._work.clear()
        self._over.set()
        self._show()
        wait, self._wait = self._wait, _Wait()
        if wait.began is None:
            return
        told = False
        try:
            connection = await self._line.get(self.names)
            await connection.execute(_REPORT, [wait.began, clock.now(), wait.events, wait.fullest])
            told = True
        finally:
            if not told:  # again, with what came meanwhile
                self._wait = wait.and_then(self._wait)
                self._work.set()
        logger.warning("all events of the spool are in the database", extra={"events": wait.events})

    def _oldest(self) -> datetime | None:
        moments = [each.oldest for each in self._all if each.oldest]
        return _moment(min(moments)) if moments else None

    def _show(self) -> None:
        _waiting.set(self.waiting)
        _bytes.set(self._held)
        _share.set(self.share)
        self._wait.see(self.share)

    async def _run(self, deed: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, deed)


class _Wait:
    """One time for which the database was away, for the report."""

    def __init__(self) -> None:
        self.began: datetime | None = None
        self.events, self.fullest = 0, 0.0

    def add(self, now: datetime, events: int) -> None:
        self.began = self.began or now
        self.events += events

    def see(self, share: float) -> None:
        if self.fullest < _WARN_AT <= share:
            logger.error("the spool is half full; events are refused once it is full")
        self.fullest = max(self.fullest, share)

    def and_then(self, later: "_Wait") -> "_Wait":
        self.began = self.began or later.began
        self.events += later.events
        self.fullest = max(self.fullest, later.fullest)
        return self


async def _copied(connection: psycopg.AsyncConnection[Any], batches: Sequence[Batch]) -> None:
    parts = [(batch.received, _rows(batch)) for batch in batches]
    if not any(several for _, several in parts):
        return
    try:
        await rows.copy(connection, parts)
    except psycopg.Error as error:
        if (error.sqlstate or "")[:2] not in _OF_ROWS:
            raise
        await _one_by_one(connection, parts)


def _rows(batch: Batch) -> list[Row]:
    """Without those that a damaged file made into something that no door has written."""
    made = []
    for each in batch.events:
        try:
            made.append(rows.of_spooled(each))
        except (ValueError, Invalid):
            logger.exception("an event of a spool cannot be read", extra={"event": each.event_id})
    return made


async def _one_by_one(
    connection: psycopg.AsyncConnection[Any], parts: Sequence[tuple[int, Sequence[Row]]]
) -> None:
    """A row that the database refuses is set aside without its payload, and holds up no other."""
    async with connection.transaction():
        for received, several in parts:
            for row in several:
                try:
                    async with connection.transaction():
                        await rows.copy(connection, [(received, [row])])
                except psycopg.Error as error:
                    if (error.sqlstate or "")[:2] not in _OF_ROWS:
                        raise
                    values = [row.event_id.decode(), row.integration_id, row.action.decode()]
                    reason = f"the database refused it: {error}".replace("\0", "")[:512]
                    key = row.dedup_key.decode().replace("\0", "")[: rows.LONGEST_KEY]
                    await connection.execute(_SET_ASIDE, [*values, key, row.count, _moment(received), reason])


def _moment(micros: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros)
