"""Heartbeats: jobs that must be heard of."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

from django.conf import settings
from ninja import Field, Path, Query, Router, Schema, Status

from tocsin.apps.integrations import heartbeat_actions as actions
from tocsin.apps.integrations import heartbeat_queries as queries
from tocsin.apps.integrations.heartbeat_queries import HeartbeatInfo, HeartbeatSpec
from tocsin.domain.heartbeat import State
from tocsin.domain.permissions import Permission, can
from tocsin.domain.severity import Severity
from tocsin.domain.time import format_duration
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.shapes import Duration, Id, In, Listed, Name, duration, found, sliced

router = Router()


class HeartbeatIn(In):
    integration: Name
    name: str = Field(min_length=1, max_length=200)
    every: Duration | None = Field(None, description="How often; or `cron`", examples=["1h"])
    cron: str = Field("", max_length=128, examples=["0 3 * * *"])
    timezone: str = Field("UTC", max_length=64, description="Of `cron`")
    grace: Duration | None = Field(None, description="Absent: a tenth of the period, a minute to an hour")
    severity: Severity | None = Field(None, description="Absent: as the service says")
    description: str = Field("", max_length=10_000)
    summary: str = Field("", max_length=255, description="What its alert says")
    labels: dict[str, str] = Field(default_factory=dict)
    enabled: bool = True

    def spec(self) -> HeartbeatSpec:
        return HeartbeatSpec(
            integration=self.integration,
            name=self.name,
            every=duration(self.every, "every"),
            cron=self.cron,
            zone=self.timezone,
            grace=duration(self.grace, "grace"),
            severity=self.severity or "",
            description=self.description,
            summary=self.summary,
            labels=self.labels,
            enabled=self.enabled,
        )


class Heartbeat(Schema):
    """`url` is shown to those who may edit it. `down_at`: when it is down, unless it is heard of."""

    id: int
    integration: str
    name: str
    url: str | None
    state: State
    every: str | None
    cron: str
    timezone: str
    grace: str
    severity: str | None
    description: str
    summary: str
    labels: dict[str, str]
    enabled: bool
    last_at: datetime | None
    started_at: datetime | None
    last_run_s: float | None
    exit_code: int | None
    expected_at: datetime | None
    down_at: datetime | None
    created_at: datetime
    from_file: bool


class Heartbeats(Schema):
    items: list[Heartbeat]
    next_cursor: str | None


class HeartbeatFilter(Listed):
    integration: str = ""
    state: State | None = None
    search: str = ""


@router.get("", response=Heartbeats)
def list_heartbeats(request: ApiRequest, filters: Query[HeartbeatFilter]) -> Any:
    """By name."""
    rows = queries.all_heartbeats(
        request.now, integration=filters.integration, state=filters.state or "", search=filters.search
    )
    page = sliced(rows, lambda one: f"{one.name}\t{one.id:019d}", filters)
    return {"items": [_out(request, one) for one in page.items], "next_cursor": page.next_cursor}


@router.post("", response={201: Heartbeat})
def create_heartbeat(request: ApiRequest, body: HeartbeatIn) -> Status[dict[str, Any]]:
    """One of that name is changed: they also create themselves when they are first heard of."""
    made = actions.save_heartbeat(actor=request.actor, spec=body.spec(), now=request.now)
    return Status(201, _out(request, made))


@router.get("/{heartbeat_id}", response=Heartbeat)
def read_heartbeat(request: ApiRequest, heartbeat_id: Path[Id]) -> dict[str, Any]:
    return _out(request, found(queries.by_id(heartbeat_id, request.now), "heartbeat", heartbeat_id))


@router.put("/{heartbeat_id}", response=Heartbeat)
def replace_heartbeat(request: ApiRequest, heartbeat_id: Path[Id], body: HeartbeatIn) -> dict[str, Any]:
    made = actions.save_heartbeat(actor=request.actor, spec=body.spec(), number=heartbeat_id, now=request.now)
    return _out(request, made)


@router.post("/{heartbeat_id}/pause", response=Heartbeat)
def pause_heartbeat(request: ApiRequest, heartbeat_id: Path[Id]) -> dict[str, Any]:
    """It is not awaited until it is resumed."""
    made = actions.pause_heartbeat(actor=request.actor, number=heartbeat_id, on=False, now=request.now)
    return _out(request, made)


@router.post("/{heartbeat_id}/resume", response=Heartbeat)
def resume_heartbeat(request: ApiRequest, heartbeat_id: Path[Id]) -> dict[str, Any]:
    made = actions.pause_heartbeat(actor=request.actor, number=heartbeat_id, on=True, now=request.now)
    return _out(request, made)


@router.delete("/{heartbeat_id}", response={204: None})
def delete_heartbeat(request: ApiRequest, heartbeat_id: Path[Id]) -> Status[None]:
    actions.delete_heartbeat(actor=request.actor, number=heartbeat_id, now=request.now)
    return Status(204, None)


def _out(request: ApiRequest, one: HeartbeatInfo) -> dict[str, Any]:
    secret = can(request.actor, Permission.EDIT_TEAM, [one.team_id] if one.team_id else [])
    base = settings.TOCSIN.public_url.rstrip("/")
    return {
        "id": one.id,
        "integration": one.integration,
        "name": one.name,
        "url": f"{base}/ingest/heartbeat/{one.key}/{quote(one.name, safe='')}" if secret else None,
        "state": one.state,
        "every": format_duration(one.every) if one.every else None,
        "cron": one.cron,
        "timezone": one.zone,
        "grace": format_duration(one.grace),
        "severity": one.severity or None,
        "description": one.description,
        "summary": one.summary,
        "labels": dict(one.labels),
        "enabled": one.enabled,
        "last_at": one.last_at,
        "started_at": one.started_at,
        "last_run_s": one.last_run.total_seconds() if one.last_run else None,
        "exit_code": one.exit_code,
        "expected_at": one.expected_at,
        "down_at": one.down_at,
        "created_at": one.created_at,
        "from_file": one.from_file,
    }
