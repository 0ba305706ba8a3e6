from datetime import datetime
from typing import Literal

from ninja import Path, Query, Router, Schema

from tocsin.apps.alerts import queries
from tocsin.apps.alerts.types import AlertFilter, AlertInfo
from tocsin.apps.audit.types import Slice
from tocsin.domain.severity import Severity, Urgency
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.shapes import Id, Listed, found

router = Router()


class Link(Schema):
    href: str
    text: str


class Decision(Schema):
    at: datetime
    stage: str
    outcome: str
    reason: str


class Alert(Schema):
    id: int
    integration: str
    kind: str
    dedup_key: str
    service: str | None
    summary: str
    severity: Severity | None
    urgency: Urgency | None
    group_key: str
    labels: dict[str, str]
    annotations: dict[str, str]
    links: list[Link]
    source: str
    status: str
    count: int
    started_at: datetime | None
    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None


class AlertDetail(Alert):
    """`decisions`: what was decided about it, and why."""

    decisions: list[Decision]


class Alerts(Schema):
    items: list[Alert]
    next_cursor: str | None


class AlertsFilter(Listed):
    status: Literal["", "firing", "resolved"] = ""
    integration: str = ""
    service: str = ""
    severity: str = ""
    label: str = ""
    search: str = ""


@router.get("", response=Alerts)
def list_alerts(request: ApiRequest, filters: Query[AlertsFilter]) -> Slice[AlertInfo]:
    """The newest first. `label` is `name=value`; `search` looks into the summary and the dedup key."""
    asked = AlertFilter(**filters.dict(exclude={"cursor", "limit"}))
    return queries.alerts(actor=request.actor, filters=asked, cursor=filters.cursor, limit=filters.limit)


@router.get("/{alert_id}", response=AlertDetail)
def read_alert(request: ApiRequest, alert_id: Path[Id]) -> AlertInfo:
    return found(queries.alert(alert_id, actor=request.actor), "alert", alert_id)
