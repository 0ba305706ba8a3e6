"""Events written by a key's holder who came through the web, and what became of any event by its receipt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection

from tocsin.apps.integrations.models import Event
from tocsin.domain.receipt import commit_of, made_at, receipt_of
from tocsin.domain.signal import lane_of
from tocsin.lib import ids, pg
from tocsin.ports.source import Envelope

# A commit's id is made when it begins to gather; a spool may keep it for longer, but keeps its time too.
_BEFORE: Final = timedelta(seconds=5)
_AFTER: Final = timedelta(minutes=10)


@dataclass(frozen=True)
class Received:
    dedup_key: str
    processed_at: datetime | None
    set_aside: str
    payload: bytes


def write(*, integration_id: int, kind: str, envelopes: Sequence[Envelope], now: datetime) -> str:
    """Into the log, as the door would; the id under which they are in it."""
    event_id = ids.new_id()
    Event.objects.bulk_create(
        Event(
            event_id=event_id,
            integration_id=integration_id,
            kind=kind,
            action=each.action,
            dedup_key=each.dedup_key,
            lane=lane_of(integration_id, each.dedup_key),
            payload=each.payload,
            received_at=now,
        )
        for each in envelopes
    )
    with connection.cursor() as cursor:
        pg.notify(cursor, "tocsin_events")
    return event_id


def received(*, integration_id: int, receipt: str) -> Received | None:
    moment = made_at(receipt)
    if moment is None or "\0" in receipt:
        return None
    rows = Event.objects.filter(
        integration_id=integration_id,
        received_at__range=(moment - _BEFORE, moment + _AFTER),
        event_id__startswith=commit_of(receipt),
    )
    for row in rows.order_by("id"):
        if receipt_of(row.event_id, row.action, row.dedup_key) == receipt.lower():
            return Received(row.dedup_key, row.processed_at, row.set_aside, bytes(row.payload))
    return None
