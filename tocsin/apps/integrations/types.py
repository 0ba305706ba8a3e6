from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tocsin.domain.severity import Severity


@dataclass(frozen=True)
class IntegrationSpec:
    """`key` None: made when absent, kept when there is one. `severity_map`: the tool's word → severity."""

    name: str
    kind: str
    service: str | None = None
    key: str | None = None
    severity_map: Mapping[str, Severity] = field(default_factory=dict)
    enabled: bool = True


@dataclass(frozen=True)
class IntegrationInfo:
    """`key` is a secret: show it only to who may edit the integration."""

    id: int
    name: str
    kind: str
    key: str
    service: str | None
    service_id: int | None
    team_id: int | None
    severity_map: Mapping[str, Severity]
    enabled: bool
    created_at: datetime
    last_event_at: datetime | None
    from_file: bool
    canary: bool = False

    def mapped(self, word: str | None) -> Severity | None:
        return self.severity_map.get(word or "") or self.severity_map.get((word or "").lower())


@dataclass(frozen=True)
class EventInfo:
    event_id: str
    action: str
    dedup_key: str
    count: int
    received_at: datetime
    processed_at: datetime | None
    set_aside: str
    payload: str
