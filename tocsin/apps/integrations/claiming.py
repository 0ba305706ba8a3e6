"""Which waiting events a worker takes next: of every integration its oldest, so that a storm of one keeps
nobody else's waiting; and of one key never two workers at once, so that their order is kept.
"""

import itertools
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.backends.utils import CursorWrapper

from tocsin.apps.integrations.models import Event
from tocsin.apps.integrations.types import Logged
from tocsin.domain.signal import LANES

LOCK_CLASS: Final = 7701  # of the advisory locks of lanes
_AT_ONCE: Final = LANES // 2  # leaves lanes for other workers
_FEWEST: Final = 5  # of one integration, however many have something waiting

_TRIES: Final = 3

# A worker begins elsewhere each time, or the last lanes would wait as long as the first have work.
_starts = itertools.count(step=_AT_ONCE)

_LOCK: Final = """
SELECT lane FROM unnest(%s::int[]) AS lane WHERE pg_try_advisory_xact_lock(%s, lane)
"""

# The integrations that have something waiting, from the index alone, with the oldest of each.
_WAITING: Final = """
WITH RECURSIVE waiting AS (
    (SELECT integration_id, id FROM integrations_event WHERE processed_at IS NULL
     ORDER BY integration_id, id LIMIT 1)
    UNION ALL
    SELECT next.integration_id, next.id FROM waiting CROSS JOIN LATERAL (
        SELECT integration_id, id FROM integrations_event
        WHERE processed_at IS NULL AND integration_id > waiting.integration_id
        ORDER BY integration_id, id LIMIT 1) AS next
)
SELECT integration_id FROM waiting ORDER BY id
"""

_OLDEST: Final = f"""
SELECT min(first.received_at) FROM ({_WAITING}) AS mine CROSS JOIN LATERAL (
    SELECT received_at FROM integrations_event e
    WHERE e.integration_id = mine.integration_id AND e.processed_at IS NULL AND e.lane < %s
    ORDER BY e.id LIMIT 1) AS first
"""  # noqa: S608 - of two constants

# The oldest of each integration, of some lanes.
_OLDEST_OF_EACH: Final = """
SELECT oldest.* FROM unnest(%s::bigint[]) AS mine(integration) CROSS JOIN LATERAL (
    SELECT {columns} FROM integrations_event e
    WHERE e.integration_id = mine.integration AND e.processed_at IS NULL AND e.lane = ANY(%s::int[])
    ORDER BY e.id LIMIT %s) AS oldest
"""
_LANES_OF: Final = _OLDEST_OF_EACH.format(columns="id, integration_id, lane")
_COLUMNS: Final = (
    "id", "event_id", "integration_id", "kind", "action", "dedup_key", "lane", "payload", "count",
    "received_at",
)  # fmt: skip
_TAKE: Final = _OLDEST_OF_EACH.format(columns=", ".join(_COLUMNS)) + " ORDER BY id"


def claim(limit: int) -> list[Logged]:
    """In the order in which they came; empty when nothing waits that is free. They are the caller's until
    its transaction ends. A few more than `limit` when very many integrations have something waiting.
    """
    with connection.cursor() as cursor:
        cursor.execute(_WAITING)
        integrations = [row[0] for row in cursor.fetchall()]
        if not integrations:
            return []
        share = max(_FEWEST, limit // len(integrations))
        free = set(range(LANES))
        for _ in range(_TRIES):
            lanes = _in_turn(_waiting(cursor, integrations, free, share))
            if not lanes:
                break
            free -= set(lanes)
            cursor.execute(_LOCK, [lanes, LOCK_CLASS])
            locked = [row[0] for row in cursor.fetchall()]
            # Looked at again: who held a lane a moment ago may have taken what was in it.
            cursor.execute(_TAKE, [integrations, locked, share])
            events = [Logged(*row) for row in cursor.fetchall()]
            if events:
                return events
    return []


def logged(row: Event) -> Logged:
    return Logged(
        row.pk, row.event_id, row.integration_id, row.kind, row.action, row.dedup_key, row.lane,
        bytes(row.payload), row.count, row.received_at,
    )  # fmt: skip


def _waiting(
    cursor: CursorWrapper, integrations: Sequence[int], free: Iterable[int], share: int
) -> tuple[set[int], set[int]]:
    """The lanes in which something waits: of integrations of which little waits, and of the others."""
    cursor.execute(_LANES_OF, [list(integrations), list(free), share])
    lanes: dict[int, list[int]] = {}
    for _, integration, lane in cursor.fetchall():
        lanes.setdefault(integration, []).append(lane)
    quiet = {lane for each in lanes.values() if len(each) < share for lane in each}
    return quiet, {lane for each in lanes.values() for lane in each} - quiet


def _in_turn(waiting: tuple[set[int], set[int]]) -> list[int]:
    """All of them, where they are few: what came together is then worked together, in its order. Else those
    first that a storm has not filled; these too leave room, lest they keep a storm from ever being worked.
    """
    begin = next(_starts)
    quiet, loud = (sorted(lanes, key=lambda lane: (lane - begin) % LANES) for lanes in waiting)
    first = quiet[: _AT_ONCE // 2]
    return [*first, *loud, *quiet[len(first) :]][:_AT_ONCE]


def oldest_waiting() -> datetime | None:
    """When the oldest event that a worker could take came in; None when nothing waits."""
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST, [LANES])
        row = cursor.fetchone()
    return row[0] if row else None
