"""One incident while it is played, and its messages that wait."""

from dataclasses import dataclass, field
from datetime import datetime

from tocsin.domain.configuration.model import Service
from tocsin.domain.escalation.model import Snapshot, State, StopCalling
from tocsin.domain.joining import Candidate
from tocsin.domain.lifecycle import Status
from tocsin.domain.severity import Severity
from tocsin.domain.simulation.model import Page


@dataclass
class Message:
    page: Page
    stopped: bool = False
    first: bool = False


@dataclass
class Running:
    """One incident while it is played."""

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
    )


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
