from typing import Any

from ninja import Query, Router, Schema, Status

from tocsin.apps.oncall import actions, queries
from tocsin.apps.oncall.types import RotationInfo
from tocsin.domain.configuration.rota import read_rotation
from tocsin.entrypoints.api import forms
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.shapes import In, Listed, Name, found, sliced

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


class RotationEdit(In):
    definition: dict[str, Any]


class RotationIn(RotationEdit):
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
    """The past stays as it was; a changed list of participants holds from the next hand-off on."""
    known = found(_find(name), "rotation", name)
    forms.check_unlocked("rotation", name, from_file=known.from_file)
    return _save(request, name, body.definition)


@router.delete("/{name}", response={204: None})
def delete_rotation(request: ApiRequest, name: str) -> Status[None]:
    actions.delete_rotation(actor=request.actor, name=name, now=request.now)
    return Status(204, None)


def _find(name: str) -> RotationInfo | None:
    return next((one for one in queries.rotations() if one.name == name), None)


def _save(request: ApiRequest, name: str, form: dict[str, Any]) -> RotationInfo:
    definition = forms.read(read_rotation, form, name)
    actions.save_rotations(actor=request.actor, definitions=[definition], now=request.now)
    return found(_find(name), "rotation", name)
