from datetime import datetime
from typing import Any

from django.db import transaction

from tocsin.apps.identity.models import User
from tocsin.apps.oncall import queries
from tocsin.apps.oncall.actions.common import record, tell
from tocsin.apps.oncall.models import Override, Schedule
from tocsin.apps.oncall.types import OverrideInfo
from tocsin.domain.configuration.rota import LONGEST_OVERRIDE
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.schedule import Origin, OverrideKind, changes_anything
from tocsin.domain.schedule import Override as Change
from tocsin.domain.schedule.definition import (
    OverrideDefinition,
)
from tocsin.domain.time import to_instant


@transaction.atomic
def add_override(*, actor: Actor, schedule: str, change: OverrideDefinition, now: datetime) -> OverrideInfo:
    """Put somebody on call, or take somebody off, for a while. Naive times are in the schedule's zone.

    Raises NotFound, Invalid, and Conflict when it would change nothing.
    """
    row = Schedule.objects.filter(name=schedule).first()
    require(actor, Permission.OVERRIDE, teams=[row.team_id] if row and row.team_id else ())
    made = queries.book(since=now)
    plan = made.schedule(schedule)
    if plan is None:
        raise NotFound("schedule", schedule)
    start = change.start if change.start.tzinfo else to_instant(change.start, plan.zone)
    end = change.end if change.end.tzinfo else to_instant(change.end, plan.zone)
    users = _users(change)
    _check(change, start, end, now)
    value = Change(start, end, change.kind, change.user, change.replaces, Origin.OVERRIDE)
    if not changes_anything(made, plan, value):
        raise Conflict("This override would change nothing: nobody goes on or off call by it.")
    created = Override.objects.create(
        schedule=schedule,
        start=start,
        end=end,
        kind=change.kind,
        user=users.get(change.user or ""),
        replaces=users.get(change.replaces or ""),
        created_at=now,
        created_by=actor.label[:255],
    )
    record(actor, "override.created", "schedule", schedule, _facts(created), now)
    tell([schedule])
    return queries.override_of(created)


@transaction.atomic
def remove_override(*, actor: Actor, override_id: int, now: datetime) -> None:
    """Take back an override; one that has begun ends now, so that the past stays as it was."""
    row = (
        Override.objects.select_for_update(of=("self",))
        .select_related("user", "replaces")
        .filter(pk=override_id)
        .first()
    )
    if row is None:
        raise NotFound("override", override_id)
    plan = Schedule.objects.filter(name=row.schedule).first()
    require(actor, Permission.OVERRIDE, teams=[plan.team_id] if plan and plan.team_id else ())
    if row.from_file:
        raise Conflict("This override is kept in a configuration file; remove it there.")
    if row.end <= now:
        raise Conflict("This override is over; the past stays as it was.")
    if row.start <= now:
        row.end = now.replace(second=0, microsecond=0)
    if row.start < row.end <= now:
        row.save(update_fields=["end"])
    else:
        row.delete()
    record(actor, "override.removed", "schedule", row.schedule, _facts(row), now)
    tell([row.schedule])


def _check(change: OverrideDefinition, start: datetime, end: datetime, now: datetime) -> None:
    if end <= start:
        raise Invalid(FieldError("end", "expected a time after the start"))
    if end - start > LONGEST_OVERRIDE:
        raise Invalid(FieldError("end", f"expected at most {LONGEST_OVERRIDE.days} days after the start"))
    if end <= now:
        raise Invalid(FieldError("end", "expected a time to come: the past stays as it was"))
    needs_user = change.kind is not OverrideKind.REMOVE
    if needs_user and change.user is None:
        raise Invalid(FieldError("user", "expected who is on call"))
    if not needs_user and change.user is not None:
        raise Invalid(FieldError("user", "a removal puts nobody on call; say in `replaces` who is taken off"))
    if change.replaces is not None and change.kind not in {OverrideKind.REPLACE, OverrideKind.REMOVE}:
        raise Invalid(FieldError("replaces", "goes with the kinds replace and remove"))


def _users(change: OverrideDefinition) -> dict[str, User]:
    emails = {"user": change.user, "replaces": change.replaces}
    rows = {
        row.email: row for row in User.objects.filter(email__in=[email for email in emails.values() if email])
    }
    errors = [
        FieldError(field, f"there is no user “{email}”")
        for field, email in emails.items()
        if email and email not in rows
    ]
    if errors:
        raise Invalid(*errors)
    return rows


def _facts(row: Override) -> dict[str, Any]:
    return {
        "start": row.start.isoformat(),
        "end": row.end.isoformat(),
        "kind": str(row.kind),
        "user": row.user.email if row.user else None,
        "replaces": row.replaces.email if row.replaces else None,
    }
