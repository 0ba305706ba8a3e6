"""What the platform itself says about a source, written into the log as if the tool had sent it: there is no
second way into alerts.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec
from django.db import connection

from tocsin.apps.integrations.models import Event, Integration
from tocsin.domain.signal import EventAction, lane_of
from tocsin.lib import ids, pg

KIND: Final = "heartbeat"  # whose form such an event has


def is_own(event: Event) -> bool:
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


def _write(
    row: Integration, action: EventAction, key: str, said: Mapping[str, object], now: datetime
) -> None:
    Event.objects.create(
        event_id=ids.new_id(),
        integration=row,
        kind=KIND,
        action=action,
        dedup_key=key,
        lane=lane_of(row.pk, key),
        payload=msgspec.json.encode({"action": action, "key": key, **said}),
        received_at=now,
    )
    with connection.cursor() as cursor:
        pg.notify(cursor, "tocsin_events")
