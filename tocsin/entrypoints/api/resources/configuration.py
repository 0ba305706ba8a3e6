from datetime import datetime
from typing import Any

from ninja import Field, Router, Schema, Status

from tocsin.apps.configuration import actions, queries
from tocsin.apps.configuration.types import Outcome
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.shapes import In, Name

router = Router()


class Files(In):
    """`files`: name → text. `prune` also removes what files once made and no longer say."""

    files: dict[str, str] = Field(max_length=2000, examples=[{"users.yaml": "users: []"}])
    prune: bool = False


class Thing(In):
    """`kind` is a top-level key of the files."""

    kind: Name = Field(examples=["services"])
    name: str = Field("", max_length=255)


class FieldChange(Schema):
    field: str
    before: Any = None
    after: Any = None


class Turn(Schema):
    people: list[str]
    start: datetime
    end: datetime


class ConfigurationChange(Schema):
    """`turns_before` and `turns_after`: the next turns of a rotation that changes."""

    kind: str
    name: str
    action: str
    fields: list[FieldChange]
    turns_before: list[Turn]
    turns_after: list[Turn]


class Result(Schema):
    changes: list[ConfigurationChange]
    warnings: list[str]


class Export(Schema):
    text: str


@router.post("/plan", response=Result)
def plan(request: ApiRequest, body: Files) -> Outcome:
    """What `apply` would do. Bad files: 422, naming file, line and field."""
    return actions.plan(actor=request.actor, files=body.files, prune=body.prune, now=request.now)


@router.post("/apply", response=Result)
def apply(request: ApiRequest, body: Files) -> Outcome:
    """Make everything as the files say, or nothing; a second time nothing changes."""
    return actions.apply(actor=request.actor, files=body.files, prune=body.prune, now=request.now)


@router.post("/unlock", response={204: None})
def unlock(request: ApiRequest, body: Thing) -> Status[None]:
    """What a file made can be changed here, and is no longer the file's to remove, until `apply` names it."""
    actions.unlock(actor=request.actor, kind=body.kind, name=body.name, now=request.now)
    return Status(204, None)


@router.get("/export", response=Export)
def export(request: ApiRequest) -> Export:
    """One YAML text that `apply` reads back as the same; it holds the keys of the integrations."""
    return Export(text=queries.export(actor=request.actor))
