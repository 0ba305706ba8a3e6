"""A spool: batches of events that wait on this host's disk until the database takes them, in SQLite files.

A commit is on the disk when `append` returns (write-ahead log, synchronous=FULL: the log is fsynced at each
commit). Each process has a file of its own and holds a lock beside it for as long as it lives; the file of a
process that is gone is adopted, older files first. Not thread-safe: use one thread for one folder.

Of a file that turns out to be damaged, what can be read is given out all the same; then it is put aside.
"""

import fcntl
import logging
import os
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import IO, Final

from tocsin.lib import clock, ids
from tocsin.lib.salvage import Batch, Salvage, Spooled, is_damage, is_moment, is_sound, to_read

__all__ = ["Batch", "Spool", "SpoolError", "Spooled"]

logger = logging.getLogger(__name__)

_FILE: Final = ".spool"
_LOCK: Final = ".lock"
_DAMAGED: Final = ".damaged"
_BESIDE: Final = ("", "-wal", "-shm")  # what SQLite keeps beside a file belongs to it
_ROW_OVERHEAD: Final = 200
_WORTH_SHRINKING: Final = 16 * 1024 * 1024
_PATIENCE: Final = 30  # readings that fail in a row, until the file is taken for damaged

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


class DamagedError(SpoolError):
    """The file turned out to be damaged: nothing more can be kept in it."""


class _MissingError(Exception):
    """Rows are not what they should be."""


class Spool:
    """One file, locked for this process. `rows`, `bytes` and `oldest` (µs since 1970, 0: empty) are kept."""

    def __init__(self, path: Path, lock: IO[bytes]) -> None:
        self.path = path
        self.name = path.stem
        self._lock = lock
        self.rows = self.bytes = self.oldest = 0
        self.stale = False  # the disk did not let us delete what was dropped
        self._dropped = 0
        self._handed: list[tuple[int, int, int]] = []  # seq, events, bytes
        self._failed = 0
        self._salvage: Salvage | None = None
        try:
            try:
                self._db = self._open()
                self.rows, self.bytes = self._db.execute(_SUMS).fetchone()
                self.oldest = self._oldest()
            except sqlite3.Error as error:
                if not is_damage(error):
                    raise
                self._distrust(error)
        except (sqlite3.Error, OSError) as error:
            lock.close()
            raise SpoolError(f"{path}: {error}") from error

    @property
    def damaged(self) -> bool:
        return self._salvage is not None

    @property
    def over(self) -> bool:
        """Damaged, and all that can be read of it was given out."""
        return self._salvage is not None and self._salvage.over

    def append(self, id_: str, received: int, events: Sequence[Spooled], *, doubt: bool) -> None:
        """On disk when this returns. Raises SpoolError; nothing of it is kept then, but perhaps where it is a
        DamagedError.
        """
        if self.damaged:
            raise DamagedError(f"{self.path} is damaged")
        size = _size(events)
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
            if is_damage(error):
                self._distrust(error)
                raise DamagedError(str(error)) from error
            raise SpoolError(str(error)) from error
        self.rows += len(events)
        self.bytes += size
        self.oldest = self.oldest or received

    def first(self, rows: int, most_bytes: int) -> list[Batch]:
        """The oldest batches, at least one if there is any, then for as long as they stay within both. None
        where a damaged file is `over`, or where the next ones cannot be read.
        """
        taken: list[Batch] = []
        try:
            if self._salvage is None:
                taken = self._healthy(rows, most_bytes)
            if self._salvage is not None:
                taken = self._salvage.read(rows, most_bytes)
                self.oldest = self._salvage.received
        except (sqlite3.Error, OSError) as error:
            raise SpoolError(f"{self.path}: {error}") from error
        self._handed = [(batch.seq, len(batch.events), _size(batch.events)) for batch in taken]
        return taken

    def drop(self, seq: int) -> None:
        """Forget the batches up to `seq`, of those that `first` gave. What the disk does not let us delete is
        not given again all the same.
        """
        self._dropped = seq
        self.rows = max(0, self.rows - sum(events for each, events, _ in self._handed if each <= seq))
        self.bytes = max(0, self.bytes - sum(size for each, _, size in self._handed if each <= seq))
        self._handed = [each for each in self._handed if each[0] > seq]
        if self._salvage is not None:
            self.rows = self.rows or 1  # there may be more, until it is over
            return
        try:
            self._forget()
            self.stale = False
        except (sqlite3.Error, OSError) as error:
            self.stale = True
            logger.warning(
                "what was copied cannot be deleted", extra={"file": str(self.path), "error": str(error)}
            )
            if is_damage(error):
                with suppress(sqlite3.Error, OSError):
                    self._distrust(error)

    def close(self) -> None:
        """An empty one leaves nothing behind."""
        with suppress(sqlite3.Error):
            self._db.close()
        if not self.rows:
            for end in _BESIDE:
                self.path.with_name(f"{self.path.name}{end}").unlink(missing_ok=True)
            _lock_of(self.path).unlink(missing_ok=True)
        self._lock.close()

    def put_aside(self) -> None:
        """Of a damaged one, for a person to look at; says so."""
        lost = self._salvage.lost if self._salvage else 0
        known = self._salvage.expected if self._salvage else 0
        kept = _moved_aside(self.path)
        self.rows = self.bytes = self.oldest = 0
        with suppress(sqlite3.Error):
            self._db.close()
        with suppress(OSError):
            _lock_of(self.path).unlink(missing_ok=True)
        self._lock.close()
        logger.error(
            "a spool was damaged; what could be read of it is copied, and the file is put aside",
            extra={"file": str(kept), "events_lost": lost if known else "unknown", "events_known": known},
        )

    def _healthy(self, rows: int, most_bytes: int) -> list[Batch]:
        try:
            taken = self._read(rows, most_bytes)
        except (sqlite3.Error, _MissingError) as error:
            self._failed += 1
            missing = isinstance(error, _MissingError)
            if not missing and not is_damage(error) and self._failed < _PATIENCE:
                raise
            self._distrust(error)
            return []
        self._failed = 0
        return taken

    def _read(self, rows: int, most_bytes: int) -> list[Batch]:
        taken: list[Batch] = []
        have = held = 0
        query = "SELECT seq, id, received, doubt, bytes, events FROM batch WHERE seq > ? ORDER BY seq LIMIT ?"
        with closing(self._db.execute(query, (self._dropped, rows))) as found:
            for seq, id_, received, doubt, size, count in found:
                if taken and (have >= rows or held + size > most_bytes):
                    break
                events = self._events(seq)
                if len(events) != count or not is_moment(received) or not all(map(is_sound, events)):
                    raise _MissingError(f"batch {seq}, of {count} events, is not what was written")
                taken.append(Batch(seq, id_, received, bool(doubt), events))
                have, held = have + len(events), held + size
        if self.rows and not taken:
            raise _MissingError("batches are missing")
        return taken

    def _distrust(self, error: Exception) -> None:
        """From here on only what can still be read is asked for."""
        if self._salvage is not None:
            return
        logger.error(
            "a spool is damaged; what can be read of it is copied",
            extra={"file": str(self.path), "error": str(error)},
        )
        before = getattr(self, "_db", None)
        self._db = to_read(self.path)
        self._salvage = Salvage(self._db, self._dropped, self.rows)
        self.rows = max(1, self._salvage.expected)
        if before is not None:  # only now: the last to close would write to the file
            with suppress(sqlite3.Error):
                before.close()

    def _open(self) -> sqlite3.Connection:
        if self.path.exists():  # looked at first: what is damaged must not be written to, not even by closing
            with closing(to_read(self.path)) as looked_at:
                looked_at.execute("SELECT count(*) FROM sqlite_master")
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
        query = "SELECT received FROM batch WHERE seq > ? ORDER BY seq LIMIT 1"
        found = self._db.execute(query, (self._dropped,)).fetchone()
        return found[0] if found else 0

    def _forget(self) -> None:
        self.oldest = self._oldest()
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("DELETE FROM event WHERE batch <= ?", (self._dropped,))
            self._db.execute("DELETE FROM batch WHERE seq <= ?", (self._dropped,))
        if not self.rows:
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
    """The files of processes that are gone, the oldest first; those that nobody wrote for so long. A file
    that cannot be opened now stays where it is, for the next time.
    """
    found: list[Spool] = []
    for path in damaged(folder):  # killed while it was put aside
        if not path.with_suffix(_FILE).exists():
            _moved_aside(path.with_suffix(_FILE))
    for path in files(folder):
        try:
            spool = _adopted(path, untouched_s)
        except (OSError, SpoolError) as error:
            logger.warning("a spool cannot be opened; it is tried again", extra={"error": str(error)})
            continue
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


def files(folder: Path) -> list[Path]:
    """Of whatever process, the oldest first."""
    with suppress(OSError):
        return sorted(folder.glob(f"*{_FILE}"))
    return []


def damaged(folder: Path) -> list[Path]:
    """Files that were put aside for a person."""
    with suppress(OSError):
        return sorted(folder.glob(f"*{_DAMAGED}"))
    return []


def _adopted(path: Path, untouched_s: float) -> Spool | None:
    if untouched_s and clock.now().timestamp() - _touched(path) < untouched_s:
        return None
    lock = _locked(path)
    if lock is None:
        return None
    if not path.exists():  # its owner took it away in between
        _lock_of(path).unlink(missing_ok=True)
        lock.close()
        return None
    spool = Spool(path, lock)
    if spool.rows:
        return spool
    spool.close()
    return None


def _size(events: Sequence[Spooled]) -> int:
    return sum(len(one.payload) + _ROW_OVERHEAD for one in events)


def _moved_aside(path: Path) -> Path:
    """The file and what SQLite keeps beside it, under one name, which SQLite opens again."""
    kept = path.with_suffix(_DAMAGED)
    for end in _BESIDE:
        with suppress(OSError):
            path.with_name(f"{path.name}{end}").rename(kept.with_name(f"{kept.name}{end}"))
    return kept


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
