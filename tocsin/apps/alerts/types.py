from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tocsin.domain.severity import Severity, Urgency
from tocsin.domain.signal import Image, Link


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
    held_since: datetime | None = None  # something holds it: nobody is called for it
    flapping: bool = False
    stale: bool = False  # timed out while its source was silent
    runbook: str = ""
    images: tuple[Image, ...] = ()
    decisions: tuple[DecisionInfo, ...] = ()

    @property
    def firing(self) -> bool:
        return self.status == "firing"


@dataclass(frozen=True)
class AlertFilter:
    """`label` is `name=value`; `search` looks into the summary and the dedup key; `match` holds matchers as
    routes have them; `state` is held, flapping or stale; `severity` "none": opens nothing.
    """

    status: str = ""
    integration: str = ""
    service: str = ""
    severity: str = ""
    label: str = ""
    search: str = ""
    match: tuple[str, ...] = ()
    state: str = ""


@dataclass(frozen=True)
class AlertCounts:
    """Of the firing ones."""

    firing: int
    held: int
    flapping: int
    stale: int


@dataclass(frozen=True)
class Facet:
    """A label's values and how many alerts have each; `more` when there are others."""

    name: str
    values: tuple[tuple[str, int], ...]
    more: bool
