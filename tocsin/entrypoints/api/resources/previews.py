"""A schedule as a change would make it, before anything is saved."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from ninja import Field, Router, Schema

from tocsin.apps.oncall import queries
from tocsin.apps.oncall.types import Preview as Shown
from tocsin.domain.configuration.rota import read_rotation
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.schedule.diff import Stint
from tocsin.entrypoints.api import forms
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.resources.schedules import (
    OverrideIn,
    ScheduleForm,
    ShiftOut,
    definition_of,
    override_of,
    shift_out,
)
from tocsin.entrypoints.api.shapes import Id, In, Instant, Name

router = Router()
rotations = Router()

_USUAL: Final = timedelta(days=28)
_WIDEST: Final = timedelta(days=400)


class StintOut(Schema):
    schedule: str
    role: str
    start: datetime
    end: datetime


class MovedOut(Schema):
    user: str
    gained: list[StintOut]
    lost: list[StintOut]


class LayerShown(Schema):
    rotation: str
    shifts: list[ShiftOut]


class SchedulePreview(Schema):
    """`layers`: of each rotation alone, after the change. `problem`: why saving it would be refused."""

    schedule: str
    before: list[ShiftOut]
    after: list[ShiftOut]
    layers: list[LayerShown]
    moved: list[MovedOut]
    problem: str


class PreviewIn(In):
    since: Instant | None = Field(None, alias="from")
    until: Instant | None = None
    effective: Instant | None = None

    def bounds(self, now: datetime) -> tuple[datetime, datetime]:
        start = self.since or now
        end = self.until or start + _USUAL
        if end <= start:
            raise Invalid(FieldError("until", "expected a time after `from`"))
        if end - start > _WIDEST:
            raise Invalid(FieldError("until", f"expected at most {_WIDEST.days} days after `from`"))
        return start, end


class SchedulePreviewIn(PreviewIn):
    """`rotations`: definitions by name. With `without_override` that override is moved to be `override`, or
    taken back.
    """

    rotations: dict[Name, dict[str, Any]] = Field(default_factory=dict, max_length=50)
    definition: ScheduleForm | None = None
    override: OverrideIn | None = None
    without_override: Id | None = None


class RotationPreviewIn(PreviewIn):
    definition: dict[str, Any]
    schedule: Name | None = Field(None, description="Which schedule to show; without: the rotation's own")


@router.post("/{name}/preview", response=SchedulePreview)
def preview_schedule(request: ApiRequest, name: str, body: SchedulePreviewIn) -> SchedulePreview:
    """The final schedule before and after changes that are not saved, and who gains or loses which shifts."""
    start, end = body.bounds(request.now)
    shown = queries.preview(
        schedule=name,
        start=start,
        end=end,
        now=request.now,
        rotations=[forms.read(read_rotation, form, each) for each, form in body.rotations.items()],
        definition=definition_of(body.definition, name) if body.definition else None,
        override=override_of(body.override) if body.override else None,
        without_override=body.without_override,
        effective=body.effective,
    )
    return _rendered(shown)


@rotations.post("/{name}/preview", response=SchedulePreview)
def preview_rotation(request: ApiRequest, name: str, body: RotationPreviewIn) -> SchedulePreview:
    """What saving this definition would do, and to whom."""
    start, end = body.bounds(request.now)
    shown = queries.preview(
        schedule=body.schedule or name,
        start=start,
        end=end,
        now=request.now,
        rotations=[forms.read(read_rotation, body.definition, name)],
        effective=body.effective,
    )
    return _rendered(shown)


def _rendered(shown: Shown) -> SchedulePreview:
    return SchedulePreview(
        schedule=shown.schedule,
        before=[shift_out(shown.schedule, shift) for shift in shown.before],
        after=[shift_out(shown.schedule, shift) for shift in shown.after],
        layers=[
            LayerShown(rotation=name, shifts=[shift_out(shown.schedule, shift) for shift in shifts])
            for name, shifts in shown.layers
        ],
        moved=[
            MovedOut(user=one.user, gained=_stints(one.gained), lost=_stints(one.lost)) for one in shown.moved
        ],
        problem=shown.problem,
    )


def _stints(several: Sequence[Stint]) -> list[StintOut]:
    return [StintOut(schedule=one.schedule, role=one.role, start=one.start, end=one.end) for one in several]
