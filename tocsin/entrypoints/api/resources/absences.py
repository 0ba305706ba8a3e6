"""Who is away; and whom paging really took from a schedule."""

from datetime import datetime
from typing import Any

from ninja import Field, Path, Query, Router, Schema, Status

from tocsin.apps.oncall import actions, queries
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.resources.schedules import ShiftOut, shift_out
from tocsin.entrypoints.api.shapes import Email, Id, In, Instant, Listed, sliced

router = Router()
uses = Router()


class Absence(Schema):
    """`calendar` null: somebody wrote it down. `clashes`: the person's shifts within it, where just made."""

    id: int
    email: str
    start: datetime
    end: datetime
    note: str
    calendar: str | None
    created_by: str
    clashes: list[ShiftOut]


class Absences(Schema):
    items: list[Absence]
    next_cursor: str | None


class AbsenceFilter(Listed):
    user: str | None = None
    since: Instant | None = Field(None, alias="from")
    until: Instant | None = None


class AbsenceIn(In):
    email: Email
    start: Instant
    end: Instant
    note: str = Field("", max_length=255)


class Use(Schema):
    """`which`: the schedule's current, next or previous. `step` null: beside the ladder."""

    id: int
    at: datetime
    schedule: str
    which: str
    role: str
    email: str
    reason: str
    incident_id: int
    call_out_id: int | None
    step: int | None
    urgency: str


class Uses(Schema):
    items: list[Use]
    next_cursor: str | None


class UseFilter(Listed):
    schedule: str | None = None
    user: str | None = None
    incident_id: Id | None = None
    since: Instant | None = Field(None, alias="from")
    until: Instant | None = None


@router.get("", response=Absences)
def list_absences(request: ApiRequest, filters: Query[AbsenceFilter]) -> Any:  # noqa: ARG001 - ninja's
    """By start."""
    rows = queries.absences(email=filters.user, start=filters.since, end=filters.until)
    return sliced(rows, lambda one: f"{one.start.isoformat()} {one.id:019d}", filters)


@router.post("", response={201: Absence})
def add_absence(request: ApiRequest, body: AbsenceIn) -> Status[dict[str, Any]]:
    """Say that somebody is away. It warns and takes nobody off call; `clashes` are shifts to swap."""
    made = actions.add_absence(
        actor=request.actor,
        email=body.email,
        start=body.start,
        end=body.end,
        note=body.note,
        now=request.now,
    )
    fields = {name: getattr(made, name) for name in type(made).__dataclass_fields__}
    clashes = [shift_out(name, shift) for name, shift in made.clashes]
    return Status(201, {**fields, "clashes": clashes})


@router.delete("/{absence_id}", response={204: None})
def remove_absence(request: ApiRequest, absence_id: Path[Id]) -> Status[None]:
    actions.remove_absence(actor=request.actor, absence_id=absence_id, now=request.now)
    return Status(204, None)


@uses.get("", response=Uses)
def list_uses(request: ApiRequest, filters: Query[UseFilter]) -> Any:  # noqa: ARG001 - ninja's
    """Whom paging really took from schedules, newest first: written as it happened, never changed."""
    return queries.uses(
        schedule=filters.schedule,
        email=filters.user,
        incident_id=filters.incident_id,
        start=filters.since,
        end=filters.until,
        cursor=filters.cursor,
        limit=filters.limit,
    )
