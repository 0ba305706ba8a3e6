"""What the platform itself says about a source, written into the log as if the tool had sent it: there is no
second way into alerts.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec
from django.db import connection

from tocsin.apps.integrations.models import Event, Integration
from tocsin.apps.integrations.types import Logged
from tocsin.domain.signal import EventAction, lane_of
from tocsin.lib import ids, pg

KIND: Final = "heartbeat"  # whose form such an event has


def is_own(event: Logged) -> bool:
    """Whether we said it; senders in this form only give signs of life."""
    return event.kind == KIND and event.action in {EventAction.TRIGGER, EventAction.RESOLVE}


def trigger(
    row: Integration,
    key: str,
    summary: str,
    *,
    now: datetime,
    severity: str = "",
    labels: Mapping[str, str] | None = None,
    note: str = "",
) -> None:
    said = {"summary": summary, "severity": severity or None, "labels": dict(labels or {}), "note": note}
    _write(row, EventAction.TRIGGER, key, said, now)


def resolve(row: Integration, key: str, *, now: datetime) -> None:
    _write(row, EventAction.RESOLVE, key, {}, now)


def time_out(alerts: Iterable[tuple[int, str, datetime]], *, now: datetime) -> None:
    """Of each (integration, dedup key, last heard of): it is over, unless it was heard of since."""
    events = [
        _event(number, EventAction.RESOLVE, key, {"unless_heard_since": since}, now)
        for number, key, since in alerts
    ]
    if events:
        Event.objects.bulk_create(events)
        _ring()


def _write(
    row: Integration, action: EventAction, key: str, said: Mapping[str, object], now: datetime
) -> None:
    _event(row.pk, action, key, said, now).save(force_insert=True)
    _ring()


def _event(
    integration_id: int, action: EventAction, key: str, said: Mapping[str, object], now: datetime
) -> Event:
    return Event(
        event_id=ids.new_id(),
        integration_id=integration_id,
        kind=KIND,
        action=action,
        dedup_key=key,
        lane=lane_of(integration_id, key),
        payload=msgspec.json.encode({"action": action, "key": key, **said}),
        received_at=now,
    )


def _ring() -> None:
    with connection.cursor() as cursor:
        pg.notify(cursor, "tocsin_events")
