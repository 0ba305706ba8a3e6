from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tocsin.domain.severity import Severity, Urgency
from tocsin.domain.signal import Link


@dataclass(frozen=True)
class DecisionInfo:
    at: datetime
    stage: str
    outcome: str
    reason: str


@dataclass(frozen=True)
class AlertInfo:
    """`severity` None: it opens nothing. `count` counts its events, repeats included."""

    id: int
    integration: str
    kind: str
    dedup_key: str
    service: str | None
    summary: str
    severity: Severity | None
    urgency: Urgency | None
    group_key: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    links: tuple[Link, ...]
    source: str
    status: str
    count: int
    started_at: datetime | None
    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None
    incident: str = ""  # ref of the newest incident it is in
    decisions: tuple[DecisionInfo, ...] = ()

    @property
    def firing(self) -> bool:
        return self.status == "firing"


@dataclass(frozen=True)
class AlertFilter:
    """`label` is `name=value`; `search` looks into the summary and the dedup key."""

    status: str = ""
    integration: str = ""
    service: str = ""
    severity: str = ""
    label: str = ""
    search: str = ""
