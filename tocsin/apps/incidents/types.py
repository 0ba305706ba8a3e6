from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tocsin.apps.alerts.types import AlertInfo
from tocsin.apps.escalation.types import CallOutInfo
from tocsin.apps.notify.types import PageInfo
from tocsin.domain.lifecycle import OPEN, Status
from tocsin.domain.severity import Severity, Urgency


@dataclass(frozen=True)
class Counts:
    """`triggered`: open and not acknowledged."""

    open: int
    triggered: int
    acknowledged: int
    total: int


@dataclass(frozen=True)
class TimelineInfo:
    id: int
    occurred_at: datetime
    recorded_at: datetime
    kind: str
    actor_kind: str
    actor_label: str
    text: str
    data: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class IncidentRow:
    """`acknowledged_by` is an e-mail, None for a token's or a tool's acknowledgement."""

    id: int
    ref: str
    title: str
    status: Status
    severity: Severity
    urgency: Urgency
    service: str
    team: str | None
    declared_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None
    snoozed_until: datetime | None
    alert_count: int
    version: int

    @property
    def is_open(self) -> bool:
        return self.status in OPEN


@dataclass(frozen=True, kw_only=True)
class IncidentDetail(IncidentRow):
    """`my_role` is the reader's part in it: "target" (called to respond), "stakeholder" (told), or "none".
    `noted`: what their acknowledgement came to where those of others are awaited, "" else.
    """

    summary: str
    initial_severity: Severity
    peak_severity: Severity
    opened_by: str  # alert | person
    declared_by: str | None
    started_at: datetime | None
    detected_at: datetime
    first_acknowledged_at: datetime | None
    mitigated_at: datetime | None
    resolved_how: str  # alert | person
    resolved_by: str | None
    closed_at: datetime | None
    held_until: datetime | None
    reopen_count: int
    commander: str | None
    merged_into: str | None
    follows: str | None
    timeline: tuple[TimelineInfo, ...]
    alerts: tuple[AlertInfo, ...]
    pages: tuple[PageInfo, ...]
    call_outs: tuple[CallOutInfo, ...]
    assigned: tuple[str, ...]
    responders: tuple[str, ...]  # who has it, then who came to help
    allowed: tuple[Status, ...]
    my_role: str
    noted: str
