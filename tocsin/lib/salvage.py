"""Reading what can still be read of a damaged spool: batch by batch, and within a batch row by row.

Rows are asked for one at a time, by number, so that a page that cannot be read costs its own rows only.
Numbers have no gaps, because rows are only ever deleted from the front; so what is missing can be counted.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_UNREADABLE: Final = _DAMAGE | {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_ERROR}
_PRIMARY: Final = 0xFF  # what SQLite calls the primary code, without the details
_NUMBERS_AT_ONCE: Final = 20_000
_MOST_NUMBERS: Final = 5_000_000  # a number beyond that is damaged itself
_LATEST: Final = 10**16  # microseconds since 1970
_MOST_REPEATS: Final = 2**31

_BATCH: Final = "SELECT id, received, events FROM batch WHERE seq = ?"
_ROW: Final = (
    "SELECT batch, event_id, integration, kind, action, dedup_key, payload, count FROM event WHERE seq = ?"
)
_LOWEST: Final = (
    "SELECT seq FROM batch WHERE seq > ? ORDER BY seq LIMIT 1",
    "SELECT batch FROM event INDEXED BY event_batch WHERE batch > ? ORDER BY batch LIMIT 1",
)
_HIGHEST: Final = (
    "SELECT seq FROM batch WHERE seq > ? ORDER BY seq DESC LIMIT 1",
    "SELECT batch FROM event INDEXED BY event_batch WHERE batch > ? ORDER BY batch DESC LIMIT 1",
    "SELECT seq FROM sqlite_sequence WHERE name = 'batch' AND seq > ?",
)
_IN_BATCH: Final = "SELECT seq FROM event INDEXED BY event_batch WHERE batch = ? ORDER BY seq"
_KNOWN: Final = "SELECT sum(events) FROM batch WHERE seq > ?"
_SPAN: Final = (
    "SELECT (SELECT seq FROM sqlite_sequence WHERE name = 'event')"
    " - (SELECT seq FROM event ORDER BY seq LIMIT 1) + 1"
)


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


def is_damage(error: Exception) -> bool:
    """Whether the file itself is damaged; all else may pass: a full disk, no memory, no permission."""
    if isinstance(error, sqlite3.OperationalError) and not hasattr(error, "sqlite_errorcode"):
        return True  # a text that is none
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & _PRIMARY in _DAMAGE


def to_read(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing, and leaves the write-ahead log as it is."""
    address = f"{path.absolute().as_uri()}?mode=ro"
    db = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
    # A text that is damaged is still worth more than none.
    db.text_factory = lambda text: text.decode("utf-8", "replace")
    return db


class Salvage:
    """Of the batches behind `after`; `expected` events, 0 where that is not known."""

    def __init__(self, db: sqlite3.Connection, after: int, expected: int) -> None:
        self._db = db
        self._read = 0
        self.expected = expected or _number(self._one(_KNOWN, after)) or _number(self._one(_SPAN))
        lows = [_number(self._one(query, after)) for query in _LOWEST]
        self._number = min((low for low in lows if low > after), default=after + 1)
        highs = [_number(self._one(query, after)) for query in _HIGHEST]
        self._last = max((high for high in highs if high - after <= _MOST_NUMBERS), default=after)
        self._row = 0  # the number that the next batch's first event should have
        self.received = 0

    @property
    def over(self) -> bool:
        return self._number > self._last

    @property
    def lost(self) -> int:
        """How many events could not be read, as far as that is known."""
        return max(0, self.expected - self._read)

    def read(self, rows: int, most_bytes: int) -> list[Batch]:
        """The next batches; may be none although it is not `over`."""
        taken: list[Batch] = []
        have = held = 0
        end = self._number + _NUMBERS_AT_ONCE
        while not self.over and self._number < end and have < rows and held < most_bytes:
            batch = self._batch(self._number)
            self._number += 1
            if batch.events:
                taken.append(batch)
                have, held = have + len(batch.events), held + sum(len(one.payload) for one in batch.events)
        self._read += have
        return taken

    def _batch(self, number: int) -> Batch:
        """In doubt, so that the database is asked for it: what was copied may not have been deleted."""
        id_, received, count = "", 0, 0
        found = self._one(_BATCH, number)
        if found and [type(each) for each in found] == [str, int, int]:
            id_, received, count = found
        if is_moment(received):
            self.received = received
        events = []
        for seq in self._numbers(number, count):
            row = self._one(_ROW, seq)
            self._row = seq + 1
            if row and row[0] == number and is_sound(row[1:]):
                events.append(Spooled(*row[1:]))
        # What is not known of the batch itself is said by its events, and by the batch before it.
        return Batch(number, id_ or events[0].event_id[:24] if events else "", self.received, True, events)

    def _numbers(self, batch: int, count: int) -> Iterable[int]:
        found: list[int] = []
        try:
            found = [seq for (seq,) in self._db.execute(_IN_BATCH, (batch,))]
        except sqlite3.Error as error:
            _unless_unreadable(error)
        if len(found) >= count:
            return found
        start = self._row or _number(self._one("SELECT seq FROM event ORDER BY seq LIMIT 1"))
        return range(start, start + min(count, _MOST_NUMBERS))

    def _one(self, query: str, *values: int) -> Any:
        try:
            return self._db.execute(query, values).fetchone()
        except sqlite3.Error as error:
            _unless_unreadable(error)
            return None


def is_sound(values: Sequence[Any]) -> bool:
    """Whether a row has what was written: of a damaged page, anything may be read."""
    kinds = [str, int, str, str, str, bytes, int]
    return [type(each) for each in values] == kinds and 0 < values[-1] < _MOST_REPEATS


def is_moment(received: Any) -> bool:
    return isinstance(received, int) and 0 < received < _LATEST


def _number(row: Any) -> int:
    return row[0] if row and isinstance(row[0], int) else 0


def _unless_unreadable(error: sqlite3.Error) -> None:
    if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY not in _UNREADABLE:
        raise error
