"""Being away. It warns, and takes nobody off call."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from tocsin.apps.identity.models import User
from tocsin.apps.oncall import queries
from tocsin.apps.oncall.actions.common import record
from tocsin.apps.oncall.models import Absence
from tocsin.apps.oncall.queries.absences import absence_of
from tocsin.apps.oncall.types import AbsenceInfo
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound, PermissionDenied
from tocsin.domain.permissions import Actor

_LONGEST: Final = timedelta(days=800)
_NOTE: Final = 255


@transaction.atomic
def add_absence(
    *, actor: Actor, email: str, start: datetime, end: datetime, note: str = "", now: datetime
) -> AbsenceInfo:
    """With the person's own shifts within it, so that a swap can be asked for. Raises NotFound, Invalid."""
    email = email.lower()
    _require(actor, email)
    user = User.objects.filter(email=email).first()
    if user is None:
        raise NotFound("user", email)
    if end <= start:
        raise Invalid(FieldError("end", "expected a time after the start"))
    if end <= now:
        raise Invalid(FieldError("end", "expected a time to come"))
    if end - start > _LONGEST:
        raise Invalid(FieldError("end", f"expected at most {_LONGEST.days} days after the start"))
    if len(note) > _NOTE:
        raise Invalid(FieldError("note", f"expected at most {_NOTE} characters"))
    row = Absence.objects.create(
        user=user, start=start, end=end, note=note, created_at=now, created_by=actor.label[:255]
    )
    _record(row, actor, "added", now)
    return absence_of(row, tuple(queries.shifts_of(email, max(start, now), end)))


@transaction.atomic
def remove_absence(*, actor: Actor, absence_id: int, now: datetime) -> None:
    """Raises NotFound, and Conflict for one that a calendar says."""
    rows = Absence.objects.select_for_update(of=("self",)).select_related("user", "calendar")
    row = rows.filter(pk=absence_id).first()
    if row is None:
        raise NotFound("absence", absence_id)
    _require(actor, row.user.email)
    if row.calendar is not None:
        raise Conflict(f"This absence comes from the calendar “{row.calendar.name}”; change it there.")
    _record(row, actor, "removed", now)
    row.delete()


def _require(actor: Actor, email: str) -> None:
    if not queries.may_keep_absences(actor, email):
        raise PermissionDenied(f"{actor.label} may not say when {email} is away.")


def _record(row: Absence, actor: Actor, deed: str, now: datetime) -> None:
    data = {"start": row.start.isoformat(), "end": row.end.isoformat(), "note": row.note}
    record(actor, f"absence.{deed}", "user", str(row.user_id), data, now, label=row.user.email)
