"""When things are due, apart from the ladder's own waits."""

from datetime import datetime, timedelta
from typing import Final

from tocsin.domain.escalation.model import CallOutKind, Snapshot
from tocsin.domain.severity import TableCall
from tocsin.domain.time import next_business_day

GRACE: Final = timedelta(seconds=30)  # later is an outage: the ladder goes on from now, not from the plan
SILENCE: Final = timedelta(minutes=30)
ACK_TIMEOUT: Final = timedelta(minutes=30)
NUDGE_WAIT: Final = timedelta(minutes=5)
INSTANT: Final = timedelta(microseconds=1)  # the ack deadline is inclusive: it is missed just after
_URGENT_RANK: Final = 2  # SEV1 and SEV2


def urgent(snapshot: Snapshot) -> bool:
    return snapshot.severity.rank <= _URGENT_RANK


def ack_timeout(snapshot: Snapshot) -> timedelta | None:
    """How long an acknowledgement holds without any human action; None: for ever."""
    if snapshot.kind is not CallOutKind.SERVICE:
        return None
    if snapshot.ack_timeout is not None:
        return snapshot.ack_timeout or None
    return ACK_TIMEOUT if urgent(snapshot) else None


def table_time(snapshot: Snapshot, row: TableCall, started_at: datetime) -> datetime | None:
    if row.at is not None:
        return started_at + row.at
    return next_business_day(snapshot.hours, started_at, snapshot.respond_within)
