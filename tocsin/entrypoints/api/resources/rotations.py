from datetime import datetime
from typing import Any

from ninja import Field, Query, Router, Schema, Status

from tocsin.apps.oncall import actions, queries
from tocsin.apps.oncall.types import RotationInfo
from tocsin.domain.configuration.rota import read_rotation
from tocsin.entrypoints.api import forms
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.shapes import In, Instant, Listed, Name, found, sliced

router = Router()


class Rotation(Schema):
    """`definition` is in the form of the configuration files; `summary` says it in a few words."""

    name: str
    definition: dict[str, Any]
    people: list[str]
    summary: str
    timezone: str
    from_file: bool


class Rotations(Schema):
    items: list[Rotation]
    next_cursor: str | None


class RotationBody(In):
    definition: dict[str, Any]


class RotationEdit(RotationBody):
    effective: Instant | None = Field(None, description="From when on it holds; else as soon as it can")


class Version(Schema):
    """`state`: past | present | planned. `start` null: from its beginning; `end` null: with no end."""

    definition: dict[str, Any]
    start: datetime | None
    end: datetime | None
    state: str


class Versions(Schema):
    items: list[Version]


class RotationIn(RotationBody):
    name: Name


@router.get("", response=Rotations)
def list_rotations(request: ApiRequest, filters: Query[Listed]) -> Any:  # noqa: ARG001 - ninja's
    return sliced(queries.rotations(), lambda one: one.name, filters)


@router.post("", response={201: Rotation})
def create_rotation(request: ApiRequest, body: RotationIn) -> Status[RotationInfo]:
    forms.check_free("rotation", body.name, _find)
    return Status(201, _save(request, body.name, body.definition))


@router.get("/{name}", response=Rotation)
def read_rotation_(request: ApiRequest, name: str) -> RotationInfo:  # noqa: ARG001 - ninja's
    return found(_find(name), "rotation", name)


@router.put("/{name}", response=Rotation)
def replace_rotation(request: ApiRequest, name: str, body: RotationEdit) -> RotationInfo:
    """The past stays as it was. A changed list of participants holds from the next hand-off on, or all of it
    from `effective` on.
    """
    known = found(_find(name), "rotation", name)
    forms.check_unlocked("rotation", name, from_file=known.from_file)
    return _save(request, name, body.definition, body.effective)


@router.get("/{name}/versions", response=Versions)
def list_versions(request: ApiRequest, name: str) -> dict[str, Any]:
    """What it was, is and is planned to be, oldest first."""
    return {"items": queries.versions(name, request.now)}


@router.delete("/{name}", response={204: None})
def delete_rotation(request: ApiRequest, name: str) -> Status[None]:
    actions.delete_rotation(actor=request.actor, name=name, now=request.now)
    return Status(204, None)


def _find(name: str) -> RotationInfo | None:
    return next(iter(queries.rotations((name,))), None)


def _save(
    request: ApiRequest, name: str, form: dict[str, Any], effective: datetime | None = None
) -> RotationInfo:
    definition = forms.read(read_rotation, form, name)
    actions.save_rotations(
        actor=request.actor, definitions=[definition], effective=effective, now=request.now
    )
    return found(_find(name), "rotation", name)
