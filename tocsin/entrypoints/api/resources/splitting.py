"""Around one incident: alerts split off it, what was changed before it, and what was like it."""

from datetime import datetime, timedelta
from typing import Any

from ninja import Field, Router, Schema, Status

from tocsin.apps.incidents import parting, preceding
from tocsin.apps.incidents import similar as likeness
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.resources.changes import Changes
from tocsin.entrypoints.api.resources.incident_shapes import Incident
from tocsin.entrypoints.api.shapes import Id, In

router = Router()


class AlertsToPart(In):
    alerts: list[Id] = Field(min_length=1, max_length=1000, description="Ids of alerts of this incident")


class Like(Schema):
    """`resolved_by` null: its alerts ended it. `notes`: the last words on its timeline."""

    ref: str
    title: str
    service: str
    severity: str
    resolved_at: datetime
    took_s: float
    resolved_by: str | None
    notes: list[str]
    score: float

    @staticmethod
    def resolve_took_s(one: Any) -> float:
        took: timedelta = one.took
        return took.total_seconds()


class Likes(Schema):
    items: list[Like]
    next_cursor: str | None


@router.post("/{ref}/split", response={201: Incident})
def split(request: ApiRequest, ref: str, body: AlertsToPart) -> Status[Any]:
    """A new incident of these alerts; their repeats go there from now on. Answers with the new one."""
    made = parting.split(actor=request.actor, ref=ref, alert_ids=body.alerts, now=request.now)
    return Status(201, made)


@router.post("/{ref}/rejoin", response=Incident)
def rejoin(request: ApiRequest, ref: str) -> Any:
    """Undo a split: its alerts and their repeats go back to where they came from."""
    return parting.rejoin(actor=request.actor, ref=ref, now=request.now)


@router.get("/{ref}/similar", response=Likes)
def similar(request: ApiRequest, ref: str) -> Any:  # noqa: ARG001 - ninja's
    """Incidents of the past that look like it, the likest first."""
    return {"items": likeness.similar(ref), "next_cursor": None}


@router.get("/{ref}/changes", response=Changes)
def changes_before(request: ApiRequest, ref: str) -> Any:  # noqa: ARG001 - ninja's
    """What was changed within a day before it, in its service and in what that depends on."""
    return {"items": preceding.changes_before(ref), "next_cursor": None}
