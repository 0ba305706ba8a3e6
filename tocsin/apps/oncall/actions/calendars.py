"""Addresses of calendars that are read again and again, and what becomes of their events."""

from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from django.db import transaction

from tocsin.apps.identity.models import User
from tocsin.apps.oncall import queries
from tocsin.apps.oncall.actions.common import record, watching
from tocsin.apps.oncall.models import Absence, Calendar, Override, Schedule
from tocsin.apps.oncall.queries.calendars import calendar_of, shown
from tocsin.apps.oncall.types import CalendarInfo
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound
from tocsin.domain.permissions import Actor, Permission, require, require_owned

OVERRIDES: Final = "overrides"
ABSENCES: Final = "absences"
_MOST: Final = 500
_MOST_OF_ONE: Final = 5  # anybody may add their own, and all are read one after the other
_LONGEST_URL: Final = 2048
_LONGEST_NAME: Final = 128


@transaction.atomic
def add_calendar(
    *,
    actor: Actor,
    name: str,
    url: str,
    use: str,
    schedule: str = "",
    email: str | None = None,
    now: datetime,
) -> CalendarInfo:
    """Read an iCal address from now on: as overrides of `schedule`, or as absences, of `email` alone or of
    whomever each event names. It is read first within seconds, by a worker.
    """
    email = email.lower() if email else None
    _require(actor, use, schedule, email)
    if use not in {OVERRIDES, ABSENCES}:
        raise Invalid(FieldError("use", f"expected {OVERRIDES} or {ABSENCES}"))
    if use == OVERRIDES and email:
        raise Invalid(FieldError("email", "goes with absences: overrides are of whom each event names"))
    if use == ABSENCES and schedule:
        raise Invalid(FieldError("schedule", "goes with overrides: absences are of people"))
    if use == OVERRIDES and queries.schedule(schedule) is None:
        raise NotFound("schedule", schedule)
    user = User.objects.filter(email=email).first() if email else None
    if email and user is None:
        raise NotFound("user", email)
    checked = _url(url)
    if Calendar.objects.filter(use=use, schedule=schedule, user=user, url=checked).exists():
        raise Conflict("This calendar is read already.")
    if user is not None and Calendar.objects.filter(user=user).count() >= _MOST_OF_ONE:
        raise Conflict(f"At most {_MOST_OF_ONE} calendars of one person are read; remove one first.")
    if Calendar.objects.count() >= _MOST:
        raise Conflict(f"At most {_MOST} calendars are read; remove one first.")
    row = Calendar.objects.create(
        name=_name(name),
        url=checked,
        use=use,
        schedule=schedule,
        user=user,
        due_at=now,
        created_at=now,
        created_by=actor.label[:255],
    )
    _record(actor, "calendar.added", row, now)
    return calendar_of(row)


@transaction.atomic
def edit_calendar(
    *, actor: Actor, calendar_id: int, name: str | None = None, url: str | None = None, now: datetime
) -> CalendarInfo:
    """None: as it was. With another address it is read anew; until that succeeds, what it gave stays."""
    row = _row(actor, calendar_id)
    if name is not None:
        row.name = _name(name)
    if url is not None and (checked := _url(url)) != row.url:
        row.url, row.etag, row.due_at, row.failures, row.problem = checked, "", now, 0, ""
    row.save()
    _record(actor, "calendar.changed", row, now)
    return calendar_of(row)


@transaction.atomic
def remove_calendar(*, actor: Actor, calendar_id: int, now: datetime) -> None:
    """What it put on call to come goes, what runs ends now, and the past stays."""
    row = _row(actor, calendar_id)
    minute = now.replace(second=0, microsecond=0)
    names = [row.schedule] if row.use == OVERRIDES else []
    with watching(actor, names, now, f"the calendar “{row.name}” was removed"):
        for model in (Override, Absence):
            rows = model.objects.filter(calendar=row)
            rows.filter(start__gte=minute).delete()
            rows.filter(end__gt=minute).update(end=minute)
            rows.update(calendar=None)
        _record(actor, "calendar.removed", row, now)
        row.delete()


@transaction.atomic
def read_calendar_now(*, actor: Actor, calendar_id: int, now: datetime) -> CalendarInfo:
    """A worker fetches it within seconds, changed or not."""
    row = _row(actor, calendar_id)
    row.due_at, row.etag = now, ""
    row.save(update_fields=["due_at", "etag"])
    return calendar_of(row)


def _row(actor: Actor, calendar_id: int) -> Calendar:
    rows = Calendar.objects.select_for_update(of=("self",)).select_related("user")
    row = rows.filter(pk=calendar_id).first()
    if row is None:
        raise NotFound("calendar", calendar_id)
    _require(actor, row.use, row.schedule, row.user.email if row.user else None)
    return row


def _require(actor: Actor, use: str, schedule: str, email: str | None) -> None:
    if use == OVERRIDES:
        owner = Schedule.objects.filter(name=schedule).values_list("team_id", flat=True).first()
        require_owned(actor, Permission.EDIT_TEAM, [owner])
    else:
        own = email is not None and actor.email == email
        require(actor, Permission.EDIT_SELF if own else Permission.MANAGE_PEOPLE)


def _name(name: str) -> str:
    cleaned = " ".join(name.split())[:_LONGEST_NAME]
    if not cleaned:
        raise Invalid(FieldError("name", "expected a name"))
    return cleaned


def _url(url: str) -> str:
    cleaned = url.strip()
    if cleaned.lower().startswith(("webcal://", "webcals://")):
        cleaned = f"https://{cleaned.partition('://')[2]}"
    try:
        parts = urlsplit(cleaned)
        fine = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or len(cleaned) > _LONGEST_URL or any(char.isspace() or char < " " for char in cleaned):
        raise Invalid(
            FieldError(
                "url", "expected the address of a calendar in iCal format: https://…, http://… or webcal://…"
            )
        )
    return cleaned


def _record(actor: Actor, action: str, row: Calendar, now: datetime) -> None:
    data = {
        "name": row.name,
        "url": shown(row.url),
        "use": row.use,
        "schedule": row.schedule,
        "user": row.user.email if row.user else None,
    }
    record(actor, action, "calendar", str(row.pk), data, now)
