from django.db.models import QuerySet

from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.audit.types import AuditFilter, AuditInfo, Slice
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.permissions import Actor, Permission, require

EVERYTHING = AuditFilter()
_MAX_ID = 2**63 - 1


def entries(
    *, actor: Actor, filters: AuditFilter = EVERYTHING, cursor: str | None = None, limit: int = 50
) -> Slice[AuditInfo]:
    """Newest first."""
    require(actor, Permission.READ_AUDIT)
    rows = _filtered(filters)
    if cursor:
        rows = rows.filter(id__lt=id_of_cursor(cursor))
    found = list(rows[: limit + 1])
    more = len(found) > limit
    shown = found[:limit]
    return Slice(tuple(_info(row) for row in shown), str(shown[-1].id) if more else None)


def id_of_cursor(cursor: str) -> int:
    """The id a cursor stands for; raises Invalid for what no list ever gave out."""
    if cursor.isascii() and cursor.isdigit() and int(cursor) <= _MAX_ID:
        return int(cursor)
    raise Invalid(FieldError("cursor", "expected the next_cursor of an earlier answer"))


def _info(row: AuditEntry) -> AuditInfo:
    return AuditInfo(
        id=row.id,
        at=row.at,
        actor_kind=row.actor_kind,
        actor_id=row.actor_id,
        actor_label=row.actor_label,
        action=row.action,
        target_kind=row.target_kind,
        target_id=row.target_id,
        target_label=row.target_label,
        data=row.data,
    )


def _filtered(filters: AuditFilter) -> QuerySet[AuditEntry, AuditEntry]:
    rows = AuditEntry.objects.order_by("-id")
    if filters.action.endswith("*"):
        rows = rows.filter(action__startswith=filters.action[:-1])
    elif filters.action:
        rows = rows.filter(action=filters.action)
    if filters.target_kind:
        rows = rows.filter(target_kind=filters.target_kind)
    if filters.target_id:
        rows = rows.filter(target_id=filters.target_id)
    if filters.by:
        rows = rows.filter(actor_label__icontains=filters.by)
    if filters.since:
        rows = rows.filter(at__gte=filters.since)
    if filters.until:
        rows = rows.filter(at__lt=filters.until)
    return rows
