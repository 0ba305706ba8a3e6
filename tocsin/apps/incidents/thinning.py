"""Of a storm not every payload is kept: of each alert the first hundred, then one in a hundred. The others
keep their row and their count.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from django.db import connection

from tocsin.apps.integrations.types import Logged
from tocsin.domain.signal import EventAction

ALL_OF: Final = 100
THEN_ONE_IN: Final = 100

# With the days they came, so that only those partitions are looked into.
_DONE: Final = """
UPDATE integrations_event SET processed_at = %s
WHERE id = ANY(%s) AND received_at BETWEEN %s AND %s AND processed_at IS NULL
"""
_DONE_WITHOUT: Final = _DONE.replace("processed_at = %s", "processed_at = %s, payload = ''")


def processed(events: Sequence[Logged], counts: Mapping[tuple[int, str], int], now: datetime) -> None:
    """Note that these are worked. `counts`: of the keys that fire, how many events their alerts count."""
    if not events:
        return
    thin = _repeats(events, counts)
    days = [event.received_at for event in events]
    whole = [event.pk for event in events if event.pk not in thin]
    with connection.cursor() as cursor:
        for statement, ids in ((_DONE, whole), (_DONE_WITHOUT, sorted(thin))):
            if ids:
                cursor.execute(statement, [now, ids, min(days), max(days)])


def _repeats(events: Sequence[Logged], counts: Mapping[tuple[int, str], int]) -> set[int]:
    """Those whose payload is not kept. Alerts already count these events."""
    seen = {place: count for place, count in counts.items() if count > ALL_OF}
    if not seen:
        return set()
    thin = set()
    for event in reversed(events):
        place = (event.integration_id, event.dedup_key)
        last = seen.get(place)
        if last is None or event.action != EventAction.TRIGGER:
            continue
        first = seen[place] = last - event.count  # it counts those after `first`, up to `last`
        if first >= ALL_OF and last // THEN_ONE_IN == first // THEN_ONE_IN:
            thin.add(event.pk)
    return thin
