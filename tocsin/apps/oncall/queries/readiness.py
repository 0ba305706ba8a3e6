"""Who was asked to confirm a test page before a shift, and who did."""

from collections.abc import Iterable
from datetime import datetime

from tocsin.apps.oncall.models import Readiness
from tocsin.apps.oncall.types import ReadinessInfo


def readiness(
    *, schedule: str | None = None, email: str | None = None, since: datetime | None = None
) -> tuple[ReadinessInfo, ...]:
    """The latest shift first; `since`: of shifts that end after it."""
    rows = Readiness.objects.select_related("user")
    if schedule is not None:
        rows = rows.filter(schedule=schedule)
    if email is not None:
        rows = rows.filter(user__email=email.lower())
    if since is not None:
        rows = rows.filter(shift_end__gt=since)
    return tuple(readiness_of(row) for row in rows)


def one_readiness(readiness_id: int) -> ReadinessInfo | None:
    row = Readiness.objects.select_related("user").filter(pk=readiness_id).first()
    return readiness_of(row) if row else None


def last_confirmed(emails: Iterable[str], since: datetime) -> dict[str, datetime]:
    """When each of them last confirmed a readiness since then."""
    rows = Readiness.objects.filter(user__email__in=list(emails), confirmed_at__gte=since)
    latest = rows.order_by("confirmed_at").values_list("user__email", "confirmed_at")
    return {email: at for email, at in latest if at is not None}


def readiness_of(row: Readiness) -> ReadinessInfo:
    return ReadinessInfo(
        row.pk,
        row.schedule,
        row.user.email,
        row.role,
        row.shift_start,
        row.shift_end,
        row.asked_at,
        row.due_at,
        row.confirmed_at,
        row.told_at,
        tuple(row.told),
    )
