from datetime import datetime, timedelta
from typing import Any, Final

from ninja import Field, Path, Query, Router, Schema, Status

from tocsin.apps.oncall import actions, queries
from tocsin.apps.oncall.types import OverrideInfo, ScheduleInfo
from tocsin.domain.configuration.rota import read_schedule
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.schedule import OverrideKind, Shift
from tocsin.domain.schedule.definition import OverrideDefinition, ScheduleDefinition
from tocsin.entrypoints.api import forms
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.shapes import Email, Id, In, Instant, Listed, Moment, Name, found, sliced

router = Router()
oncall = Router()

_WIDEST: Final = timedelta(days=400)
_USUAL: Final = timedelta(days=14)
_MOST: Final = 100 * _WIDEST  # of all schedules together


class LayerOut(Schema):
    rotation: str
    priority: int
    role: str | None


class Schedule(Schema):
    """`implicit`: it exists because a rotation of its name does."""

    name: str
    timezone: str
    team: str | None
    layers: list[LayerOut]
    fallback: list[str]
    people: list[str]
    implicit: bool
    from_file: bool
    readiness: str | None = Field(description="How long before a shift a test page is asked for; null: 1h")
    swap_approval: bool


class Schedules(Schema):
    items: list[Schedule]
    next_cursor: str | None


class ScheduleFilter(Listed):
    search: str = ""


class LayerIn(In):
    rotation: Name
    priority: int | None = Field(None, ge=-10_000, le=10_000)
    role: Name | None = None


class ScheduleForm(In):
    timezone: str | None = Field(None, examples=["Europe/Berlin"])
    team: Name | None = None
    layers: list[LayerIn] = Field(max_length=200)
    fallback: list[Email] = Field(default_factory=list, max_length=100)
    readiness: str | None = Field(None, max_length=32, examples=["1h", "off"])
    swap_approval: bool = Field(False, description="Swaps wait for somebody who may edit the schedule")


class ScheduleIn(ScheduleForm):
    name: Name


class ShiftOut(Schema):
    """`user` null is a gap: nobody is on call."""

    schedule: str
    user: str | None
    rotation: str | None
    role: str | None
    start: datetime
    end: datetime
    origin: str


class Shifts(Schema):
    items: list[ShiftOut]
    next_cursor: str | None = None


class Override(Schema):
    id: int
    schedule: str
    start: datetime
    end: datetime
    kind: OverrideKind
    user: str | None
    replaces: str | None
    created_at: datetime
    created_by: str
    from_file: bool
    swap: int | None = Field(description="The swap that made it")
    calendar: str | None = Field(description="The calendar that it comes from")


class Overrides(Schema):
    items: list[Override]
    next_cursor: str | None


class OverrideIn(In):
    start: Moment = Field(description="Without a zone: in the schedule's")
    end: Moment
    kind: OverrideKind = OverrideKind.OVERRIDE
    user: Email | None = None
    replaces: Email | None = None


class OverrideEdit(In):
    """What is not sent stays as it is."""

    start: Moment | None = Field(None, description="Without a zone: in the schedule's")
    end: Moment | None = None
    kind: OverrideKind | None = None
    user: Email | None = None
    replaces: Email | None = None


class LayerShiftsOut(Schema):
    rotation: str
    role: str
    priority: int
    shifts: list[ShiftOut]


class Layers(Schema):
    items: list[LayerShiftsOut]


class Span(Schema):
    since: Instant | None = Field(None, alias="from")
    until: Instant | None = None

    def bounds(self, now: datetime) -> tuple[datetime, datetime]:
        start = self.since or now
        end = self.until or start + _USUAL
        if end <= start:
            raise Invalid(FieldError("until", "expected a time after `from`"))
        if end - start > _WIDEST:
            raise Invalid(FieldError("until", f"expected at most {_WIDEST.days} days after `from`"))
        return start, end


class OnCallFilter(Span):
    schedule: str = ""
    at: Instant | None = None
    role: str | None = None


@oncall.get("", response=Shifts)
def read_oncall(request: ApiRequest, filters: Query[OnCallFilter]) -> Shifts:
    """Who is on call at `at` (now), in one schedule or all; with `from` or `until`, all shifts and gaps (of
    more than a hundred schedules at once not as far).
    """
    if filters.since is not None or filters.until is not None:
        start, end = filters.bounds(request.now)
        names = [filters.schedule] if filters.schedule else queries.names()
        if len(names) * (end - start) > _MOST:
            raise Invalid(FieldError("until", f"too long for {len(names)} schedules: name one in `schedule`"))
        several = queries.shifts_of_all(names, start, end)
    elif filters.schedule:
        at = filters.at or request.now
        several = [(filters.schedule, queries.on_call(filters.schedule, at))]
    else:
        several = [(line.schedule, list(line.now)) for line in queries.now_board(filters.at or request.now)]
    rows = [shift_out(name, shift) for name, shifts in several for shift in shifts]
    return Shifts(items=[row for row in rows if filters.role in {None, row.role}])


@router.get("", response=Schedules)
def list_schedules(request: ApiRequest, filters: Query[ScheduleFilter]) -> Any:  # noqa: ARG001 - ninja's
    return sliced(queries.schedules(search=filters.search), lambda one: one.name, filters)


@router.post("", response={201: Schedule})
def create_schedule(request: ApiRequest, body: ScheduleIn) -> Status[ScheduleInfo]:
    forms.check_free("schedule", body.name, _defined)
    return Status(201, _save(request, body.name, body))


@router.get("/{name}", response=Schedule)
def read_schedule_(request: ApiRequest, name: str) -> ScheduleInfo:  # noqa: ARG001 - ninja's
    return found(queries.schedule(name), "schedule", name)


@router.put("/{name}", response=Schedule)
def replace_schedule(request: ApiRequest, name: str, body: ScheduleForm) -> ScheduleInfo:
    """All of it, overrides apart."""
    known = found(queries.schedule(name), "schedule", name)
    forms.check_unlocked("schedule", name, from_file=known.from_file and not known.implicit)
    return _save(request, name, body)


@router.delete("/{name}", response={204: None})
def delete_schedule(request: ApiRequest, name: str) -> Status[None]:
    actions.delete_schedule(actor=request.actor, name=name, now=request.now)
    return Status(204, None)


@router.get("/{name}/shifts", response=Shifts)
def list_shifts(request: ApiRequest, name: str, filters: Query[Span]) -> Shifts:
    """Every shift and gap from `from` (now) until `until` (two weeks later; at most 400 days)."""
    start, end = filters.bounds(request.now)
    return Shifts(items=[shift_out(name, shift) for shift in queries.shifts(name, start, end)])


@router.get("/{name}/layers", response=Layers)
def list_layers(request: ApiRequest, name: str, filters: Query[Span]) -> Layers:
    """What each layer alone says, overrides apart."""
    start, end = filters.bounds(request.now)
    items = [
        LayerShiftsOut(
            rotation=one.rotation,
            role=one.role,
            priority=one.priority,
            shifts=[shift_out(name, shift) for shift in one.shifts],
        )
        for one in queries.layers(name, start, end)
    ]
    return Layers(items=items)


@router.get("/{name}/overrides", response=Overrides)
def list_overrides(request: ApiRequest, name: str, filters: Query[Listed]) -> Any:
    """Those that are not over yet, in order of creation: the last one that applies wins."""
    found(queries.schedule(name), "schedule", name)
    rows = queries.overrides(name, since=request.now)
    return sliced(rows, lambda one: f"{one.id:019d}", filters)


@router.post("/{name}/overrides", response={201: Override})
def add_override(request: ApiRequest, name: str, body: OverrideIn) -> Status[OverrideInfo]:
    """Put somebody on call, or take somebody off, for a while."""
    change = override_of(body)
    made = actions.add_override(actor=request.actor, schedule=name, change=change, now=request.now)
    return Status(201, made)


@router.get("/{name}/overrides/{override_id}", response=Override)
def read_override_(request: ApiRequest, name: str, override_id: Path[Id]) -> OverrideInfo:  # noqa: ARG001 - ninja's
    return _override(name, override_id)


@router.patch("/{name}/overrides/{override_id}", response=Override)
def move_override(request: ApiRequest, name: str, override_id: Path[Id], body: OverrideEdit) -> OverrideInfo:
    """Other times or people; of one that has begun only the end."""
    known = _override(name, override_id)
    sent = body.dict(exclude_unset=True)
    whole = OverrideIn(
        start=sent.get("start") or known.start,
        end=sent.get("end") or known.end,
        kind=sent.get("kind") or known.kind,
        user=sent.get("user", known.user),
        replaces=sent.get("replaces", known.replaces),
    )
    return actions.move_override(
        actor=request.actor, override_id=override_id, change=override_of(whole), now=request.now
    )


@router.delete("/{name}/overrides/{override_id}", response={204: None})
def remove_override(request: ApiRequest, name: str, override_id: Path[Id]) -> Status[None]:
    """One that has begun ends now: the past stays as it was."""
    _override(name, override_id)
    actions.remove_override(actor=request.actor, override_id=override_id, now=request.now)
    return Status(204, None)


def override_of(body: OverrideIn) -> OverrideDefinition:
    return OverrideDefinition(
        start=body.start,
        end=body.end,
        kind=body.kind,
        user=body.user and body.user.lower(),
        replaces=body.replaces and body.replaces.lower(),
    )


def _override(name: str, override_id: int) -> OverrideInfo:
    one = next((one for one in queries.overrides(name) if one.id == override_id), None)
    return found(one, "override", override_id)


def _defined(name: str) -> ScheduleInfo | None:
    known = queries.schedule(name)
    return None if known is None or known.implicit else known


def _save(request: ApiRequest, name: str, body: ScheduleForm) -> ScheduleInfo:
    definition = definition_of(body, name)
    actions.save_schedule(actor=request.actor, definition=definition, now=request.now)
    return found(queries.schedule(name), "schedule", name)


def definition_of(body: ScheduleForm, name: str) -> ScheduleDefinition:
    return forms.read(read_schedule, body.dict(exclude_none=True, exclude={"name"}), name)


def shift_out(schedule: str, shift: Shift) -> ShiftOut:
    return ShiftOut(
        schedule=schedule,
        user=shift.user,
        rotation=shift.rotation,
        role=shift.role,
        start=shift.start,
        end=shift.end,
        origin=shift.origin,
    )
