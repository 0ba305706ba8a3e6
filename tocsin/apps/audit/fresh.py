"""Configuration kept in memory between two batches of work, for as long as nobody has changed anything.

Every change writes an audit entry in its own transaction, so the newest entries tell whether anything
changed: several, because two transactions may commit in another order than that of their entries. For the
same reason what is kept is read anew after two seconds whatever they are. Only a process that calls `enable`
keeps anything.
"""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final, Generic, TypeVar

from django.db import connection

from tocsin.lib import clock

_OLDEST_S: Final = 2.0
_NEWEST: Final = 20

T = TypeVar("T")

_enabled = threading.Event()


def enable() -> None:
    """For workers: they read the same configuration many times a second."""
    _enabled.set()


def enabled() -> bool:
    return _enabled.is_set()


class Fresh(Generic[T]):
    """What `load` gave, until something changed. What it gives is shared by threads and must not be
    altered.
    """

    def __init__(self, load: Callable[[datetime], T]) -> None:
        self._load = load
        self._kept: tuple[list[int], float, T] | None = None

    def get(self, at: datetime) -> T:
        """`at` is handed to `load`; it may matter by the day, not by the second."""
        if not _enabled.is_set():
            return self._load(at)
        version, now = _version(), clock.monotonic()
        kept = self._kept
        if kept is not None and kept[0] == version and now - kept[1] < _OLDEST_S:
            return kept[2]
        # The version was read first: what is loaded now is at least as new.
        value = self._load(at)
        self._kept = (version, now, value)
        return value


def _version() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM audit_auditentry ORDER BY id DESC LIMIT %s", [_NEWEST])
        return [row[0] for row in cursor.fetchall()]
