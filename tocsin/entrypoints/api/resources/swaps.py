"""Swaps: a colleague takes a shift."""

from datetime import datetime
from typing import Any

from ninja import Field, Path, Query, Router, Schema, Status

from tocsin.apps.oncall import actions, queries
from tocsin.apps.oncall.types import SwapInfo
from tocsin.domain.schedule.swapping import SwapState
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.shapes import Email, Id, In, Instant, Listed, Moment, Name, found, sliced

router = Router()


class Swap(Schema):
    """`asked` null: anybody. `may`: what you may do about it now. `doubled`: the taker was on call then
    already. Only a taken one puts anybody on call.
    """

    id: int
    schedule: str
    requester: str
    start: datetime
    end: datetime
    note: str
    asked: str | None
    state: SwapState
    needs_approval: bool
    taker: str | None
    return_start: datetime | None
    return_end: datetime | None
    accepted: bool
    approved_by: str
    unasked: bool
    doubled: bool
    created_at: datetime
    created_by: str
    changed_at: datetime
    may: list[str]


class Swaps(Schema):
    items: list[Swap]
    next_cursor: str | None


class SwapFilter(Listed):
    schedule: str | None = None
    user: str | None = Field(None, description="Asked for, taken by, or put to this person")
    state: SwapState | None = None
    since: Instant | None = Field(None, description="Those that end after this")


class SwapIn(In):
    schedule: Name
    start: Moment = Field(description="Without a zone: in the schedule's")
    end: Moment
    requester: Email | None = Field(None, description="Somebody else than yourself, as their manager")
    asked: Email | None = Field(None, description="Whom; without: anybody")
    note: str = Field("", max_length=500)


class ShiftTaken(In):
    schedule: Name
    of: Email
    start: Moment = Field(description="Without a zone: in the schedule's")
    end: Moment
    taker: Email | None = Field(None, description="Somebody else than yourself, as their manager")
    note: str = Field("", max_length=500)


class Taking(In):
    """`return_start` and `return_end`: what you ask to be relieved of instead; the requester accepts it."""

    taker: Email | None = Field(None, description="Somebody else than yourself, as their manager")
    return_start: Moment | None = None
    return_end: Moment | None = None


@router.get("", response=Swaps)
def list_swaps(request: ApiRequest, filters: Query[SwapFilter]) -> Any:
    """By start."""
    rows = queries.swaps(
        schedule=filters.schedule,
        email=filters.user and filters.user.lower(),
        states=[filters.state] if filters.state else None,
        since=filters.since,
    )
    part = sliced(rows, lambda one: f"{one.start.isoformat()} {one.id:019d}", filters)
    return {"items": [_out(request, one) for one in part.items], "next_cursor": part.next_cursor}


@router.post("", response={201: Swap})
def request_swap(request: ApiRequest, body: SwapIn) -> Status[dict[str, Any]]:
    """Ask a colleague, or anybody, to take your shifts of a span."""
    made = actions.request_swap(
        actor=request.actor,
        schedule=body.schedule,
        start=body.start,
        end=body.end,
        requester=body.requester,
        asked=body.asked,
        note=body.note,
        now=request.now,
    )
    return Status(201, _out(request, made))


@router.post("/take-shift", response={201: Swap})
def take_shift(request: ApiRequest, body: ShiftTaken) -> Status[dict[str, Any]]:
    """Take a colleague's shift without being asked; where swaps need approval, it waits for that."""
    made = actions.take_shift(
        actor=request.actor,
        schedule=body.schedule,
        of=body.of,
        start=body.start,
        end=body.end,
        taker=body.taker,
        note=body.note,
        now=request.now,
    )
    return Status(201, _out(request, made))


@router.get("/{swap_id}", response=Swap)
def read_swap(request: ApiRequest, swap_id: Path[Id]) -> dict[str, Any]:
    return _out(request, found(queries.swap(swap_id), "swap", swap_id))


@router.post("/{swap_id}/take", response=Swap)
def take_swap(
    request: ApiRequest,
    swap_id: Path[Id],
    body: Taking | None = None,
) -> dict[str, Any]:
    """Take it, or offer to where time is asked in return or an approval is needed. Of two at once one
    has it.
    """
    taking = body or Taking(taker=None)
    made = actions.take_swap(
        actor=request.actor,
        swap_id=swap_id,
        taker=taking.taker,
        return_start=taking.return_start,
        return_end=taking.return_end,
        now=request.now,
    )
    return _out(request, made)


@router.post("/{swap_id}/accept", response=Swap)
def accept_swap(request: ApiRequest, swap_id: Path[Id]) -> dict[str, Any]:
    """As the requester, grant what is asked in return."""
    return _out(request, actions.accept_swap(actor=request.actor, swap_id=swap_id, now=request.now))


@router.post("/{swap_id}/approve", response=Swap)
def approve_swap(request: ApiRequest, swap_id: Path[Id]) -> dict[str, Any]:
    """For the team's lead and manager, and whoever may edit the schedule."""
    return _out(request, actions.approve_swap(actor=request.actor, swap_id=swap_id, now=request.now))


@router.post("/{swap_id}/decline", response=Swap)
def decline_swap(request: ApiRequest, swap_id: Path[Id]) -> dict[str, Any]:
    """Refuse an offer, or say as the one asked that you cannot: it is open again."""
    return _out(request, actions.decline_swap(actor=request.actor, swap_id=swap_id, now=request.now))


@router.post("/{swap_id}/withdraw", response=Swap)
def withdraw_swap(request: ApiRequest, swap_id: Path[Id]) -> dict[str, Any]:
    """As the taker, take it back until it begins: it is open again."""
    return _out(request, actions.withdraw_swap(actor=request.actor, swap_id=swap_id, now=request.now))


@router.post("/{swap_id}/cancel", response=Swap)
def cancel_swap(request: ApiRequest, swap_id: Path[Id]) -> dict[str, Any]:
    """As the requester, call it off."""
    return _out(request, actions.cancel_swap(actor=request.actor, swap_id=swap_id, now=request.now))


def _out(request: ApiRequest, one: SwapInfo) -> dict[str, Any]:
    fields = {name: getattr(one, name) for name in SwapInfo.__dataclass_fields__}
    return {**fields, "may": list(queries.may_do(one, request.actor, request.now))}
