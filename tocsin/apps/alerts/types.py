from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

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


@dataclass(frozen=True)
class HoldInfo:
    kind: str
    by: str
    text: str
    since: datetime
    until: datetime | None
    ends: str


@dataclass(frozen=True)
class Planned:
    """One time that a maintenance window is open."""

    uid: str
    title: str
    services: tuple[str, ...]
    matchers: tuple[str, ...]
    start: datetime
    end: datetime
    rrule: str
    open: bool
    from_file: bool


@dataclass(frozen=True)
class SilenceSpec:
    """What somebody asks for. `uid` names the one to change; `author` is who, as a tool says it, when nobody
    of ours asks. `notice`: the author hears so long before it ends.
    """

    matchers: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime
    comment: str = ""
    kind: str = "silence"
    services: tuple[str, ...] = ()
    rrule: str = ""
    zone: str = "UTC"
    name: str = ""
    notice: timedelta | None = None
    uid: str = ""
    author: str = ""


@dataclass(frozen=True)
class SilenceInfo:
    """`starts_at` and `ends_at` are of the first time; `current` is the time that is open or next, `later`
    the ones after it. `state`: active, scheduled (also between two times) or expired.
    """

    uid: str
    kind: str
    name: str
    matchers: tuple[str, ...]
    services: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime
    rrule: str
    zone: str
    comment: str
    author: str
    author_email: str
    created_at: datetime
    changed_at: datetime
    ended_at: datetime | None
    notice: timedelta | None
    from_file: bool
    state: str
    current: tuple[datetime, datetime] | None
    later: tuple[tuple[datetime, datetime], ...] = ()
    holding: int = 0  # alerts that it holds now


@dataclass(frozen=True)
class SilenceFilter:
    """`state` "": active and scheduled."""

    kind: str = ""
    state: str = ""
    search: str = ""
    service: str = ""


@dataclass(frozen=True)
class SilencePreview:
    """What it would hit: alerts that fire now (the first of them, and how many), of how many there are; those
    that are in an open incident; and how many were hit in the last 24 hours. `warnings` say what to think of.
    """

    now: int
    firing: int
    incidents: tuple[str, ...]
    alerts: tuple[AlertInfo, ...]
    last_day: int
    of_last_day: int
    times: tuple[tuple[datetime, datetime], ...]
    warnings: tuple[str, ...] = ()
