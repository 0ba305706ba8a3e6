"""What an override must be before it is saved or shown as if it were."""

from dataclasses import replace
from datetime import datetime

from tocsin.apps.identity.models import User, UserState
from tocsin.apps.oncall.models import Override
from tocsin.domain.configuration.rota import LONGEST_OVERRIDE
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound
from tocsin.domain.schedule import Book, Origin, OverrideKind
from tocsin.domain.schedule import Override as Change
from tocsin.domain.schedule.definition import OverrideDefinition
from tocsin.domain.time import to_instant

NO_CHANGE = "This override would change nothing: nobody goes on or off call by it."


def value_of(made: Book, schedule: str, change: OverrideDefinition, now: datetime) -> Change:
    """`change` with instants; naive times are in the schedule's zone. Raises NotFound where there is no such
    schedule, and Invalid.
    """
    plan = made.schedule(schedule)
    if plan is None:
        raise NotFound("schedule", schedule)
    start = change.start if change.start.tzinfo else to_instant(change.start, plan.zone)
    end = change.end if change.end.tzinfo else to_instant(change.end, plan.zone)
    _check_people(change)
    _check(change, start, end, now)
    return Change(start, end, change.kind, change.user, change.replaces, Origin.OVERRIDE)


def from_now_on(value: Change, now: datetime) -> Change:
    """Of a new one that would have begun, what is left: the past stays as it was."""
    return replace(value, start=max(value.start, now.replace(second=0, microsecond=0)))


def check_changeable(row: Override, now: datetime) -> None:
    """Raises Conflict for what is over, and for what is changed elsewhere."""
    if row.from_file:
        raise Conflict("This override is kept in a configuration file; change it there.")
    if row.swap_id is not None:
        raise Conflict(f"This override is what swap {row.swap_id} made; take back the swap instead.")
    if row.calendar is not None:
        raise Conflict(f"This override comes from the calendar “{row.calendar.name}”; change it there.")
    if row.end <= now:
        raise Conflict("This override is over; the past stays as it was.")


def check_moved(row: Override, value: Change, now: datetime) -> None:
    """Raises Conflict or Invalid where the past would change."""
    facts = (row.start, row.kind, row.user and row.user.email, row.replaces and row.replaces.email)
    if row.start > now:
        if value.start < now:
            raise Invalid(FieldError("start", "expected a time to come: the past stays as it was"))
    elif facts != (value.start, value.kind, value.user, value.replaces):
        raise Conflict("This override has begun: only its end can move. End it now and add another.")


def what_is_left(row: Override, now: datetime) -> datetime | None:
    """Until when it has held, if it is taken back now; None where nothing of it has."""
    minute = now.replace(second=0, microsecond=0)
    return minute if row.start < minute else None


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
    rows = User.objects.filter(email__in=[email for email in fields.values() if email])
    states = dict(rows.values_list("email", "state"))
    errors = [
        FieldError(field, f"there is no user “{email}”")
        for field, email in fields.items()
        if email and email not in states
    ]
    if change.user and states.get(change.user) == UserState.LEFT:
        errors.append(FieldError("user", f"{change.user} has left"))
    if errors:
        raise Invalid(*errors)
