"""Whom paging really took from a schedule."""

from datetime import datetime

from tocsin.apps.audit.queries import id_of_cursor
from tocsin.apps.audit.types import Slice
from tocsin.apps.oncall.models import ShiftUse
from tocsin.apps.oncall.types import UseInfo


def uses(
    *,
    schedule: str | None = None,
    email: str | None = None,
    incident_id: int | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Slice[UseInfo]:
    """Newest first; those of [start, end)."""
    rows = ShiftUse.objects.order_by("-id")
    if schedule is not None:
        rows = rows.filter(schedule=schedule)
    if email is not None:
        rows = rows.filter(email=email.lower())
    if incident_id is not None:
        rows = rows.filter(incident_id=incident_id)
    if start is not None:
        rows = rows.filter(at__gte=start)
    if end is not None:
        rows = rows.filter(at__lt=end)
    if cursor:
        rows = rows.filter(id__lt=id_of_cursor(cursor))
    found = list(rows[: limit + 1])
    shown = found[:limit]
    return Slice(tuple(_info(row) for row in shown), str(shown[-1].pk) if len(found) > limit else None)


def _info(row: ShiftUse) -> UseInfo:
    return UseInfo(
        id=row.pk,
        at=row.at,
        schedule=row.schedule,
        which=row.which,
        role=row.role,
        email=row.email,
        reason=row.reason,
        incident_id=row.incident_id,
        call_out_id=row.call_out_id,
        step=row.step,
        urgency=row.urgency,
    )
