"""Calendars that are read again and again."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from tocsin.apps.oncall.models import Calendar
from tocsin.apps.oncall.types import CalendarInfo, Unmatched


def calendars(*, schedule: str | None = None, email: str | None = None) -> tuple[CalendarInfo, ...]:
    """All, or those that feed one schedule, or that one person's absences come from; by name."""
    rows = Calendar.objects.select_related("user")
    if schedule is not None:
        rows = rows.filter(use="overrides", schedule=schedule)
    if email is not None:
        rows = rows.filter(user__email=email.lower())
    return tuple(calendar_of(row) for row in rows)


def calendar(calendar_id: int) -> CalendarInfo | None:
    row = Calendar.objects.select_related("user").filter(pk=calendar_id).first()
    return calendar_of(row) if row else None


def calendar_of(row: Calendar) -> CalendarInfo:
    return CalendarInfo(
        id=row.pk,
        name=row.name,
        url_shown=shown(row.url),
        use=row.use,
        schedule=row.schedule,
        email=row.user.email if row.user else None,
        due_at=row.due_at,
        read_at=row.read_at,
        failures=row.failures,
        problem=row.problem,
        unmatched=tuple(_unmatched(one) for one in row.unmatched),
        events=row.events,
        idle=row.idle,
        created_by=row.created_by,
    )


def shown(url: str) -> str:
    """Whose server it is; the rest of a calendar's address is often its only secret."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}/…"


def _unmatched(form: dict[str, Any]) -> Unmatched:
    return Unmatched(form["summary"], _instant(form["start"]), _instant(form["end"]), form["why"])


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
