from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin.domain.escalation.machine import AckKind
from tocsin.domain.escalation.model import CallOutKind, CallOutStatus, Policy, Step, Target
from tocsin.domain.notification.model import Subject
from tocsin.domain.severity import SeverityRow, Urgency
from tocsin.domain.time import BusinessHours


@dataclass(frozen=True)
class Start:
    """A call-out to begin: what is frozen with it, and whom it is for."""

    incident_id: int
    subject: Subject
    kind: CallOutKind
    label: str
    policy: Policy
    severity_row: SeverityRow
    urgency: Urgency
    lead: tuple[Target, ...] = ()
    management: tuple[Target, ...] = ()
    last_resort: tuple[Target, ...] = ()
    hours: BusinessHours | None = None  # None: Mon-Fri 09:00-17:00 UTC
    ack_timeout: timedelta | None = None
    first_targets: tuple[Target, ...] = ()
    alone: bool = False
    support: BusinessHours | None = None  # the service's support hours; None: `hours`
    bundle: str = ""  # pages of one person with the same word leave as one


@dataclass(frozen=True)
class AckOutcome:
    """What an acknowledgement came to. `by_whom` acknowledged (perhaps earlier, perhaps somebody else).
    `changed`: False when it was given already.
    """

    kind: AckKind
    by_whom: str | None
    call_out_kind: CallOutKind | None
    changed: bool = False


@dataclass(frozen=True)
class DecisionInfo:
    at: datetime
    kind: str
    text: str
    email: str
    step: int | None


@dataclass(frozen=True)
class StepInfo:
    """`state`: done | current | next | ahead | never. `due_at` only for the one that comes next."""

    number: int
    targets: tuple[Target, ...]
    wait: timedelta
    state: str
    called: tuple[str, ...]
    fired_at: datetime | None
    due_at: datetime | None
    reached: bool  # False: whoever was called has no working way, or every way failed
    step: Step  # as the policy says it
    answered: tuple[str, ...] = ()  # of those called, who has acknowledged while others are awaited
    declined: tuple[str, ...] = ()
    told: tuple[Target, ...] = ()  # the machines that were told in this pass
    skipped: str = ""  # why it called nobody


@dataclass(frozen=True)
class CallOutInfo:
    id: int
    kind: CallOutKind
    label: str
    status: CallOutStatus
    policy: str
    passing: int  # which pass over the ladder, 1-based
    passes: int
    due_at: datetime | None
    ack_deadline: datetime
    breached: bool
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    snoozed_until: datetime | None
    targets: tuple[str, ...]  # who may end it by acknowledging
    stakeholders: tuple[str, ...]
    steps: tuple[StepInfo, ...]
    decisions: tuple[DecisionInfo, ...]
    acks: tuple[str, ...] = ()  # who has acknowledged while `awaited` have not
    awaited: tuple[str, ...] = ()


@dataclass(frozen=True)
class PolicyInfo:
    id: int
    policy: Policy
    team: str | None
    from_file: bool
