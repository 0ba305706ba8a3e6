"""What PostgreSQL offers beyond rows, for any cursor, Django's or psycopg's."""

from collections.abc import Sequence
from typing import Any, Protocol

from tocsin.lib import ids


class Cursor(Protocol):
    def execute(self, query: Any, params: Sequence[Any] | None = None, /) -> Any: ...

    def fetchone(self) -> Any: ...


def notify(cursor: Cursor, channel: str, payload: str = "") -> None:
    """Heard by listeners when the transaction commits; the same payload twice in one is heard once."""
    cursor.execute("SELECT pg_notify(%s, %s)", [channel, payload])


def by_keys(cursor: Cursor) -> None:
    """Until the transaction ends rows are looked up one by one, through an index.

    For batches: of a table that grows by thousands a second the statistics are always behind, and the planner
    would rather read all of it.
    """
    cursor.execute(
        "SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)"
    )


def lock(cursor: Cursor, name: str) -> None:
    """Wait for the advisory lock of `name`; it is held until the transaction ends."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ids.number_key(name)])


def try_lock(cursor: Cursor, name: str) -> bool:
    """Take the advisory lock of `name` until the transaction ends, if it is free."""
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ids.number_key(name)])
    return bool(cursor.fetchone()[0])
