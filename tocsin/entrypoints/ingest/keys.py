"""Which integration a key belongs to, from memory: all integrations are few, and are read together."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Final

import psycopg

from tocsin.domain.errors import Invalid
from tocsin.entrypoints.ingest.cache import Cache
from tocsin.lib import clock
from tocsin.ports import registry
from tocsin.ports.source import CheckedSource, CompatibleSource, RequestSource, Source

FRESH_S: Final = 2.0
# A wrong key never costs more than two reads a second, however many are tried.
_PAUSE_S: Final = 0.5
_AWAY_S: Final = 0.5
_ANSWER_WITHIN_S: Final = 2.0

_READ: Final = (
    "SELECT key, id, name, kind, enabled, config::text,"
    " CASE WHEN old_key_until > now() THEN old_key ELSE '' END, old_key_until FROM integrations_integration"
)


class AwayError(Exception):
    """The database does not answer."""


class MisconfiguredError(Exception):
    """What is stored for an integration does not hold (any more), which is not its sender's fault."""


@dataclass(frozen=True)
class Known:
    id: int
    name: str
    kind: str
    enabled: bool
    config: str = "{}"  # JSON
    until: datetime | None = None  # this is the old key, which opens until then

    @cached_property
    def quota(self) -> int:
        """Events a minute; 0: as many as it likes."""
        found = self._settings.get("quota")
        return found if isinstance(found, int) else 0

    @cached_property
    def source(self) -> Source:
        """As this integration's config shapes it. Raises MisconfiguredError."""
        try:
            return registry.bound(self.kind, self._settings)
        except Invalid as error:
            raise MisconfiguredError(f"{self.name}: {error}") from error

    @cached_property
    def checked(self) -> CheckedSource | None:
        return self.source if isinstance(self.source, CheckedSource) else None

    @cached_property
    def reads_requests(self) -> RequestSource | None:
        return self.source if isinstance(self.source, RequestSource) else None

    @cached_property
    def door(self) -> CompatibleSource | None:
        """`source`, where its kind has doors of its own."""
        return self.source if isinstance(self.source, CompatibleSource) else None

    @cached_property
    def _settings(self) -> Mapping[str, Any]:
        found = json.loads(self.config)
        return found if isinstance(found, dict) else {}


@dataclass
class _Table:
    """All keys; what has not changed since the last reading is the same object, with what it remembers."""

    rows: dict[str, Known] = field(default_factory=dict)

    def read(self, rows: Iterable[tuple[Any, ...]]) -> None:
        fresh: dict[str, Known] = {}
        for key, id_, name, kind, enabled, config, old_key, until in rows:
            for opens, known in (
                (old_key, Known(id_, name, kind, enabled, config, until)),
                (key, Known(id_, name, kind, enabled, config)),
            ):
                if opens:
                    before = self.rows.get(opens)
                    fresh[opens] = before if before == known and before is not None else known
        self.rows = fresh


class Keys:
    """Serves what it knows while the database is away, and from a file what an earlier process knew."""

    def __init__(self, url: str, cache: Cache) -> None:
        self._url = url
        self._cache = cache
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._table = _Table()
        self._read_at = self._failed_at = -1e9
        self._reading = asyncio.Lock()

    async def find(self, key: str) -> Known | None:
        """Raises AwayError when the key is not known and the database cannot be asked."""
        asked_at = clock.monotonic()
        known = self._table.rows.get(key)
        if known is None or asked_at - self._read_at >= FRESH_S:
            try:
                await self._read_since(asked_at if known is None else asked_at - FRESH_S)
                known = self._table.rows.get(key)
            except AwayError:
                known = known or self._remembered(key)
                if known is None:
                    raise
        if known is not None and known.until is not None and known.until <= clock.now():
            return None
        return known

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error, OSError):
                await connection.close()

    def _remembered(self, key: str) -> Known | None:
        """From the file; only while this process has never read the database itself."""
        if self._read_at > 0:
            return None
        found = self._cache.find(key)
        return self._table.rows.setdefault(key, Known(*found)) if found else None

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
                    rows = await self._read()
            except (psycopg.Error, OSError, TimeoutError) as error:
                self._failed_at = clock.monotonic()
                await self.close()
                raise AwayError from error
            self._read_at = read_at
            self._table.read(rows)
            self._cache.keep(rows)

    async def _read(self) -> list[tuple[Any, ...]]:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(
                self._url, autocommit=True, connect_timeout=2, application_name="tocsin-ingest-keys"
            )
        return await (await self._connection.execute(_READ)).fetchall()
