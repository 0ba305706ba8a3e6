"""How integrations fare: what came within a day, what of it was no use, and one word for it all."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from django.db import connection
from django.db.models import Count, Sum

from tocsin.apps.integrations.models import Event, Heartbeat, Rejected
from tocsin.apps.integrations.types import IntegrationInfo

HOURS: Final = 24
_MOST: Final = 10_000  # rows of one integration that are looked at: a storm slows nobody's page

# What the platform itself says about a source is no sign of life of it.
_TRAFFIC: Final = """
SELECT mine.id, floor(extract(epoch FROM %s::timestamptz - newest.received_at) / 3600)::int AS hour,
    sum(newest.count), count(*)
FROM unnest(%s::bigint[]) AS mine(id) CROSS JOIN LATERAL (
    SELECT received_at, count FROM integrations_event
    WHERE integration_id = mine.id AND NOT (kind = 'heartbeat' AND action IN ('trigger', 'resolve'))
    ORDER BY id DESC LIMIT %s) AS newest
WHERE newest.received_at > %s GROUP BY 1, 2
"""


class Health(StrEnum):
    WORKS = "works"
    WAITING = "waiting"
    SILENT = "silent"
    ERRORS = "errors"
    OFF = "off"


@dataclass(frozen=True)
class Traffic:
    """Events of each of the last hours, the oldest first; not `whole` where there were more than were
    counted. `set_aside` and `refused` are those of a day.
    """

    hours: tuple[int, ...] = (0,) * HOURS
    whole: bool = True
    set_aside: int = 0
    refused: int = 0

    @property
    def total(self) -> int:
        return sum(self.hours)

    @property
    def errors(self) -> int:
        return self.set_aside + self.refused


@dataclass(frozen=True)
class Losses:
    """What goes when an integration is deleted, apart from its address."""

    heartbeats: int
    samples: int
    waiting: int


def traffic(integration_ids: Iterable[int], *, now: datetime) -> dict[int, Traffic]:
    """Of every one of them, by its id."""
    wanted = sorted(set(integration_ids))
    since = now - timedelta(hours=HOURS)
    hours = {number: [0] * HOURS for number in wanted}
    rows = dict.fromkeys(wanted, 0)
    with connection.cursor() as cursor:
        cursor.execute(_TRAFFIC, [now, wanted, _MOST, since])
        for number, ago, events, counted in cursor.fetchall():
            hours[number][HOURS - 1 - min(max(ago, 0), HOURS - 1)] += int(events)
            rows[number] += counted
    aside = Event.objects.filter(integration_id__in=wanted, received_at__gt=since).exclude(set_aside="")
    aside_by = dict(aside.values_list("integration_id").annotate(Count("id")).order_by())
    refused = Rejected.objects.filter(integration_id__in=wanted, last_at__gt=since)
    refused_by = dict(refused.values_list("integration_id").annotate(Sum("count")).order_by())
    return {
        number: Traffic(
            tuple(hours[number]), rows[number] < _MOST, aside_by.get(number, 0), refused_by.get(number, 0)
        )
        for number in wanted
    }


def health_of(info: IntegrationInfo, traffic: Traffic) -> Health:
    if not info.enabled:
        return Health.OFF
    if info.silent_since is not None:
        return Health.SILENT
    if traffic.errors:
        return Health.ERRORS
    return Health.WAITING if info.last_event_at is None else Health.WORKS


def losses(integration_id: int) -> Losses:
    return Losses(
        Heartbeat.objects.filter(integration_id=integration_id).count(),
        Rejected.objects.filter(integration_id=integration_id).count(),
        Event.objects.filter(integration_id=integration_id, processed_at=None).count(),
    )
