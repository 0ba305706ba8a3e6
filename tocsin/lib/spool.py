"""A spool: batches of events that wait on this host's disk until the database takes them, in SQLite files.

A commit is on the disk when `append` returns (write-ahead log, synchronous=FULL: the log is fsynced at each
commit). Each process has a file of its own and holds a lock beside it for as long as it lives; the file of a
process that is gone is adopted, older files first. Not thread-safe: use one thread for one folder.
"""

import fcntl
import os
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, NamedTuple

from tocsin.lib import clock, ids

_FILE: Final = ".spool"
_LOCK: Final = ".lock"
_ROW_OVERHEAD: Final = 200
_WORTH_SHRINKING: Final = 16 * 1024 * 1024

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS batch (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,                -- of which its events' ids begin
    received INTEGER NOT NULL,       -- microseconds since 1970
    doubt INTEGER NOT NULL,          -- 1: the database may have it already
    bytes INTEGER NOT NULL,
    events INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    batch INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    integration INTEGER NOT NULL,
    kind TEXT NOT NULL,
    action TEXT NOT NULL,
    dedup_key TEXT NOT NULL,
    payload BLOB NOT NULL,
    count INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS event_batch ON event (batch);
"""

_SUMS: Final = "SELECT coalesce(sum(events), 0), coalesce(sum(bytes), 0) FROM batch"


class SpoolError(Exception):
    """The disk refuses, or the spool holds as much as it may."""


class Spooled(NamedTuple):
    event_id: str
    integration_id: int
    kind: str
    action: str
    dedup_key: str
    payload: bytes
    repeats: int


class Batch(NamedTuple):
    seq: int
    id: str
    received: int
    doubt: bool
    events: Sequence[Spooled]


class Spool:
    """One file, locked for this process. `rows`, `bytes` and `oldest` (µs since 1970, 0: empty) are kept."""

    def __init__(self, path: Path, lock: IO[bytes]) -> None:
        self.path = path
        self.name = path.stem
        self._lock = lock
        try:
            self._db = self._open()
            self.rows, self.bytes = self._db.execute(_SUMS).fetchone()
            self.oldest = self._oldest()
        except sqlite3.Error as error:
            lock.close()
            raise SpoolError(str(error)) from error

    def append(self, id_: str, received: int, events: Sequence[Spooled], *, doubt: bool) -> None:
        """On disk when this returns. Raises SpoolError; nothing of it is kept then."""
        size = sum(len(one.payload) + _ROW_OVERHEAD for one in events)
        try:
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                batch = self._db.execute(
                    "INSERT INTO batch (id, received, doubt, bytes, events) VALUES (?, ?, ?, ?, ?)",
                    (id_, received, doubt, size, len(events)),
                ).lastrowid
                self._db.executemany(
                    "INSERT INTO event"
                    " (batch, event_id, integration, kind, action, dedup_key, payload, count)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    [(batch, *one) for one in events],
                )
        except sqlite3.Error as error:
            raise SpoolError(str(error)) from error
        self.rows += len(events)
        self.bytes += size
        self.oldest = self.oldest or received

    def first(self, rows: int, most_bytes: int) -> list[Batch]:
        """The oldest batches, at least one if there is any, then for as long as they stay within both."""
        taken: list[Batch] = []
        have = held = 0
        query = "SELECT seq, id, received, doubt, bytes FROM batch ORDER BY seq LIMIT ?"
        try:
            for seq, id_, received, doubt, size in self._db.execute(query, (rows,)):
                if taken and (have >= rows or held + size > most_bytes):
                    break
                events = self._events(seq)
                taken.append(Batch(seq, id_, received, bool(doubt), events))
                have, held = have + len(events), held + size
        except sqlite3.Error as error:
            raise SpoolError(str(error)) from error
        return taken

    def drop(self, seq: int) -> None:
        """Forget all batches up to `seq`."""
        try:
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                gone, size = self._db.execute(f"{_SUMS} WHERE seq <= ?", (seq,)).fetchone()
                self._db.execute("DELETE FROM event WHERE batch <= ?", (seq,))
                self._db.execute("DELETE FROM batch WHERE seq <= ?", (seq,))
            self.rows -= gone
            self.bytes -= size
            self.oldest = self._oldest()
            if not self.rows:
                self._shrink()
        except sqlite3.Error as error:
            raise SpoolError(str(error)) from error

    def close(self) -> None:
        """An empty one leaves nothing behind."""
        with suppress(sqlite3.Error):
            self._db.close()
        if not self.rows:
            for path in (self.path, *self.path.parent.glob(f"{self.name}{_FILE}-*"), _lock_of(self.path)):
                path.unlink(missing_ok=True)
        self._lock.close()

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=5.0)
        try:
            # The schema is committed with a journal that is synced with its folder: the file itself is there.
            db.execute("PRAGMA synchronous = FULL")
            db.executescript(_SCHEMA)
            db.execute("PRAGMA journal_mode = WAL")
            self.path.chmod(0o600)
        except (sqlite3.Error, OSError):
            db.close()
            raise
        return db

    def _events(self, batch: int) -> list[Spooled]:
        found = self._db.execute(
            "SELECT event_id, integration, kind, action, dedup_key, payload, count FROM event"
            " WHERE batch = ? ORDER BY seq",
            (batch,),
        )
        return [Spooled(*row) for row in found]

    def _oldest(self) -> int:
        found = self._db.execute("SELECT received FROM batch ORDER BY seq LIMIT 1").fetchone()
        return found[0] if found else 0

    def _shrink(self) -> None:
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if self.path.stat().st_size > _WORTH_SHRINKING:
            self._db.execute("VACUUM")


def create(folder: Path) -> Spool:
    """A new file of our own. Raises SpoolError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{ids.new_id()}{_FILE}"
        lock = _locked(path)
        if lock is None:
            raise SpoolError(f"{path} is somebody else's")
        return Spool(path, lock)
    except OSError as error:
        raise SpoolError(str(error)) from error


def adopt(folder: Path, *, untouched_s: float = 0.0) -> list[Spool]:
    """The files of processes that are gone, the oldest first; those that nobody wrote for so long."""
    found: list[Spool] = []
    with suppress(OSError):
        for path in sorted(folder.glob(f"*{_FILE}")):
            if untouched_s and clock.now().timestamp() - _touched(path) < untouched_s:
                continue
            lock = _locked(path)
            if lock is not None:
                spool = _adopted(path, lock)
                found += [spool] if spool else []
    return found


def others(folder: Path, ours: Collection[str]) -> int:
    """Bytes on disk of the files that are not `ours`, by name."""
    total = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            name, found, _ = entry.name.partition(_FILE)
            if found and name not in ours:
                with suppress(OSError):
                    total += entry.stat().st_size
    return total


def _adopted(path: Path, lock: IO[bytes]) -> Spool | None:
    if not path.exists():  # its owner took it away in between
        _lock_of(path).unlink(missing_ok=True)
        lock.close()
        return None
    try:
        return Spool(path, lock)
    except SpoolError:
        # Damaged: put aside for a person, so that it stands in nobody's way.
        with suppress(OSError):
            path.rename(path.with_suffix(".damaged"))
        return None


def _touched(path: Path) -> float:
    times = []
    for one in (path, path.with_name(f"{path.name}-wal")):
        with suppress(OSError):
            times.append(one.stat().st_mtime)
    return max(times, default=0.0)


def _lock_of(path: Path) -> Path:
    return path.with_suffix(_LOCK)


def _locked(path: Path) -> IO[bytes] | None:
    lock = _lock_of(path).open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock
