"""Before and after a shift: what people hear of it, and whether they are ready."""

from datetime import datetime
from typing import Any

from ninja import Field, Path, Query, Router, Schema

from tocsin.apps.oncall import actions, queries
from tocsin.apps.oncall.types import ReadinessInfo
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.shapes import (
    Duration,
    Id,
    In,
    Instant,
    Listed,
    duration,
    duration_text,
    person,
    sliced,
)

router = Router()
notices = Router()


class Readiness(Schema):
    """`due_at`: when others are told, unless it is confirmed before; `told`: who was."""

    id: int
    schedule: str
    email: str
    role: str
    shift_start: datetime
    shift_end: datetime
    asked_at: datetime
    due_at: datetime | None
    confirmed_at: datetime | None
    told_at: datetime | None
    told: list[str]


class ReadinessList(Schema):
    items: list[Readiness]
    next_cursor: str | None


class ReadinessFilter(Listed):
    schedule: str | None = None
    email: str | None = None
    since: Instant | None = Field(None, description="Of shifts that end after this; without: all")


class Notices(Schema):
    """How long before going on and off call a person is told, and of what else."""

    on: list[Duration]
    off: list[Duration]
    handoff: bool
    moved: bool


class NoticesIn(In):
    on: list[Duration] = Field(max_length=20)
    off: list[Duration] = Field(max_length=20)
    handoff: bool = True
    moved: bool = True


@router.get("", response=ReadinessList)
def list_readiness(request: ApiRequest, filters: Query[ReadinessFilter]) -> Any:  # noqa: ARG001 - ninja's
    """Who was asked to confirm a test page before a shift, in the order in which they were asked."""
    rows = queries.readiness(schedule=filters.schedule, email=filters.email, since=filters.since)
    return sliced(rows, lambda one: f"{one.id:019d}", filters)


@router.post("/{readiness_id}/confirm", response=Readiness)
def confirm_readiness(request: ApiRequest, readiness_id: Path[Id]) -> ReadinessInfo:
    """They got the test page: theirs to say, or of whoever manages people."""
    return actions.confirm_readiness(actor=request.actor, readiness_id=readiness_id, now=request.now)


@notices.get("/{email}/notices", response=Notices)
def read_notices(request: ApiRequest, email: str) -> Notices:  # noqa: ARG001 - ninja's
    return _notices(person(email).email)


@notices.put("/{email}/notices", response=Notices)
def replace_notices(request: ApiRequest, email: str, body: NoticesIn) -> Notices:
    """All of it. Empty lists: not told ahead."""
    known = person(email).email
    actions.set_notices(
        actor=request.actor,
        email=known,
        on=tuple(found for each in body.on if (found := duration(each, "on")) is not None),
        off=tuple(found for each in body.off if (found := duration(each, "off")) is not None),
        handoff=body.handoff,
        moved=body.moved,
        now=request.now,
    )
    return _notices(known)


def _notices(email: str) -> Notices:
    known = queries.notices(email)
    on, off = ([duration_text(each) or "" for each in several] for several in (known.on, known.off))
    return Notices(on=on, off=off, handoff=known.handoff, moved=known.moved)
