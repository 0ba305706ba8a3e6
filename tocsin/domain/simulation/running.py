"""One incident while it is played, and its messages that wait."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from tocsin.domain.configuration.model import Service
from tocsin.domain.escalation.model import Snapshot, State, StopCalling
from tocsin.domain.joining import Candidate
from tocsin.domain.lifecycle import Status
from tocsin.domain.severity import Severity
from tocsin.domain.simulation.model import Incident, Page


@dataclass
class Message:
    """`said` is the page's reason without what the queue adds; `why`, the call's own."""

    page: Page
    address: str
    incident: int
    service: str
    severity: Severity
    call: int  # which call it belongs to
    why: str
    said: str
    wanted_at: datetime
    stakeholder: bool = False
    stopped: bool = False
    first: bool = False


@dataclass
class Running:
    """One incident while it is played."""

    number: int
    dedup_key: str
    service: Service
    severity: Severity
    group_key: str
    opened_at: datetime
    snapshot: Snapshot
    state: State
    firing: set[tuple[str, str]]
    keys: set[str]
    status: Status = Status.INVESTIGATING
    acknowledged_at: datetime | None = None  # now in force
    first_acknowledged_at: datetime | None = None  # kept when that is over, as the report has it
    resolved_at: datetime | None = None
    raise_at: datetime | None = None
    touched: bool = False
    joined: int = 0  # alerts so far
    last_joined_at: datetime | None = None
    waiting: list[Message] = field(default_factory=list)


def candidate(incident: Running) -> Candidate:
    return Candidate(
        ref=f"the incident of {incident.opened_at.isoformat()}",
        status=incident.status,
        severity=incident.severity,
        declared_at=incident.opened_at,
        acknowledged=incident.acknowledged_at is not None,
        snoozed_until=None,
        resolved_at=incident.resolved_at,
        resolved_by_alert=incident.status is Status.RESOLVED,
        alerts=incident.joined,
        last_joined_at=incident.last_joined_at,
    )


def told(incident: Running) -> Incident:
    return Incident(
        incident.dedup_key,
        incident.service.name,
        incident.severity,
        incident.opened_at,
        incident.first_acknowledged_at,
        incident.resolved_at,
    )


def promoted(incident: Running, late: Message, now: datetime) -> Message | None:
    """The person's next message over another way, due now: `late` waits too long for its own."""
    mine = [one for one in incident.waiting if one.call == late.call and not one.stopped]
    later = [one for one in mine if one.page.at > now and one.page.contact != late.page.contact]
    following = min(later, key=lambda one: one.page.at, default=None)
    if following is not None:
        following.said += "; early, as the way before would have waited too long"
        following.page = replace(following.page, at=now, reason=following.said)
    return following


def stop(incident: Running, effect: StopCalling, now: datetime) -> None:
    """Withdraw what has not left. `repeats_only`: a first message still leaves."""
    kept = []
    for message in incident.waiting:
        mine = effect.email is None or message.page.user == effect.email
        if message.page.at <= now or message.stopped:
            continue
        if mine and not (effect.repeats_only and message.first):
            message.stopped = True
        else:
            kept.append(message)
    incident.waiting = kept
