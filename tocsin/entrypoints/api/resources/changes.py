"""Change events: deploys, switched flags."""

from datetime import datetime
from typing import Annotated, Any

from ninja import Field, Query, Router, Schema, Status

from tocsin.apps.alerts import change_actions as actions
from tocsin.apps.alerts import change_queries as queries
from tocsin.apps.alerts.change_actions import ChangeSpec
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.shapes import In, Instant, Name

router = Router()


class ChangeIn(In):
    integration: Name = Field(description="In whose name it stands")
    summary: str = Field(min_length=1, max_length=1024, examples=["deployed v1.42"])
    service: Name | None = None
    source: str = Field("", max_length=512)
    occurred_at: Instant | None = Field(None, description="Absent: now")
    key: str = Field("", max_length=512, description="Told again with it, it is told anew, not twice")
    labels: dict[str, str] = Field(default_factory=dict)
    links: list[Annotated[str, Field(max_length=2048)]] = Field(default_factory=list, max_length=20)


class ChangeLink(Schema):
    href: str
    text: str = ""


class Change(Schema):
    id: int
    integration: str
    service: str | None
    summary: str
    source: str
    occurred_at: datetime
    received_at: datetime
    labels: dict[str, str]
    links: list[ChangeLink]


class Changes(Schema):
    items: list[Change]
    next_cursor: str | None


class ChangeFilter(Schema):
    service: str = ""
    integration: str = ""
    search: str = Field("", max_length=200)
    since: Instant | None = None
    until: Instant | None = None
    limit: int = Field(50, ge=1, le=200)


@router.get("", response=Changes)
def list_changes(request: ApiRequest, filters: Query[ChangeFilter]) -> Any:  # noqa: ARG001 - ninja's
    """The newest first. For older ones ask again with `until` at the last one's `occurred_at`."""
    rows = queries.changes(
        service=filters.service.replace("\0", ""),
        integration=filters.integration.replace("\0", ""),
        search=filters.search.replace("\0", ""),
        since=filters.since,
        until=filters.until,
        limit=filters.limit,
    )
    return {"items": rows, "next_cursor": None}


@router.post("", response={201: Change})
def record_change(request: ApiRequest, body: ChangeIn) -> Status[Any]:
    """It opens nothing; it stands beside what breaks after it."""
    spec = ChangeSpec(**{**body.dict(), "links": tuple(body.links)})
    return Status(201, actions.record_change(actor=request.actor, spec=spec, now=request.now))
