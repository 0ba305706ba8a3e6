from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import QuerySet

from tocsin.apps.alerts.models import Change

BEFORE: Final = timedelta(hours=24)


@dataclass(frozen=True)
class ChangeInfo:
    id: int
    integration: str
    service: str | None
    summary: str
    source: str
    occurred_at: datetime
    received_at: datetime
    labels: Mapping[str, str]
    links: tuple[Mapping[str, str], ...]


def changes(
    *,
    service: str = "",
    integration: str = "",
    search: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 200,
) -> tuple[ChangeInfo, ...]:
    """The newest first; from `since` until before `until`."""
    rows = _rows()
    if service:
        rows = rows.filter(service__name=service)
    if integration:
        rows = rows.filter(integration__name=integration)
    if search:
        rows = rows.filter(summary__icontains=search)
    if since is not None:
        rows = rows.filter(occurred_at__gte=since)
    if until is not None:
        rows = rows.filter(occurred_at__lt=until)
    return tuple(_info_of(row) for row in rows[:limit])


def change(number: int) -> ChangeInfo | None:
    row = _rows().filter(pk=number).first()
    return _info_of(row) if row else None


def before(services: Iterable[str], at: datetime, *, limit: int = 20) -> tuple[ChangeInfo, ...]:
    """What was changed in these within the day before `at`, the newest first."""
    rows = _rows().filter(service__name__in=list(services), occurred_at__lte=at)
    return tuple(_info_of(row) for row in rows.filter(occurred_at__gt=at - BEFORE)[:limit])


def _rows() -> QuerySet[Change, Change]:
    return Change.objects.select_related("integration", "service").order_by("-occurred_at", "-pk")


def _info_of(row: Change) -> ChangeInfo:
    return ChangeInfo(
        id=row.pk,
        integration=row.integration.name,
        service=row.service.name if row.service else None,
        summary=row.summary,
        source=row.source,
        occurred_at=row.occurred_at,
        received_at=row.received_at,
        labels=dict(row.labels),
        links=tuple(row.links),
    )
