from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from tocsin.domain.severity import Severity


@dataclass(frozen=True)
class IntegrationSpec:
    """`key` None: made when absent, kept when there is one. `severity_map`: the tool's word → severity.
    `config`: what the kind asks for, see its source; None: kept. `silent_after`: nothing heard for so long
    is a matter; None: kept, zero: never.
    """

    name: str
    kind: str
    service: str | None = None
    key: str | None = None
    severity_map: Mapping[str, Severity] = field(default_factory=dict)
    enabled: bool = True
    config: Mapping[str, Any] | None = None
    silent_after: timedelta | None = None


@dataclass(slots=True)
class Logged:
    """An event of the log as a worker takes it: a row without the weight of a model."""

    pk: int
    event_id: str
    integration_id: int
    kind: str  # "" : the integration's own
    action: str
    dedup_key: str
    lane: int
    payload: bytes
    count: int
    received_at: datetime


@dataclass(frozen=True)
class IntegrationInfo:
    """`key`, `old_key` and what `config` calls secrets are: show them only to who may edit the integration.

    `old_key` opens the door until `old_key_until`; "" when there is none any more.
    """

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
    config: Mapping[str, Any] = field(default_factory=dict)
    silent_after: timedelta | None = None
    silent_since: datetime | None = None
    old_key: str = ""
    old_key_until: datetime | None = None
    old_key_used_at: datetime | None = None

    def spec(self, config: Mapping[str, Any]) -> IntegrationSpec:
        """All of it as it is, but for the config."""
        return IntegrationSpec(
            self.name,
            self.kind,
            service=self.service,
            severity_map=self.severity_map,
            enabled=self.enabled,
            config=config,
            silent_after=self.silent_after,
        )

    def mapped(self, word: str | None) -> Severity | None:
        return self.severity_map.get(word or "") or self.severity_map.get((word or "").lower())


@dataclass(frozen=True)
class EventInfo:
    """A row of the event log. `payload` is for people; `raw` is what the source parses, empty where it was
    not kept; `kind` tells whose form it has.
    """

    event_id: str
    action: str
    dedup_key: str
    count: int
    received_at: datetime
    processed_at: datetime | None
    set_aside: str
    payload: str
    id: int = 0
    integration: str = ""
    integration_id: int = 0
    kind: str = ""
    raw: bytes = b""


@dataclass(frozen=True)
class RejectedInfo:
    """Something the door refused, `count` times alike; `body` is the beginning of one of `size` bytes, or
    the `whole` of it.
    """

    kind: str
    status: int
    reason: str
    body: str
    size: int
    count: int
    first_at: datetime
    last_at: datetime
    id: int = 0
    whole: bool = False

    @property
    def can_be_tried(self) -> bool:
        """Only what was understood badly, and is all there: other refusals were not about what it says."""
        return self.whole and self.status == HTTPStatus.BAD_REQUEST
