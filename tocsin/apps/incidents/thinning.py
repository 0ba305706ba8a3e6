"""Of a storm not every payload is kept: of each alert the first hundred, then one in a hundred. The others
keep their row and their count.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from tocsin.apps.alerts.models import Alert
from tocsin.apps.integrations.models import Event
from tocsin.domain.signal import EventAction

ALL_OF: Final = 100
THEN_ONE_IN: Final = 100


def processed(events: Sequence[Event], now: datetime) -> None:
    """Note that these are worked."""
    if not events:
        return
    thin = _repeats(events)
    # With the days they came, so that only those partitions are looked into.
    days = [event.received_at for event in events]
    rows = Event.objects.filter(received_at__gte=min(days), received_at__lte=max(days), processed_at=None)
    rows.filter(pk__in=[event.pk for event in events if event.pk not in thin]).update(processed_at=now)
    if thin:
        rows.filter(pk__in=thin).update(processed_at=now, payload=b"")


def _repeats(events: Sequence[Event]) -> set[int]:
    """Those whose payload is not kept. Alerts already count these events."""
    found = Alert.objects.filter(
        integration_id__in={event.integration_id for event in events},
        dedup_key__in={event.dedup_key for event in events},
        resolved_at=None,
        count__gt=ALL_OF,
    ).values_list("integration_id", "dedup_key", "count")
    counts = {(integration, key): count for integration, key, count in found}
    thin = set()
    for event in reversed(events):
        place = (event.integration_id, event.dedup_key)
        last = counts.get(place)
        if last is None or event.action != EventAction.TRIGGER:
            continue
        first = counts[place] = last - event.count  # it counts those after `first`, up to `last`
        if first >= ALL_OF and last // THEN_ONE_IN == first // THEN_ONE_IN:
            thin.add(event.pk)
    return thin
