"""Which integration a key belongs to, from memory: all integrations are few, and are read together."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from tocsin.lib import clock

FRESH_S: Final = 2.0
# A wrong key never costs more than two reads a second, however many are tried.
_PAUSE_S: Final = 0.5
_AWAY_S: Final = 0.5
_ANSWER_WITHIN_S: Final = 2.0

_READ: Final = "SELECT key, id, name, kind, enabled FROM integrations_integration"


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

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._known: Mapping[str, Known] = {}
        self._read_at = self._failed_at = -1e9
        self._reading = asyncio.Lock()

    async def find(self, key: str) -> Known | None:
        """Raises AwayError when the key is not known and the database cannot be asked."""
        asked_at = clock.monotonic()
        known = self._known.get(key)
        if known is not None and asked_at - self._read_at < FRESH_S:
            return known
        try:
            await self._read_since(asked_at if known is None else asked_at - FRESH_S)
        except AwayError:
            if known is None:
                raise
            return known
        return self._known.get(key)

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error, OSError):
                await connection.close()

    async def _read_since(self, moment: float) -> None:
        """Make sure that what is known was read after `moment`; one reader for all who wait."""
        if clock.monotonic() - self._failed_at < _AWAY_S:
            raise AwayError
        async with self._reading:
            if self._read_at >= moment:
                return
            if self._failed_at >= moment:
                raise AwayError
            pause = self._read_at + _PAUSE_S - clock.monotonic()
            if pause > 0:
                await asyncio.sleep(pause)
            read_at = clock.monotonic()
            try:
                async with asyncio.timeout(_ANSWER_WITHIN_S):
                    self._known = await self._read()
            except (psycopg.Error, OSError, TimeoutError) as error:
                self._failed_at = clock.monotonic()
                await self.close()
                raise AwayError from error
            self._read_at = read_at

    async def _read(self) -> Mapping[str, Known]:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(
                self._url, autocommit=True, connect_timeout=2, application_name="tocsin-ingest-keys"
            )
        rows = await self._connection.execute(_READ)
        return {row[0]: Known(row[1], row[2], row[3], row[4]) for row in await rows.fetchall()}
