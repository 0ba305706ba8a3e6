"""PostgreSQL without the framework: for the raw ASGI doors, for listeners, and for locks across hosts."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from tocsin.lib import clock, ids

logger = logging.getLogger(__name__)

_BACKOFF_S = (0.1, 0.25, 0.5, 1.0, 2.0)
# A dead peer on another host is noticed within about 20 s even when nothing is sent.
_KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "connect_timeout": 5,
}


def pool(
    url: str, *, most: int = 4, name: str = "doors"
) -> AsyncConnectionPool[psycopg.AsyncConnection[Any]]:
    """Unopened: `await pool.open()` inside the running loop. Connections autocommit."""
    return AsyncConnectionPool(
        url,
        min_size=1,
        max_size=most,
        name=name,
        open=False,
        timeout=2.0,
        reconnect_timeout=5.0,
        kwargs={"autocommit": True, **_KEEPALIVE},
        check=AsyncConnectionPool.check_connection,
    )


async def listen(url: str, channel: str, *, resync: str = "") -> AsyncGenerator[str, None]:
    """Payloads of `channel`, for ever: reconnects by itself.

    `resync`, if given, is yielded after each reconnect, because whatever was said in between is lost.
    """
    failures = 0
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(
                url, autocommit=True, **_KEEPALIVE
            ) as connection:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                if failures and resync:
                    yield resync
                failures = 0
                async for notice in connection.notifies():
                    yield notice.payload
            failures = max(failures, 1)
        except psycopg.Error as error:
            if failures == 0:
                logger.warning(
                    "listener lost its connection", extra={"channel": channel, "error": str(error)}
                )
            failures += 1
        await asyncio.sleep(ids.jitter(_BACKOFF_S[min(failures, len(_BACKOFF_S)) - 1]))


class Waiter:
    """For a loop in a thread: sleep until one of `channels` is notified or the time is over."""

    def __init__(self, url: str, channels: Sequence[str]) -> None:
        self._url, self._channels = url, tuple(channels)
        self._connection: psycopg.Connection | None = None

    def wait(self, seconds: float) -> set[str]:
        """The channels that were notified; empty at a time-out, and after a pause without a database."""
        started = clock.monotonic()
        try:
            connection = self._connected()
            heard = {notice.channel for notice in connection.notifies(timeout=seconds, stop_after=1)}
            # Whatever else is there already belongs to the same round.
            heard |= {notice.channel for notice in connection.notifies(timeout=0)} if heard else set()
        except psycopg.Error:
            self.close()
            clock.sleep(max(0.0, min(seconds, 0.5) - (clock.monotonic() - started)))
            return set()
        return heard

    def close(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def _connected(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._url, autocommit=True, **_KEEPALIVE)
            for channel in self._channels:
                self._connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        return self._connection


@contextmanager
def lock(url: str, name: str) -> Iterator[None]:
    """Hold the advisory lock of `name` over many transactions, on a connection of its own; waits for it."""
    with psycopg.connect(url, autocommit=True, **_KEEPALIVE) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [ids.number_key(name)])
        yield


def answers(url: str, within_s: int = 2) -> str:
    """Empty when the database answers, else why not."""
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=within_s) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error as error:
        return str(error).strip()
    return ""
