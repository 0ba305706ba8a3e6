"""Swaps: asking, taking, agreeing, and taking it all back. Only a taken swap has overrides.

All that concerns one schedule happens one after another, so that of two who take a shift at once the second
finds it gone.
"""

from datetime import datetime
from typing import Any

from django.db import InterfaceError, OperationalError, transaction

from tocsin.apps.identity.models import User
from tocsin.apps.oncall import queries
from tocsin.apps.oncall.actions import swapwords
from tocsin.apps.oncall.actions.common import record, tell, watching
from tocsin.apps.oncall.actions.overrides import end as end_override
from tocsin.apps.oncall.actions.swapchecks import (
    PENDING,
    check,
    in_whose_name,
    locked,
    locked_book,
    minute,
    need_shifts,
    new_swap,
    person,
    refuse_second,
    return_span,
)
from tocsin.apps.oncall.models import Override, Swap
from tocsin.apps.oncall.types import SwapInfo
from tocsin.domain.errors import Conflict, FieldError, Invalid
from tocsin.domain.permissions import SYSTEM, Actor, Permission
from tocsin.domain.schedule import Override as Change
from tocsin.domain.schedule.swapping import Deed, SwapState, is_on_call, overrides_for
from tocsin.lib.log import Logger

_log = Logger(__name__)


@transaction.atomic
def request_swap(
    *,
    actor: Actor,
    schedule: str,
    start: datetime,
    end: datetime,
    requester: str | None = None,
    asked: str | None = None,
    note: str = "",
    now: datetime,
) -> SwapInfo:
    """Ask `asked`, or anybody, to take the requester's shifts of [start, end); of a span that has begun,
    what is left of it. Naive times are in the schedule's zone. Raises NotFound, Invalid, Conflict.
    """
    who = in_whose_name(actor, schedule, requester, "requester", Permission.EDIT_SELF)
    made, plan = locked_book(schedule, now)
    colleague = person(asked, "asked") if asked else None
    if colleague is not None and colleague == who:
        raise Invalid(FieldError("asked", "expected somebody else than who asks"))
    row = new_swap(actor, plan, (start, end), who, note, now)
    row.asked = colleague
    need_shifts(made, plan, row, "swap")
    refuse_second(row)
    row.save()
    _record(row, actor, "requested", now)
    told = {**swapwords.over(row, f"{actor.label} asks for a swap of your shift"), **swapwords.asking(row)}
    swapwords.say(row, told, actor, now)
    tell([schedule])
    return queries.swap_of(row)


@transaction.atomic
def take_swap(
    *,
    actor: Actor,
    swap_id: int,
    taker: str | None = None,
    return_start: datetime | None = None,
    return_end: datetime | None = None,
    now: datetime,
) -> SwapInfo:
    """Take it; where time is asked for in return, or an approval is needed, only offer to. Raises NotFound,
    Invalid, and Conflict when somebody else was faster.
    """
    row, plan = locked(swap_id)
    who = in_whose_name(actor, row.schedule, taker, "taker", Permission.OVERRIDE)
    if who == row.requester:
        raise Conflict("Nobody takes their own swap.")
    check(row, Deed.TAKE, actor, now, who.email)
    row.taker = who
    if return_start is not None or return_end is not None:
        row.return_start, row.return_end = return_span(row, plan, return_start, return_end, now)
    return _agree(row, actor, "offered", now)


@transaction.atomic
def take_shift(
    *,
    actor: Actor,
    schedule: str,
    of: str,
    start: datetime,
    end: datetime,
    taker: str | None = None,
    note: str = "",
    now: datetime,
) -> SwapInfo:
    """Take a colleague's shift without being asked; where swaps need approval, offer to. Raises NotFound,
    Invalid, Conflict.
    """
    who = in_whose_name(actor, schedule, taker, "taker", Permission.OVERRIDE)
    made, plan = locked_book(schedule, now)
    requester = person(of, "of")
    if requester == who:
        raise Invalid(FieldError("of", "expected somebody else than who takes the shift"))
    row = new_swap(actor, plan, (start, end), requester, note, now)
    row.unasked, row.taker = True, who
    need_shifts(made, plan, row, "take")
    refuse_second(row)
    return _agree(row, actor, "offered", now)


@transaction.atomic
def accept_swap(*, actor: Actor, swap_id: int, now: datetime) -> SwapInfo:
    """Grant what the taker asks for in return."""
    row, _ = locked(swap_id)
    check(row, Deed.ACCEPT, actor, now)
    row.accepted = True
    return _agree(row, actor, "accepted", now)


@transaction.atomic
def approve_swap(*, actor: Actor, swap_id: int, now: datetime) -> SwapInfo:
    row, _ = locked(swap_id)
    check(row, Deed.APPROVE, actor, now)
    row.approved_by = actor.label[:255]
    return _agree(row, actor, "approved", now)


@transaction.atomic
def decline_swap(*, actor: Actor, swap_id: int, now: datetime) -> SwapInfo:
    """Refuse an offer, or say as the one who was asked that one cannot: it is open again, to anybody."""
    row, _ = locked(swap_id)
    check(row, Deed.DECLINE, actor, now)
    before, headline = row.taker, "The offer was declined"
    if row.state == SwapState.OPEN:
        before, row.asked = row.asked, None
        headline = f"{before.email if before else 'A colleague'} cannot take the shift; anybody may now"
    _reopen(row, now)
    _record(row, actor, "declined", now)
    _say_reopened(row, actor, headline, before)
    return queries.swap_of(row)


@transaction.atomic
def withdraw_swap(*, actor: Actor, swap_id: int, now: datetime) -> SwapInfo:
    """The taker takes the word back; until it begins also when the swap was taken."""
    row, _ = locked(swap_id)
    check(row, Deed.WITHDRAW, actor, now)
    before = row.taker
    with watching(actor, [row.schedule], now, "a swap that was taken back") as watch:
        _undo(row, now)
        _reopen(row, now)
        _record(row, actor, "withdrawn", now)
        headline = f"{before.email if before else 'The taker'} does not take the shift after all"
        watch.told |= _say_reopened(row, actor, headline, before)
    return queries.swap_of(row)


@transaction.atomic
def cancel_swap(*, actor: Actor, swap_id: int, now: datetime) -> SwapInfo:
    row, _ = locked(swap_id)
    check(row, Deed.CANCEL, actor, now)
    with watching(actor, [row.schedule], now, "a swap that was cancelled") as watch:
        watch.told |= cancel(row, actor, now)
    return queries.swap_of(row)


def cancel(row: Swap, actor: Actor, now: datetime) -> set[str]:
    """Call it off whatever its state, inside the caller's watch; whom that was told."""
    _undo(row, now)
    row.state, row.changed_at = SwapState.CANCELLED, now
    row.save()
    _record(row, actor, "cancelled", now)
    told = swapwords.say(row, swapwords.over(row, "The swap was cancelled"), actor, now)
    tell([row.schedule])
    return told


def let_go(email: str, actor: Actor, now: datetime) -> set[str]:
    """Somebody leaves: what they ask for is cancelled, and what they offer or are asked for is open again;
    whom that was told.
    """
    rows = Swap.objects.select_for_update(of=("self",)).select_related("requester", "asked", "taker")
    told: set[str] = set()
    for row in rows.filter(state__in=PENDING):
        if row.requester.email == email:
            told |= cancel(row, actor, now)
        elif email in {user.email for user in (row.taker, row.asked) if user}:
            gone = row.taker or row.asked
            row.asked = None
            _reopen(row, now)
            _record(row, actor, "declined", now)
            told |= _say_reopened(row, actor, f"{email} has left; anybody may take the shift", gone)
    return told


def expire_swaps(*, now: datetime) -> int:
    """End those that nobody took in time; how many there were. One that fails holds up no other: it is
    reported, and tried again.
    """
    ids = Swap.objects.filter(state__in=PENDING, start__lte=now).order_by("pk").values_list("pk", flat=True)
    done = 0
    for number in tuple(ids):
        try:
            with transaction.atomic():
                done += _expire(number, now)
        except (OperationalError, InterfaceError):
            raise
        except Exception:  # noqa: BLE001 - whatever it is, the others are over too
            _log.exception("a swap cannot be ended; it is tried again", swap=number)
    return done


def _expire(swap_id: int, now: datetime) -> bool:
    rows = Swap.objects.select_for_update(skip_locked=True, of=("self",))
    row = rows.select_related("requester", "asked", "taker").filter(pk=swap_id, state__in=PENDING).first()
    if row is None or now < queries.terms_of(queries.swap_of(row)).lapses_at:
        return False
    row.state, row.changed_at = SwapState.EXPIRED, now
    row.save()
    _record(row, SYSTEM, "expired", now)
    words = {row.requester.email: "Nobody took your shift in time: it stays yours"}
    if row.taker:
        words[row.taker.email] = "The shift you offered to take stays where it is"
    swapwords.say(row, words, SYSTEM, now)
    tell([row.schedule])
    return True


# ---- what they share ----


def _agree(row: Swap, actor: Actor, deed: str, now: datetime) -> SwapInfo:
    """Taken, when everybody's word is given; otherwise offered."""
    state = queries.terms_of(queries.swap_of(row)).agreed
    row.state, row.changed_at = state, now
    row.save()
    if state is SwapState.OFFERED:
        _record(row, actor, deed, now)
        swapwords.say(row, swapwords.offered(row), actor, now)
        tell([row.schedule])
        return queries.swap_of(row)
    with watching(actor, [row.schedule], now, "a swap") as watch:
        if deed != "offered":
            _record(row, actor, deed, now)
        doubled = _put_on_call(row, now)
        _record(row, actor, "taken", now)
        watch.told |= swapwords.say(row, swapwords.taken(row, doubled=doubled), actor, now)
    tell([row.schedule])
    return queries.swap_of(row, doubled=doubled)


def _reopen(row: Swap, now: datetime) -> None:
    """Without a taker. What nobody had asked for is not left open."""
    row.state = SwapState.CANCELLED if row.unasked else SwapState.OPEN
    row.taker, row.return_start, row.return_end = None, None, None
    row.accepted, row.approved_by, row.changed_at = False, "", now
    row.save()


def _say_reopened(row: Swap, actor: Actor, headline: str, before: User | None) -> set[str]:
    words = swapwords.asking(row, but=[before.email] if before else ())
    tell([row.schedule])
    return swapwords.say(row, {**words, **swapwords.over(row, headline, before)}, actor, row.changed_at)


def _record(row: Swap, actor: Actor, deed: str, now: datetime) -> None:
    data: dict[str, Any] = {
        "schedule": row.schedule,
        "requester": row.requester.email,
        "start": row.start.isoformat(),
        "end": row.end.isoformat(),
        "state": str(row.state),
        "asked": row.asked.email if row.asked else None,
        "taker": row.taker.email if row.taker else None,
    }
    if row.return_start and row.return_end:
        data |= {"return_start": row.return_start.isoformat(), "return_end": row.return_end.isoformat()}
    label = f"{row.schedule}: {row.requester.email}"
    record(actor, f"swap.{deed}", "swap", str(row.pk), data, now, label=label)


def _put_on_call(row: Swap, now: datetime) -> bool:
    """Make the overrides; whether the taker was on call then already. Raises Conflict where nothing is left
    to take.
    """
    made = queries.book(since=now)
    plan, taker = made.schedule(row.schedule), row.taker
    if plan is None or taker is None:
        raise Conflict(f"There is no schedule “{row.schedule}” any more.")
    first = max(row.start, minute(now))
    changes = overrides_for(made, plan, row.requester.email, taker.email, first, row.end)
    if not changes:
        raise Conflict(f"{row.requester.email} is not on call for “{row.schedule}” then: nothing to take.")
    if row.return_start and row.return_end:
        span = (max(row.return_start, minute(now)), row.return_end)
        back = overrides_for(made, plan, taker.email, row.requester.email, *span)
        if not back:
            raise Conflict(f"{taker.email} is not on call then any more: nothing to give in return.")
        changes = (*changes, *back)
    _store(row, changes, now)
    return is_on_call(made, plan, taker.email, first, row.end)


def _store(row: Swap, changes: tuple[Change, ...], now: datetime) -> None:
    emails = {email for one in changes for email in (one.user, one.replaces) if email}
    users = {user.email: user for user in User.objects.filter(email__in=emails)}
    Override.objects.bulk_create(
        Override(
            schedule=row.schedule,
            start=one.start,
            end=one.end,
            kind=one.kind,
            user=users[one.user] if one.user else None,
            replaces=users[one.replaces] if one.replaces else None,
            created_at=now,
            created_by=row.created_by,
            position=position,
            swap=row,
        )
        for position, one in enumerate(changes)
    )


def _undo(row: Swap, now: datetime) -> None:
    for override in row.overrides.filter(end__gt=now):
        end_override(override, now)
