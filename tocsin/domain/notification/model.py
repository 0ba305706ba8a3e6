"""The values of notification: one person being called, planned into messages over their contact methods."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tocsin.domain.severity import Severity, Urgency


class MessageKind(StrEnum):
    PAGE = "page"
    RESOLVED = "resolved"  # quiet word to whoever was called
    JOINED = "joined"  # told the acker that one more alert joined
    NUDGE = "nudge"  # "still on it?"
    STAKEHOLDER = "stakeholder"
    NOTICE = "notice"
    TEST = "test"
    INVITATION = "invitation"  # with a link that lets somebody set their password
    DUTY = "duty"  # pressing, about being on call: a readiness to confirm, or one that was not


@dataclass(frozen=True)
class Subject:
    """What a page is about, frozen so that notify and escalation need not know incidents. JSON-safe by
    msgspec.
    """

    incident_id: int
    ref: str
    title: str
    severity: Severity
    service: str
    summary: str = ""
    alerts: int = 0


@dataclass(frozen=True)
class Method:
    """One way to reach a person. `usable` False carries why: unverified, disabled, no channel yet.

    `counts` False: it can be used, but reaches nobody (console, local outbox).
    """

    id: int
    type: str
    address: str
    usable: bool = True
    why_not: str = ""
    counts: bool = True


@dataclass(frozen=True)
class Rule:
    urgency: Urgency
    after: timedelta
    via: str  # a method type


@dataclass(frozen=True)
class Planned:
    """One message to come, or (`method` None) a rule that could not be kept, with the reason."""

    method: Method | None
    via: str
    due_at: datetime
    reason: str
