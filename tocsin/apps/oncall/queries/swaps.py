"""Swaps, and who may do what about them."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q

from tocsin.apps.oncall.models import Schedule, Swap
from tocsin.apps.oncall.types import SwapInfo
from tocsin.domain.permissions import Actor, Permission, can
from tocsin.domain.schedule.swapping import Deed, SwapState, Terms, allowed


def swaps(
    *,
    schedule: str | None = None,
    email: str | None = None,
    states: Iterable[SwapState] | None = None,
    since: datetime | None = None,
) -> tuple[SwapInfo, ...]:
    """By start. `email`: asked for, taken by, or put to this person. `since`: those that end after it."""
    rows = Swap.objects.select_related("requester", "asked", "taker")
    if schedule is not None:
        rows = rows.filter(schedule=schedule)
    if email is not None:
        rows = rows.filter(Q(requester__email=email) | Q(taker__email=email) | Q(asked__email=email))
    if states is not None:
        rows = rows.filter(state__in=[str(state) for state in states])
    if since is not None:
        rows = rows.filter(end__gt=since)
    return tuple(swap_of(row) for row in rows)


def swap(swap_id: int) -> SwapInfo | None:
    row = Swap.objects.select_related("requester", "asked", "taker").filter(pk=swap_id).first()
    return swap_of(row) if row else None


def may_do(swap: SwapInfo, actor: Actor, now: datetime) -> tuple[str, ...]:
    """Which of the deeds are open to this actor now."""
    manages = may_act_for(actor, swap.schedule)
    deeds = allowed(terms_of(swap), actor.email, now, manages=manages)
    if not manages and not can(actor, Permission.OVERRIDE):
        deeds -= {Deed.TAKE}
    return tuple(str(deed) for deed in Deed if deed in deeds)


def may_act_for(actor: Actor, schedule: str) -> bool:
    """Whether this actor may swap in other people's names: who may edit the schedule, and its team's lead and
    manager.
    """
    found = (
        Schedule.objects.filter(name=schedule, team__isnull=False)
        .values_list("team_id", "team__lead__email", "team__manager__email")
        .first()
    )
    if found is None:
        return can(actor, Permission.CONFIGURE)
    return can(actor, Permission.EDIT_TEAM, found[:1]) or (actor.is_person and actor.email in found[1:])


def swap_of(row: Swap, *, doubled: bool = False) -> SwapInfo:
    return SwapInfo(
        id=row.pk,
        schedule=row.schedule,
        requester=row.requester.email,
        start=row.start,
        end=row.end,
        note=row.note,
        asked=row.asked.email if row.asked else None,
        state=SwapState(row.state),
        needs_approval=row.needs_approval,
        taker=row.taker.email if row.taker else None,
        return_start=row.return_start,
        return_end=row.return_end,
        approved_by=row.approved_by,
        created_at=row.created_at,
        created_by=row.created_by,
        changed_at=row.changed_at,
        accepted=row.accepted,
        unasked=row.unasked,
        doubled=doubled,
    )


def terms_of(swap: SwapInfo) -> Terms:
    return Terms(
        state=swap.state,
        requester=swap.requester,
        start=swap.start,
        end=swap.end,
        created_at=swap.created_at,
        asked=swap.asked,
        taker=swap.taker,
        return_start=swap.return_start,
        needs_approval=swap.needs_approval,
        approved=bool(swap.approved_by),
        accepted=swap.accepted,
        unasked=swap.unasked,
    )
