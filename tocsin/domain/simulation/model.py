"""What goes into a rehearsal and what comes out of it. Instants are aware; people are e-mails."""

from dataclasses import dataclass
from datetime import datetime

from tocsin.domain.severity import Severity, Urgency
from tocsin.domain.signal import Signal


@dataclass(frozen=True)
class Trigger:
    """An integration says that something is wrong."""

    at: datetime
    integration: str
    signal: Signal

    @property
    def dedup_key(self) -> str:
        return self.signal.dedup_key


@dataclass(frozen=True)
class Resolve:
    at: datetime
    integration: str
    dedup_key: str


@dataclass(frozen=True)
class Acknowledge:
    """Somebody answers for the newest incident with that dedup key."""

    at: datetime
    dedup_key: str
    by: str


@dataclass(frozen=True)
class SetSeverity:
    """A person changes the severity of the newest incident with that dedup key."""

    at: datetime
    dedup_key: str
    severity: Severity


Happening = Trigger | Resolve | Acknowledge | SetSeverity


@dataclass(frozen=True)
class Page:
    """One message handed to one contact method. `contact` is the method's type, `step` as on the ladder: 0 is
    a reassignment, -1 the severity table or the last resorts.
    """

    at: datetime
    dedup_key: str
    user: str
    contact: str
    urgency: Urgency
    step: int
    reason: str


@dataclass(frozen=True)
class Unsent:
    """One that did not leave, because another message says it; `page.at` is when it would have left."""

    page: Page
    reason: str


@dataclass(frozen=True)
class Incident:
    """`dedup_key` is the one that opened it. `acknowledged_at` is the first acknowledgement, also when a
    time-out, a raise or a reopening has voided it since.
    """

    dedup_key: str
    service: str
    severity: Severity
    opened_at: datetime
    acknowledged_at: datetime | None
    resolved_at: datetime | None


@dataclass(frozen=True)
class Kept:
    """An alert that was held: by what, what ends that. `over_at` None: it still is when the period ends;
    `released`: it still fired then and was decided again, otherwise it ended and nobody heard of it.
    """

    dedup_key: str
    integration: str
    at: datetime
    by: str
    ends: str
    over_at: datetime | None
    released: bool


@dataclass(frozen=True)
class Result:
    """In order of time. `notes` tell what was decided besides, such as why nobody was called."""

    pages: tuple[Page, ...]
    incidents: tuple[Incident, ...]
    notes: tuple[tuple[datetime, str, str], ...] = ()  # when, dedup key, text
    unsent: tuple[Unsent, ...] = ()
    held: tuple[Kept, ...] = ()
