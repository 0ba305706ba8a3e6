from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.audit.queries import id_of_cursor
from tocsin.apps.audit.types import Slice
from tocsin.apps.integrations.forms import route_of, tables_of
from tocsin.apps.integrations.models import Event, Integration, Rejected, RouteTree
from tocsin.apps.integrations.types import EventInfo, IntegrationInfo, RejectedInfo
from tocsin.domain.routing import EMPTY, Route, Table
from tocsin.domain.severity import Severity


def integration(name: str) -> IntegrationInfo | None:
    row = _rows().filter(name=name).first()
    return info_of(row) if row else None


def by_key(key: str, *, now: datetime) -> IntegrationInfo | None:
    """For somebody who comes with it: an old key opens too while it is kept, and its use is noted."""
    row = _rows().filter(Q(key=key) | Q(old_key=key, old_key_until__gt=now)).first() if key else None
    if row is not None and row.key != key:
        unseen = Q(old_key_used_at=None) | Q(old_key_used_at__lt=now)
        Integration.objects.filter(unseen, pk=row.pk).update(old_key_used_at=now)
    return info_of(row) if row else None


def by_id(id: int) -> IntegrationInfo | None:  # noqa: A002 - the word for it
    row = _rows().filter(pk=id).first()
    return info_of(row) if row else None


def integrations(*, search: str = "", service: str = "") -> tuple[IntegrationInfo, ...]:
    """By name."""
    rows = _rows()
    if search:
        rows = rows.filter(name__icontains=search)
    if service:
        rows = rows.filter(service__name=service)
    return tuple(info_of(row) for row in rows.order_by("name"))


def routes() -> Route:
    row = RouteTree.objects.order_by("pk").first()
    return route_of(row.definition) if row else EMPTY


def tables() -> dict[str, Table]:
    """What routes look labels up in."""
    row = RouteTree.objects.order_by("pk").first()
    return tables_of(row.tables or ()) if row else {}


def routes_before() -> dict[str, Any] | None:
    """The tree and the tables as stored before the last change; None where that is not known."""
    row = AuditEntry.objects.filter(action="routes.changed").order_by("-id").first()
    before = row.data.get("before") if row else None
    return before if isinstance(before, dict) else None


def routes_from_file() -> bool:
    row = RouteTree.objects.order_by("pk").first()
    return row is not None and row.from_file


def recent_events(integration_id: int, *, limit: int = 20) -> tuple[EventInfo, ...]:
    """The newest first; with those that were set aside, and why."""
    rows = (
        Event.objects.filter(integration_id=integration_id)
        .select_related("integration")
        .order_by("-id")[:limit]
    )
    return tuple(_event_of(row) for row in rows)


def set_aside(*, limit: int = 50, integration_id: int | None = None) -> tuple[EventInfo, ...]:
    """Events that could not be understood, the newest first; of one integration, or of all."""
    rows = Event.objects.exclude(set_aside="").filter(integration__canary=False)
    if integration_id is not None:
        rows = rows.filter(integration_id=integration_id)
    return tuple(_event_of(row) for row in rows.select_related("integration").order_by("-id")[:limit])


def canary() -> IntegrationInfo | None:
    """The platform's own, once it is there."""
    row = Integration.everything.select_related("service").filter(canary=True).first()
    return info_of(row) if row else None


def info_of(row: Integration) -> IntegrationInfo:
    return IntegrationInfo(
        id=row.pk,
        name=row.name,
        kind=row.kind,
        key=row.key,
        service=row.service.name if row.service else None,
        service_id=row.service_id,
        team_id=row.service.team_id if row.service else None,
        severity_map={word: Severity(severity) for word, severity in row.severity_map.items()},
        enabled=row.enabled,
        created_at=row.created_at,
        last_event_at=row.last_event_at,
        from_file=row.from_file,
        canary=row.canary,
        config=row.config,
        silent_after=row.silent_after,
        silent_since=row.silent_since,
        old_key=row.old_key,
        old_key_until=row.old_key_until,
        old_key_used_at=row.old_key_used_at,
    )


def _rows() -> QuerySet[Integration, Integration]:
    return Integration.objects.select_related("service")


def log(
    *,
    since: datetime,
    until: datetime,
    integration: str = "",
    dedup_key: str = "",
    cursor: str | None = None,
    limit: int = 500,
) -> Slice[EventInfo]:
    """Events received from `since` to before `until`, in the order in which they came. `raw` is empty where
    the payload of a repeat was not kept.
    """
    rows = Event.objects.filter(received_at__gte=since, received_at__lt=until, integration__canary=False)
    if integration:
        rows = rows.filter(integration__name=integration)
    if dedup_key:
        rows = rows.filter(dedup_key=dedup_key)
    if cursor:
        rows = rows.filter(id__gt=id_of_cursor(cursor))
    found = [_event_of(row) for row in rows.select_related("integration").order_by("id")[: limit + 1]]
    return Slice(tuple(found[:limit]), str(found[limit - 1].id) if len(found) > limit else None)


def raw_events(
    integration_id: int, dedup_key: str, *, since: datetime, until: datetime, limit: int = 50
) -> tuple[EventInfo, ...]:
    """What came of one key from `since` to `until`, the newest first."""
    rows = Event.objects.filter(dedup_key=dedup_key, integration_id=integration_id)
    rows = rows.filter(received_at__gte=since, received_at__lte=until).select_related("integration")
    return tuple(_event_of(row) for row in rows.order_by("-id")[:limit])


def rejected(integration: str, *, limit: int = 50) -> tuple[RejectedInfo, ...]:
    """Samples of what the door refused of it, the newest first."""
    rows = Rejected.objects.filter(integration__name=integration).order_by("-last_at")[:limit]
    return tuple(
        RejectedInfo(
            kind=row.kind,
            status=row.status,
            reason=row.reason,
            body=bytes(row.body).decode(errors="replace").replace("\0", "\ufffd"),
            size=row.size,
            count=row.count,
            first_at=row.first_at,
            last_at=row.last_at,
            id=row.pk,
            whole=len(row.body) == row.size,
        )
        for row in rows
    )


def _event_of(row: Event) -> EventInfo:
    raw = bytes(row.payload)
    return EventInfo(
        row.event_id,
        row.action,
        row.dedup_key,
        row.count,
        row.received_at,
        row.processed_at,
        row.set_aside,
        raw.decode(errors="replace"),
        row.pk,
        row.integration.name,
        row.integration_id,
        row.kind or row.integration.kind,
        raw,
    )
