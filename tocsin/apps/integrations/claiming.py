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

# The oldest of each integration, of some lanes or of all but some.
_OLDEST_OF_EACH: Final = """
SELECT oldest.id, oldest.lane FROM unnest(%s::bigint[]) AS mine(integration) CROSS JOIN LATERAL (
    SELECT id, lane FROM integrations_event e
    WHERE e.integration_id = mine.integration AND e.processed_at IS NULL AND e.lane = ANY(%s::int[])
    ORDER BY e.id LIMIT %s) AS oldest
"""


def claim(limit: int) -> list[Event]:
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
            lanes = _in_turn({lane for _, lane in _oldest(cursor, integrations, free, share)})
            if not lanes:
                break
            free -= set(lanes)
            cursor.execute(_LOCK, [lanes, LOCK_CLASS])
            locked = {row[0] for row in cursor.fetchall()}
            # Looked at again: who held a lane a moment ago may have taken what was in it.
            ids = [number for number, _ in _oldest(cursor, integrations, locked, share)]
            if ids:
                return list(Event.objects.filter(pk__in=ids, processed_at=None).order_by("pk"))
    return []


def _oldest(
    cursor: CursorWrapper, integrations: Sequence[int], lanes: Iterable[int], share: int
) -> list[tuple[int, int]]:
    """Id and lane."""
    cursor.execute(_OLDEST_OF_EACH, [list(integrations), list(lanes), share])
    return [(row[0], row[1]) for row in cursor.fetchall()]


def _in_turn(lanes: Iterable[int]) -> list[int]:
    """All of them, where they are few: what came together is then worked together, in its order."""
    begin = next(_starts)
    return sorted(lanes, key=lambda lane: (lane - begin) % LANES)[:_AT_ONCE]


def oldest_waiting() -> datetime | None:
    """When the oldest event that a worker could take came in; None when nothing waits."""
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST, [LANES])
        row = cursor.fetchone()
    return row[0] if row else None
