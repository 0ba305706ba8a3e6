"""The life of an incident: its statuses, and which move is allowed from where."""

from collections.abc import Mapping
from enum import StrEnum

from tocsin.domain.errors import Conflict


class Status(StrEnum):
    TRIAGE = "triage"
    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"
    CLOSED = "closed"
    DECLINED = "declined"
    CANCELED = "canceled"
    MERGED = "merged"


OPEN = frozenset({Status.TRIAGE, Status.INVESTIGATING, Status.IDENTIFIED, Status.MONITORING})


def shown_as(status: Status, *, acknowledged: bool, snoozed: bool) -> str:
    """The word a responder thinks in: triggered, acknowledged and snoozed are views of an open incident."""
    if snoozed and status in OPEN:
        return "snoozed"
    if status is Status.INVESTIGATING:
        return "acknowledged" if acknowledged else "triggered"
    return str(status)


S = Status
MOVES: Mapping[Status, tuple[Status, ...]] = {
    S.TRIAGE: (S.INVESTIGATING, S.DECLINED, S.MERGED, S.CANCELED),
    S.INVESTIGATING: (S.IDENTIFIED, S.MONITORING, S.RESOLVED, S.MERGED, S.CANCELED),
    S.IDENTIFIED: (S.INVESTIGATING, S.MONITORING, S.RESOLVED, S.MERGED, S.CANCELED),
    S.MONITORING: (S.INVESTIGATING, S.IDENTIFIED, S.RESOLVED, S.MERGED),
    S.RESOLVED: (S.INVESTIGATING, S.CLOSED, S.MERGED),
    S.CLOSED: (S.INVESTIGATING,),
    S.DECLINED: (S.TRIAGE,),
    S.CANCELED: (S.TRIAGE,),
    S.MERGED: (),
}


def move(current: Status, to: Status) -> bool:
    """False when nothing changes, True when the move is made; raises Conflict with the allowed ones
    otherwise.
    """
    if current is to:
        return False
    if to not in MOVES[current]:
        allowed = MOVES[current]
        ways = ", ".join(allowed) if allowed else "nothing"
        message = f"An incident that is {current} cannot become {to}; from here it can become {ways}."
        raise Conflict(message, tuple(allowed))
    return True
