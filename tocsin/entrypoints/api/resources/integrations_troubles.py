"""How an integration fares, what of it was refused or set aside, and what is done about that."""

from datetime import datetime
from typing import Any

from ninja import Query, Router, Schema, Status

from tocsin.apps.integrations import queries, trouble_actions
from tocsin.apps.integrations.health import Health, health_of, traffic
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.resources.integrations import Events
from tocsin.entrypoints.api.shapes import Id, found

router = Router()
_MOST = 200


class IntegrationHealth(Schema):
    """`hours`: events of each of the last 24, the oldest first; `whole` false: there were more than were
    counted. `set_aside` and `refused` are those of a day.
    """

    health: Health
    last_event_at: datetime | None
    silent_since: datetime | None
    hours: list[int]
    total: int
    whole: bool
    set_aside: int
    refused: int


class Rejection(Schema):
    """Something refused, `count` times alike; `body` is the beginning of one, or the `whole` of it."""

    id: int
    kind: str
    status: int
    reason: str
    body: str
    size: int
    whole: bool
    can_be_tried: bool
    count: int
    first_at: datetime
    last_at: datetime


class Rejections(Schema):
    items: list[Rejection]
    next_cursor: str | None


class Retried(Schema):
    events: int


@router.get("/{name}/health", response=IntegrationHealth)
def read_health(request: ApiRequest, name: str) -> IntegrationHealth:
    info = found(queries.integration(name), "integration", name)
    fares = traffic((info.id,), now=request.now)[info.id]
    return IntegrationHealth(
        health=health_of(info, fares),
        last_event_at=info.last_event_at,
        silent_since=info.silent_since,
        hours=list(fares.hours),
        total=fares.total,
        whole=fares.whole,
        set_aside=fares.set_aside,
        refused=fares.refused,
    )


@router.get("/{name}/set-aside", response=Events)
def list_set_aside(request: ApiRequest, name: str, limit: Query[int] = 50) -> Any:  # noqa: ARG001 - ninja's
    """Events that could not be understood, the newest first."""
    info = found(queries.integration(name), "integration", name)
    rows = queries.set_aside(limit=max(1, min(limit, _MOST)), integration_id=info.id)
    return {"items": rows, "next_cursor": None}


@router.post("/{name}/set-aside/retry", response=Retried)
def retry_set_aside(request: ApiRequest, name: str) -> Retried:
    """Work off again all that was set aside."""
    done = trouble_actions.retry_events(actor=request.actor, name=name, now=request.now)
    return Retried(events=done)


@router.post("/{name}/set-aside/{event}/retry", response=Retried)
def retry_event(request: ApiRequest, name: str, event: Id) -> Retried:
    done = trouble_actions.retry_events(actor=request.actor, name=name, event=event, now=request.now)
    return Retried(events=done)


@router.delete("/{name}/set-aside/{event}", response={204: None})
def discard_event(request: ApiRequest, name: str, event: Id) -> Status[None]:
    trouble_actions.discard_event(actor=request.actor, name=name, event=event, now=request.now)
    return Status(204, None)


@router.get("/{name}/rejected", response=Rejections)
def list_rejected(request: ApiRequest, name: str, limit: Query[int] = 50) -> Any:  # noqa: ARG001 - ninja's
    """Samples of what was refused, the newest first."""
    info = found(queries.integration(name), "integration", name)
    return {"items": queries.rejected(info.name, limit=max(1, min(limit, _MOST))), "next_cursor": None}


@router.post("/{name}/rejected/{sample}/retry", response=Retried)
def retry_sample(request: ApiRequest, name: str, sample: Id) -> Retried:
    """Take it in as it would be taken now; 422 while it is still not understood."""
    done = trouble_actions.retry_sample(actor=request.actor, name=name, sample=sample, now=request.now)
    return Retried(events=done)


@router.delete("/{name}/rejected/{sample}", response={204: None})
def discard_sample(request: ApiRequest, name: str, sample: Id) -> Status[None]:
    trouble_actions.discard_sample(actor=request.actor, name=name, sample=sample, now=request.now)
    return Status(204, None)
