from datetime import timedelta
from typing import Any, Literal

from ninja import Field, Query, Router, Schema, Status

from tocsin.apps.catalog import actions, queries
from tocsin.apps.catalog.types import ServiceInfo, ServiceSpec
from tocsin.domain.severity import Severity
from tocsin.entrypoints.api import forms
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.resources.teams import BusinessHours
from tocsin.entrypoints.api.shapes import (
    Duration,
    In,
    Listed,
    Name,
    Text,
    duration,
    duration_text,
    found,
    sliced,
)

router = Router()


class ServiceIn(In):
    name: Name
    team: Name | None = None
    escalation_policy: Name | None = None
    severity: Severity | None = None
    urgency: Literal["high", "low", "by_severity"] = "by_severity"
    support_hours: BusinessHours | None = None
    outside: Literal["high", "low"] | None = Field(None, description="Urgency outside the support hours")
    raise_at_opening: bool = False
    ack_timeout: Duration | None = Field(None, description="Absent: by severity; 0s: off")
    reopen_window: Duration = "5m"
    tier: int | None = Field(None, ge=0, le=99)
    description: Text = ""
    links: dict[str, str] = Field(default_factory=dict, examples=[{"runbook": "https://example.com/runbook"}])
    depends_on: list[Name] = Field(default_factory=list, max_length=500)

    def spec(self) -> ServiceSpec:
        hours = self.support_hours
        window = duration(self.reopen_window, "reopen_window") or timedelta(0)
        timeout = duration(self.ack_timeout, "ack_timeout")
        return ServiceSpec(
            name=self.name,
            team=self.team,
            escalation_policy=self.escalation_policy,
            severity=self.severity,
            urgency=self.urgency,
            support_hours=hours.dict(exclude_none=True) if hours else None,
            outside=self.outside,
            raise_at_opening=self.raise_at_opening,
            ack_timeout_s=None if timeout is None else int(timeout.total_seconds()),
            reopen_window_s=int(window.total_seconds()),
            tier=self.tier,
            description=self.description,
            links=self.links,
            depends_on=tuple(self.depends_on),
        )


class Service(Schema):
    name: str
    team: str | None
    escalation_policy: str | None
    severity: Severity | None
    urgency: str
    support_hours: dict[str, Any] | None
    outside: str | None
    raise_at_opening: bool
    ack_timeout: str | None
    reopen_window: str | None
    tier: int | None
    description: str
    links: dict[str, str]
    depends_on: list[str]
    dependents: list[str]
    missing: list[str]
    completeness: int
    from_file: bool

    @staticmethod
    def resolve_ack_timeout(info: ServiceInfo) -> str | None:
        return duration_text(info.ack_timeout)

    @staticmethod
    def resolve_reopen_window(info: ServiceInfo) -> str | None:
        return duration_text(info.reopen_window)


class Services(Schema):
    items: list[Service]
    next_cursor: str | None


class ServiceFilter(Listed):
    search: str = ""
    team: str = ""


@router.get("", response=Services)
def list_services(request: ApiRequest, filters: Query[ServiceFilter]) -> Any:  # noqa: ARG001 - ninja's
    rows = queries.services(search=filters.search, team=filters.team)
    return sliced(rows, lambda one: one.name, filters)


@router.post("", response={201: Service})
def create_service(request: ApiRequest, body: ServiceIn) -> Status[ServiceInfo]:
    forms.check_free("service", body.name, queries.service)
    return Status(201, actions.save_service(actor=request.actor, spec=body.spec(), now=request.now))


@router.get("/{name}", response=Service)
def read_service(request: ApiRequest, name: str) -> ServiceInfo:  # noqa: ARG001 - ninja's
    return found(queries.service(name), "service", name)


@router.put("/{name}", response=Service)
def replace_service(request: ApiRequest, name: str, body: ServiceIn) -> ServiceInfo:
    """All of it; a new `name` renames it."""
    return actions.save_service(actor=request.actor, spec=body.spec(), rename_from=name, now=request.now)


@router.delete("/{name}", response={204: None})
def delete_service(request: ApiRequest, name: str) -> Status[None]:
    actions.delete_service(actor=request.actor, name=name, now=request.now)
    return Status(204, None)
