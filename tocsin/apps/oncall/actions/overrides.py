"""Putting somebody on call, or taking somebody off, for a while."""

from datetime import datetime
from typing import Any

from django.db import transaction

from tocsin.apps.identity.models import User, UserState
from tocsin.apps.oncall import queries
from tocsin.apps.oncall.actions.common import record, tell, watching
from tocsin.apps.oncall.models import Override, Schedule
from tocsin.apps.oncall.types import OverrideInfo
from tocsin.domain.configuration.rota import LONGEST_OVERRIDE
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.schedule import Book, Origin, OverrideKind, changes_anything
from tocsin.domain.schedule import Override as Change
from tocsin.domain.schedule.definition import (
    OverrideDefinition,
)
from tocsin.domain.schedule.diff import compare
from tocsin.domain.time import to_instant

NO_CHANGE = "This override would change nothing: nobody goes on or off call by it."


@transaction.atomic
def add_override(*, actor: Actor, schedule: str, change: OverrideDefinition, now: datetime) -> OverrideInfo:
    """Put somebody on call, or take somebody off, for a while. Naive times are in the schedule's zone.

    Raises NotFound, Invalid, and Conflict when it would change nothing.
    """
    _require(actor, schedule)
    made = queries.book(since=now)
    value = checked(made, schedule, change, now)
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
    value = checked(made, row.schedule, change, now)
    begun = row.start <= now
    if begun and not _same_but_the_end(row, value):
        raise Conflict("This override has begun: only its end can move. End it now and add another.")
    if not begun and value.start < now:
        raise Invalid(FieldError("start", "expected a time to come: the past stays as it was"))
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
    if row.start <= now:
        row.end = now.replace(second=0, microsecond=0)
    if row.start < row.end <= now:
        row.save(update_fields=["end"])
    else:
        row.delete()


def checked(made: Book, schedule: str, change: OverrideDefinition, now: datetime) -> Change:
    """`change` as a value with instants. Raises NotFound where there is no such schedule, and Invalid."""
    plan = made.schedule(schedule)
    if plan is None:
        raise NotFound("schedule", schedule)
    start = change.start if change.start.tzinfo else to_instant(change.start, plan.zone)
    end_ = change.end if change.end.tzinfo else to_instant(change.end, plan.zone)
    _check_people(change)
    _check(change, start, end_, now)
    return Change(start, end_, change.kind, change.user, change.replaces, Origin.OVERRIDE)


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
    if row.from_file:
        raise Conflict("This override is kept in a configuration file; change it there.")
    if row.swap_id is not None:
        raise Conflict(f"This override is what swap {row.swap_id} made; take back the swap instead.")
    if row.calendar is not None:
        raise Conflict(
            f"This override comes from the calendar “{row.calendar.name}”; change the event there."
        )
    if row.end <= now:
        raise Conflict("This override is over; the past stays as it was.")
    return row


def _same_but_the_end(row: Override, value: Change) -> bool:
    facts = (row.start, row.kind, row.user and row.user.email, row.replaces and row.replaces.email)
    return facts == (value.start, value.kind, value.user, value.replaces)


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


def _check_people(change: OverrideDefinition) -> None:
    """Who left can be replaced, and put on call no more."""
    fields = {"user": change.user, "replaces": change.replaces}
    states = dict(
        User.objects.filter(email__in=[email for email in fields.values() if email]).values_list(
            "email", "state"
        )
    )
    errors = [
        FieldError(field, f"there is no user “{email}”")
        for field, email in fields.items()
        if email and email not in states
    ]
    if change.user and states.get(change.user) == UserState.LEFT:
        errors.append(FieldError("user", f"{change.user} has left"))
    if errors:
        raise Invalid(*errors)


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
