"""The days of the event log: partitions made ahead, and dropped when they are old.

What no day takes (the past, or a worker that was away) goes to the partition of the rest, so that no insert
ever fails. Names and bounds are of UTC days.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import IntegrityError, OperationalError, connection, transaction
from psycopg import sql

_TABLE: Final = "integrations_event"
_REST: Final = "integrations_event_rest"
_NAME: Final = re.compile(rf"{_TABLE}_(\d{{8}})")
_AHEAD: Final = 3
_DAY: Final = timedelta(days=1)

_DAYS: Final = (
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
    " WHERE i.inhparent = %s::regclass ORDER BY 1"
)
# Not processed, or kept for a look: moved to the rest before its day is dropped.
_MOVE: Final = "INSERT INTO {table} SELECT * FROM {day} WHERE processed_at IS NULL OR set_aside <> ''"


def make_ahead(*, now: datetime) -> int:
    """A partition for today and the days to come. The number made."""
    there = _days()
    first = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    wanted = [first + _DAY * number for number in range(_AHEAD + 1)]
    return sum(_made(day) for day in wanted if _name(day) not in there)


def drop_old(*, now: datetime, keep: timedelta) -> int:
    """Drop days that ended `keep` ago, and processed rows as old of the rest, some at a time. The number of
    days dropped and rows deleted. Those set aside stay for a look, those not processed stay.
    """
    done = 0
    for name, day in _days().items():
        if day + _DAY <= now - keep:
            done += _dropped(name)
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {_REST} WHERE id IN (SELECT id FROM {_REST}"  # noqa: S608 - names of our own
            " WHERE processed_at < %s AND set_aside = '' AND received_at < %s LIMIT 5000)",
            [now - keep, now - keep],
        )
        return done + int(cursor.rowcount)


def _days() -> dict[str, datetime]:
    with connection.cursor() as cursor:
        cursor.execute(_DAYS, [_TABLE])
        names = [row[0] for row in cursor.fetchall()]
    found = ((name, _NAME.fullmatch(name)) for name in names)
    return {name: datetime.strptime(match[1], "%Y%m%d").replace(tzinfo=UTC) for name, match in found if match}


def _name(day: datetime) -> str:
    return f"{_TABLE}_{day:%Y%m%d}"


def _made(day: datetime) -> bool:
    """Whether it was made; not where rows of that day stand among the rest, or somebody holds a lock."""
    statement = sql.SQL("CREATE TABLE IF NOT EXISTS {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})").format(
        sql.Identifier(_name(day)),
        sql.Identifier(_TABLE),
        sql.Literal(day.isoformat()),
        sql.Literal((day + _DAY).isoformat()),
    )
    return _done(statement)


def _dropped(name: str) -> bool:
    names = {"table": sql.Identifier(_TABLE), "day": sql.Identifier(name)}
    return _done(
        sql.SQL("ALTER TABLE {table} DETACH PARTITION {day}").format(**names),
        sql.SQL(_MOVE).format(**names),
        sql.SQL("DROP TABLE {day}").format(**names),
    )


def _done(*statements: sql.Composed) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            for statement in statements:
                cursor.execute(statement)
    except (IntegrityError, OperationalError):
        return False
    return True
