from django.db.models import QuerySet

from tocsin.apps.alerts import listing
from tocsin.apps.alerts.models import Alert
from tocsin.apps.alerts.types import AlertFilter, AlertInfo, DecisionInfo
from tocsin.apps.audit.queries import id_of_cursor
from tocsin.apps.audit.types import Slice
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.severity import Severity, Urgency
from tocsin.domain.signal import Image, Link


def alerts(
    *, actor: Actor, filters: AlertFilter | None = None, cursor: str | None = None, limit: int = 50
) -> Slice[AlertInfo]:
    """The newest first."""
    require(actor, Permission.READ)
    rows = listing.filtered(filters or AlertFilter()).select_related("integration", "service").order_by("-id")
    if cursor:
        rows = rows.filter(id__lt=id_of_cursor(cursor))
    with listing.readable():
        found = [info_of(row) for row in rows[: limit + 1]]
    return Slice(tuple(found[:limit]), str(found[limit - 1].id) if len(found) > limit else None)


def alert(id: int, *, actor: Actor) -> AlertInfo | None:  # noqa: A002 - the word for it
    """With its decisions."""
    require(actor, Permission.READ)
    row = _rows().prefetch_related("decisions").filter(pk=id).first()
    return info_of(row, decisions=True) if row else None


def info_of(row: Alert, *, decisions: bool = False) -> AlertInfo:
    """`row` comes with its integration and service; with `decisions` prefetched when they are wanted."""
    made = row.decisions.all() if decisions else ()
    return AlertInfo(
        id=row.pk,
        integration=row.integration.name,
        kind=row.integration.kind,
        dedup_key=row.dedup_key,
        service=row.service.name if row.service else None,
        summary=row.summary,
        severity=Severity(row.severity) if row.severity else None,
        urgency=Urgency(row.urgency) if row.urgency else None,
        group_key=row.group_key,
        labels=row.labels,
        annotations=row.annotations,
        links=tuple(Link(link["href"], link.get("text", "")) for link in row.links),
        source=row.source,
        status=row.status,
        count=row.count,
        started_at=row.started_at,
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
        resolved_at=row.resolved_at,
        incident=row.incident,
        held_since=row.held_since,
        flapping=row.flapping,
        stale=row.stale,
        runbook=row.runbook,
        images=tuple(Image(each["src"], each.get("href", ""), each.get("alt", "")) for each in row.images),
        decisions=tuple(DecisionInfo(d.at, d.stage, d.outcome, d.reason) for d in made),
    )


def _rows() -> QuerySet[Alert, Alert]:
    return Alert.objects.filter(integration__canary=False).select_related("integration", "service")
