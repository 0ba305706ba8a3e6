from datetime import datetime

from django.db import transaction

from tocsin.apps.oncall.actions.common import record, tell
from tocsin.apps.oncall.models import Readiness
from tocsin.apps.oncall.queries.readiness import readiness_of
from tocsin.apps.oncall.types import ReadinessInfo
from tocsin.domain.errors import Conflict, NotFound
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.schedule.notices import SHOWN_FOR
from tocsin.lib import bus
from tocsin.ports.events import DutySettled, DutyWord


@transaction.atomic
def confirm_readiness(*, actor: Actor, readiness_id: int, now: datetime) -> ReadinessInfo:
    """They got the test page and are ready, for this shift and others of theirs that begin about then.

    Once more changes nothing. Raises NotFound, and Conflict when the shift is over.
    """
    row = Readiness.objects.select_related("user").filter(pk=readiness_id).first()
    if row is None:
        raise NotFound("readiness", readiness_id)
    mine = actor.email == row.user.email
    require(actor, Permission.EDIT_SELF if mine else Permission.MANAGE_PEOPLE)
    if row.shift_end <= now:
        raise Conflict("This shift is over.")
    span = (row.shift_start - SHOWN_FOR, row.shift_start + SHOWN_FOR)
    rows = Readiness.objects.select_for_update(of=("self",)).select_related("user").order_by("pk")
    for each in rows.filter(user=row.user, confirmed_at=None, shift_start__range=span):
        _confirm(actor, each, now)
    row.refresh_from_db()
    return readiness_of(row)


def _confirm(actor: Actor, row: Readiness, now: datetime) -> None:
    row.confirmed_at, row.due_at = now, None
    row.save(update_fields=("confirmed_at", "due_at"))
    facts = {"user": row.user.email, "role": row.role, "shift_start": row.shift_start.isoformat()}
    record(actor, "readiness.confirmed", "schedule", row.schedule, facts, now)
    tell([row.schedule])
    settle(row, "confirmed", now)
    for email in row.told:
        headline = f"{row.user} is ready for {row.schedule} after all"
        bus.publish(DutyWord(email, headline, (), now, f"ready-after-all:{row.pk}:{email}"))


def settle(row: Readiness, reason: str, now: datetime) -> None:
    """No more of the test page leaves, nor of what others are told because of it."""
    for key in (word_key(row), *(unready_key(row, email) for email in row.told)):
        bus.publish(DutySettled(key, reason, now))


def unready_key(row: Readiness, email: str) -> str:
    """Of what `email` is told when it is not confirmed."""
    return f"unready:{row.pk}:{email}"


def word_key(row: Readiness) -> str:
    """Of the test page that asks for it."""
    return f"readiness:{row.pk}"
