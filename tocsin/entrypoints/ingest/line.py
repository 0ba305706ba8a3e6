"""The door's one connection to the database. While it lives it holds an advisory lock for each spool of this
process: what an earlier connection began is over, one way or the other, before it is asked what it left.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

import psycopg

from tocsin.lib import ids

# A server that was cut off may hold its end, and with it the lock, for hours.
_END_OTHERS: Final = """
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid() AND objsubid = 1
    AND classid::bigint = %s AND objid::bigint = %s
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class BusyError(OSError):
    """An earlier connection of a spool's owner still works."""


class Line:
    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._held: set[str] = set()

    async def get(self, spools: Iterable[str]) -> psycopg.AsyncConnection[Any]:
        """Connected, with the locks of these spools. Raises psycopg.Error and BusyError."""
        if self._connection is None or self._connection.closed:
            self._held.clear()
            self._connection = await psycopg.AsyncConnection.connect(
                self._url, autocommit=True, connect_timeout=3, application_name="tocsin-ingest"
            )
        for name in spools:
            if name not in self._held:
                await self._hold(self._connection, name)
        return self._connection

    async def drop(self) -> None:
        connection, self._connection = self._connection, None
        self._held.clear()
        if connection is not None:
            with suppress(psycopg.Error, OSError):
                await connection.close()

    async def _hold(self, connection: psycopg.AsyncConnection[Any], name: str) -> None:
        key = ids.number_key(f"spool {name}")
        row = await (await connection.execute("SELECT pg_try_advisory_lock(%s)", [key])).fetchone()
        if row is None or not row[0]:
            halves = [(key >> 32) & 0xFFFFFFFF, key & 0xFFFFFFFF]
            await connection.execute(_END_OTHERS, halves)
            raise BusyError("an earlier connection is still at work")
        self._held.add(name)
