"""News between apps: frozen facts, published on `lib.bus` inside the transaction that made them true."""

from dataclasses import dataclass
from datetime import datetime

from tocsin.domain.permissions import Actor


@dataclass(frozen=True)
class TimelineNews:
    """Something that belongs on an incident's timeline, said by an app below incidents."""

    incident_id: int
    at: datetime
    kind: str
    text: str
    email: str | None = None


@dataclass(frozen=True)
class CallOutAcknowledged:
    """A call-out ended by a person's acknowledgement. `service` tells the service's own call-out from calls
    for help.
    """

    incident_id: int
    at: datetime
    email: str
    service: bool


@dataclass(frozen=True)
class CallOutReopened:
    """An acknowledgement ran out (time-out, snooze over, higher severity): the incident is unacknowledged
    again.
    """

    incident_id: int
    at: datetime
    reason: str


@dataclass(frozen=True)
class IncidentChanged:
    """Anything a page that shows the incident would want to know."""

    incident_id: int
    ref: str
    at: datetime
    what: str  # opened|joined|acknowledged|status|severity|timeline|resolved|reopened
    actor: Actor


@dataclass(frozen=True)
class NotificationFailed:
    """Every attempt over one contact method failed; the next method is used early."""

    incident_id: int
    at: datetime
    email: str
    via: str
    detail: str


@dataclass(frozen=True)
class PersonUnreachable:
    """Nothing is left to try for one page: whoever waits for this person should look for another."""

    call_out_id: int
    incident_id: int
    at: datetime
    email: str
    detail: str


@dataclass(frozen=True)
class Renamed:
    """Something that others call by its name has another one now: they follow in this transaction."""

    kind: str  # team | service
    old: str
    new: str


@dataclass(frozen=True)
class Going:
    """Something is about to be deleted. Whoever calls it by its name raises Conflict and says where."""

    kind: str  # team | service | schedule
    name: str


@dataclass(frozen=True)
class InvitationMade:
    """Somebody may now set a password; whoever can reach them tells them how."""

    email: str
    at: datetime
    by: str
