from datetime import date, datetime
from typing import Final

from django.db import transaction

from tocsin.apps.identity.models import User
from tocsin.apps.oncall.actions.common import record
from tocsin.apps.oncall.models import PayCorrection
from tocsin.apps.oncall.queries.pay import correction_of, may_correct
from tocsin.apps.oncall.types import CorrectionInfo
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound, PermissionDenied
from tocsin.domain.permissions import Actor
from tocsin.domain.schedule.hours import Kind

_MOST: Final = 31 * 24 * 60
_LONGEST: Final = 255


@transaction.atomic
def add_correction(
    *, actor: Actor, email: str, day: date, kind: Kind, minutes: int, reason: str, now: datetime
) -> CorrectionInfo:
    """Minutes more (or, negative, fewer) than computed, with the reason. Raises NotFound and Invalid."""
    _check(actor, email)
    user = User.objects.filter(email=email.lower()).first()
    if user is None:
        raise NotFound("user", email)
    reason = reason.strip()
    if not reason:
        raise Invalid(FieldError("reason", "expected why"))
    if len(reason) > _LONGEST:
        raise Invalid(FieldError("reason", f"expected at most {_LONGEST} characters"))
    if not 0 < abs(minutes) <= _MOST:
        most = f"expected other than 0, and at most {_MOST // 60} hours either way"
        raise Invalid(FieldError("minutes", most))
    row = PayCorrection.objects.create(
        user=user,
        day=day,
        kind=Kind(kind),
        minutes=minutes,
        reason=reason,
        created_at=now,
        created_by=actor.label[:_LONGEST],
    )
    _record(actor, "pay.corrected", row, now)
    return correction_of(row)


@transaction.atomic
def withdraw_correction(*, actor: Actor, correction_id: int, now: datetime) -> CorrectionInfo:
    """It stays in the list and counts for nothing from now on. Raises NotFound and Conflict."""
    rows = PayCorrection.objects.select_for_update(of=("self",)).select_related("user")
    row = rows.filter(pk=correction_id).first()
    if row is None:
        raise NotFound("correction", correction_id)
    _check(actor, row.user.email)
    if row.withdrawn_at is not None:
        raise Conflict("This correction is withdrawn already.")
    row.withdrawn_at, row.withdrawn_by = now, actor.label[:_LONGEST]
    row.save(update_fields=("withdrawn_at", "withdrawn_by"))
    _record(actor, "pay.correction_withdrawn", row, now)
    return correction_of(row)


def _check(actor: Actor, email: str) -> None:
    if not may_correct(actor, email):
        message = f"{actor.label} may not correct the hours of {email}: their team's manager may."
        raise PermissionDenied(message)


def _record(actor: Actor, action: str, row: PayCorrection, now: datetime) -> None:
    facts = {"day": row.day.isoformat(), "kind": row.kind, "minutes": row.minutes, "reason": row.reason}
    record(actor, action, "user", row.user.email, facts, now)
