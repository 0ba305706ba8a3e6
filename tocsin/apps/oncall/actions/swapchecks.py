"""What a swap must be before anybody may do anything about it."""

from datetime import datetime

from django.db import connection

from tocsin.apps.identity.models import User, UserState
from tocsin.apps.oncall import queries
from tocsin.apps.oncall.models import Schedule, Swap
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound, PermissionDenied
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.schedule import Book
from tocsin.domain.schedule import Schedule as Plan
from tocsin.domain.schedule.swapping import (
    LONGEST,
    Deed,
    SwapState,
    allowed,
    is_on_call,
    overrides_for,
)
from tocsin.domain.time import to_instant
from tocsin.lib import pg

PENDING = (SwapState.OPEN, SwapState.OFFERED)
_NOTE = 500


def locked_book(schedule: str, now: datetime) -> tuple[Book, Plan]:
    """Wait until nobody else swaps on this schedule. Raises NotFound."""
    with connection.cursor() as cursor:
        pg.lock(cursor, f"oncall.swaps.{schedule}")
    made = queries.book(since=now)
    plan = made.schedule(schedule)
    if plan is None:
        raise NotFound("schedule", schedule)
    return made, plan


def locked(swap_id: int) -> tuple[Swap, Plan | None]:
    known = Swap.objects.filter(pk=swap_id).first()
    if known is None:
        raise NotFound("swap", swap_id)
    with connection.cursor() as cursor:
        pg.lock(cursor, f"oncall.swaps.{known.schedule}")
    rows = Swap.objects.select_for_update(of=("self",)).select_related("requester", "asked", "taker")
    return rows.get(pk=swap_id), queries.book().schedule(known.schedule)


def in_whose_name(actor: Actor, schedule: str, email: str | None, field: str, permission: Permission) -> User:
    """Oneself with `permission`, or somebody else as a manager."""
    name = email.lower() if email else actor.email
    if name is None:
        raise Invalid(FieldError(field, "expected in whose name"))
    if not queries.may_act_for(actor, schedule):
        if name != actor.email:
            raise PermissionDenied(
                f"{actor.label} may swap only for themselves: not lead, manager or admin of “{schedule}”."
            )
        require(actor, permission)
    return person(name, field)


def person(email: str, field: str) -> User:
    user = User.objects.filter(email=email.lower()).first()
    if user is None:
        raise Invalid(FieldError(field, f"there is no user “{email}”"))
    if user.state == UserState.LEFT:
        raise Invalid(FieldError(field, f"{user.email} has left"))
    return user


def check(row: Swap, deed: Deed, actor: Actor, now: datetime, who: str | None = None) -> None:
    """Raises PermissionDenied where only others may, Conflict where nobody may any more."""
    terms = queries.terms_of(queries.swap_of(row))
    manages = queries.may_act_for(actor, row.schedule)
    if deed in allowed(terms, who or actor.email, now, manages=manages):
        return
    if deed not in allowed(terms, None, now, manages=True):
        taker = f" by {row.taker.email}" if row.taker else ""
        when = ", and its time has come" if now >= terms.begins_at else ""
        raise Conflict(f"Too late to {deed}: the swap is {row.state}{taker}{when}.")
    raise PermissionDenied(f"{actor.label} may not {deed} this swap.")


def new_swap(
    actor: Actor, plan: Plan, span: tuple[datetime, datetime], requester: User, note: str, now: datetime
) -> Swap:
    start, end = _span(plan, *span, "", now)
    if len(note) > _NOTE:
        raise Invalid(FieldError("note", f"expected at most {_NOTE} characters"))
    row = Schedule.objects.filter(name=plan.name).first()
    definition = queries.schedule_definitions().get(plan.name) if row else None
    return Swap(
        schedule=plan.name,
        requester=requester,
        start=start,
        end=end,
        note=note,
        state=SwapState.OPEN,
        needs_approval=definition.swap_approval if definition else False,
        created_at=now,
        created_by=actor.label[:255],
        changed_at=now,
    )


def need_shifts(made: Book, plan: Plan, row: Swap, deed: str) -> None:
    """Raises Conflict where the requester has nothing that another could have instead."""
    who = row.requester.email
    if not is_on_call(made, plan, who, row.start, row.end):
        raise Conflict(f"{who} is not on call for “{plan.name}” then: there is nothing to {deed}.")
    if not overrides_for(made, plan, who, who, row.start, row.end):
        raise Conflict(f"{who} is on call then only beside others, by an override: change that one instead.")


def _span(
    plan: Plan, start: datetime, end: datetime, prefix: str, now: datetime
) -> tuple[datetime, datetime]:
    """With instants; one that has begun from this minute on."""
    first, last = (one if one.tzinfo else to_instant(one, plan.zone) for one in (start, end))
    if last <= first:
        raise Invalid(FieldError(f"{prefix}end", "expected a time after the start"))
    if last <= now:
        raise Invalid(FieldError(f"{prefix}end", "expected a time to come: the past stays as it was"))
    if last - first > LONGEST:
        raise Invalid(FieldError(f"{prefix}end", f"expected at most {LONGEST.days} days after the start"))
    return max(first, minute(now)), last


def return_span(
    row: Swap, plan: Plan | None, start: datetime | None, end: datetime | None, now: datetime
) -> tuple[datetime, datetime]:
    if plan is None or start is None or end is None:
        field = "return_start" if start is None else "return_end"
        raise Invalid(FieldError(field, "expected both, or neither"))
    first, last = _span(plan, start, end, "return_", now)
    if first < row.end and row.start < last:
        raise Invalid(FieldError("return_start", "expected other times than those of the shift"))
    taker = row.taker.email if row.taker else ""
    if not is_on_call(queries.book(since=now), plan, taker, first, last):
        raise Conflict(f"{taker} is not on call for “{row.schedule}” then: nothing to give in return.")
    return first, last


def refuse_second(row: Swap) -> None:
    """The same time is not asked for twice."""
    others = Swap.objects.filter(
        schedule=row.schedule,
        requester=row.requester,
        state__in=PENDING,
        start__lt=row.end,
        end__gt=row.start,
    )
    if other := others.first():
        raise Conflict(f"{row.requester.email} asks for a swap then already: swap {other.pk}.")


def minute(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0)
