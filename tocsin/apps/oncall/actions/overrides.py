"""Putting somebody on call, or taking somebody off, for a while."""

from datetime import datetime
from typing import Any

from django.db import transaction

from tocsin.apps.identity.models import User
from tocsin.apps.oncall import queries
from tocsin.apps.oncall.actions.common import record, tell, watching
from tocsin.apps.oncall.models import Override, Schedule
from tocsin.apps.oncall.overriding import (
    NO_CHANGE,
    check_changeable,
    check_moved,
    from_now_on,
    value_of,
    what_is_left,
)
from tocsin.apps.oncall.types import OverrideInfo
from tocsin.domain.errors import Conflict, NotFound
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.schedule import changes_anything
from tocsin.domain.schedule.definition import OverrideDefinition
from tocsin.domain.schedule.diff import compare


@transaction.atomic
def add_override(*, actor: Actor, schedule: str, change: OverrideDefinition, now: datetime) -> OverrideInfo:
    """Put somebody on call, or take somebody off, for a while. Naive times are in the schedule's zone; of
    one that would have begun, what is left is made.

    Raises NotFound, Invalid, and Conflict when it would change nothing.
    """
    _require(actor, schedule)
    made = queries.book(since=now)
    value = from_now_on(value_of(made, schedule, change, now), now)
    plan = made.schedule(schedule)
    if plan is None or not changes_anything(made, plan, value):
        raise Conflict(NO_CHANGE)
    with watching(actor, [schedule], now, "an override"):
        created = Override.objects.create(
            schedule=schedule,
            start=value.start,
            end=value.end,
            kind=change.kind,
            user=_person(change.user),
            replaces=_person(change.replaces),
            created_at=now,
            created_by=actor.label[:255],
        )
        record(actor, "override.created", "schedule", schedule, _facts(created), now)
    tell([schedule])
    return queries.override_of(created)


@transaction.atomic
def move_override(
    *, actor: Actor, override_id: int, change: OverrideDefinition, now: datetime
) -> OverrideInfo:
    """Give an override other times or other people; it keeps its rank among the others. Of one that has begun
    only the end can move, and not into the past. Raises NotFound, Invalid, Conflict.
    """
    row = _locked(actor, override_id, now)
    made = queries.book(since=now, instead={row.pk: None})
    value = value_of(made, row.schedule, change, now)
    check_moved(row, value, now)
    moved = queries.book(since=now, instead={row.pk: value})
    if not compare(made, moved, [row.schedule], value.start, value.end):
        raise Conflict(NO_CHANGE)
    before = _facts(row)
    with watching(actor, [row.schedule], now, "an override that was changed"):
        row.start, row.end, row.kind = value.start, value.end, value.kind
        row.user, row.replaces = _person(value.user), _person(value.replaces)
        row.save(update_fields=["start", "end", "kind", "user", "replaces"])
        data = {"from": before, "to": _facts(row)}
        record(actor, "override.changed", "schedule", row.schedule, data, now)
    tell([row.schedule])
    return queries.override_of(row)


@transaction.atomic
def remove_override(*, actor: Actor, override_id: int, now: datetime) -> None:
    """Take back an override; one that has begun ends now, so that the past stays as it was."""
    row = _locked(actor, override_id, now)
    with watching(actor, [row.schedule], now, "an override that was taken back"):
        facts = _facts(row)
        end(row, now)
        record(actor, "override.removed", "schedule", row.schedule, facts, now)
    tell([row.schedule])


def end(row: Override, now: datetime) -> None:
    """Delete it, or all of it that is still to come."""
    left = what_is_left(row, now)
    if left is None:
        row.delete()
    else:
        row.end = left
        row.save(update_fields=["end"])


def _require(actor: Actor, schedule: str) -> None:
    row = Schedule.objects.filter(name=schedule).first()
    require(actor, Permission.OVERRIDE, teams=[row.team_id] if row and row.team_id else ())


def _locked(actor: Actor, override_id: int, now: datetime) -> Override:
    """One that this actor may change here. Raises NotFound, PermissionDenied, Conflict."""
    row = (
        Override.objects.select_for_update(of=("self",))
        .select_related("user", "replaces", "calendar")
        .filter(pk=override_id)
        .first()
    )
    if row is None:
        raise NotFound("override", override_id)
    _require(actor, row.schedule)
    check_changeable(row, now)
    return row


def _person(email: str | None) -> User | None:
    return User.objects.get(email=email) if email else None


def _facts(row: Override) -> dict[str, Any]:
    return {
        "start": row.start.isoformat(),
        "end": row.end.isoformat(),
        "kind": str(row.kind),
        "user": row.user.email if row.user else None,
        "replaces": row.replaces.email if row.replaces else None,
    }
