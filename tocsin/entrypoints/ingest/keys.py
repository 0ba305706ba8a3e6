"""Which integration a key belongs to, from memory: all integrations are few, and are read together."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from tocsin.lib import clock

FRESH_S: Final = 2.0
# A wrong key never costs more than two reads a second, however many are tried.
_PAUSE_S: Final = 0.5

Pool = AsyncConnectionPool[psycopg.AsyncConnection[Any]]


class AwayError(Exception):
    """The database does not answer."""


@dataclass(frozen=True, slots=True)
class Known:
    id: int
    name: str
    kind: str
    enabled: bool


class Keys:
    """Serves what it knows while the database is away: what cannot be written is refused later, and says
    why.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: Mapping[str, Known] = {}
        self._read_at = -1e9
        self._reading = asyncio.Lock()

    async def find(self, key: str) -> Known | None:
        """Raises AwayError when the key is not known and the database cannot be asked."""
        asked_at = clock.monotonic()
        known = self._known.get(key)
        if known is not None and asked_at - self._read_at < FRESH_S:
            return known
        try:
            await self._read_since(asked_at if known is None else asked_at - FRESH_S)
        except (psycopg.Error, PoolTimeout, TimeoutError) as error:
            if known is None:
                raise AwayError from error
            return known
        return self._known.get(key)

    async def _read_since(self, moment: float) -> None:
        """Make sure that what is known was read after `moment`; one reader for all who wait."""
        async with self._reading:
            if self._read_at >= moment:
                return
            pause = self._read_at + _PAUSE_S - clock.monotonic()
            if pause > 0:
                await asyncio.sleep(pause)
            read_at = clock.monotonic()
            async with asyncio.timeout(2.5), self._pool.connection() as connection:
                rows = await connection.execute(
                    "SELECT key, id, name, kind, enabled FROM integrations_integration"
                )
                self._known = {row[0]: Known(row[1], row[2], row[3], row[4]) async for row in rows}
            self._read_at = read_at
