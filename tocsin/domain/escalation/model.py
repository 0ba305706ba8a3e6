"""The values of escalation. The words, as the rules of paging use them:

A **call-out** is one ladder climbing for one incident. Its **snapshot** is the policy frozen when it began,
with the row of the severity table and the people of the last line; its **state** says how far it got. A
**step** has targets and a wait; a **pass** is one walk over all steps. **People are resolved when a step
fires**, never earlier: the machine asks `Resolve` for who a target is now. A person is an e-mail address in
lower case.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from tocsin.domain.severity import Ladder, Severity, TableCall, Urgency
from tocsin.domain.time import BusinessHours


class TargetKind(StrEnum):
    USER = "user"
    SCHEDULE = "schedule"
    TEAM = "team"
    OWNERS = "owners"  # the organisation's owners
    # Not people: they are told, or do something, and can neither acknowledge nor count as reached.
    CHAT = "chat"  # a room of a chat; `via` is the channel's type
    WEBHOOK = "webhook"  # `name` is the URL
    RUNBOOK = "runbook"


MACHINES = frozenset({TargetKind.CHAT, TargetKind.WEBHOOK, TargetKind.RUNBOOK})


class TeamWho(StrEnum):
    MEMBERS = "members"
    LEAD = "lead"
    MANAGER = "manager"


class ScheduleWho(StrEnum):
    CURRENT = "current"
    NEXT = "next"
    PREVIOUS = "previous"


@dataclass(frozen=True)
class Target:
    """`who` is a TeamWho for teams, a ScheduleWho for schedules, "" for users; `role` narrows a schedule;
    `via` names the chat of a room.
    """

    kind: TargetKind
    name: str
    who: str = ""
    role: str | None = None
    via: str = ""


class Strategy(StrEnum):
    ALL = "all"
    ROUND_ROBIN = "round_robin"  # one of them: whom this step called longest ago


class AckMode(StrEnum):
    ANY = "any"
    EACH = "each"  # the call-out goes on until everybody whom the step called has acknowledged


class OnEmpty(StrEnum):
    SKIP = "skip"  # the next step at once
    WAIT = "wait"


class During(StrEnum):
    """The service's support hours (its team's business hours, where it has none), on the service's clock or,
    `local`, the same days and times on the clock of each person who would be called.
    """

    SUPPORT = "support_hours"
    OUTSIDE_SUPPORT = "outside_support_hours"
    LOCAL = "local_hours"
    OUTSIDE_LOCAL = "outside_local_hours"


@dataclass(frozen=True)
class Condition:
    """What must hold, all of it, for a step to call. Empty: nothing is asked."""

    severities: tuple[Severity, ...] = ()
    urgency: Urgency | None = None
    during: During | None = None


@dataclass(frozen=True)
class Step:
    targets: tuple[Target, ...]
    wait: timedelta
    strategy: Strategy = Strategy.ALL
    ack: AckMode = AckMode.ANY
    on_empty: OnEmpty = OnEmpty.SKIP
    when: Condition = Condition()


@dataclass(frozen=True)
class Policy:
    """`final` is called after the last pass; `fallback` names the policy that then takes over."""

    name: str
    steps: tuple[Step, ...]
    repeat: int = 0
    final: tuple[Target, ...] = ()
    fallback: str | None = None


@dataclass(frozen=True)
class Duty:
    """The shift that made somebody a target. `which`: current | next | previous."""

    schedule: str
    which: str
    role: str


@dataclass(frozen=True)
class Person:
    """Somebody a target stands for now. `deliverable` False: no method that could reach them; passed at
    once.
    """

    email: str
    reason: str  # "on call for payments (primary)", "lead of payments"
    deliverable: bool = True
    shadow: bool = False  # gets copies, covers no gap, cannot acknowledge
    duty: Duty | None = None
    zone: str = ""  # IANA name of their own clock; "": UTC


@dataclass(frozen=True)
class Resolution:
    """Who a target is now. Empty `people` comes with the reason why: "nobody is on call". A machine is
    nobody; its `reason` is why it cannot be told, "" when it can.

    `until` is the next hand-off, the instant from which the answer may be another; None when none is known.
    """

    people: tuple[Person, ...]
    reason: str = ""
    until: datetime | None = None


Resolve = Callable[[Target], Resolution]
# When a step, by policy and number, last called whom: those it never called are not in it.
Turns = Callable[[str, int], Mapping[str, datetime]]


def no_turns(_policy: str, _step: int) -> Mapping[str, datetime]:
    return MappingProxyType({})


class CallOutKind(StrEnum):
    SERVICE = "service"
    HELP = "help"  # a person or team asked to help, or paged directly


@dataclass(frozen=True)
class Snapshot:
    """Frozen when the call-out begins, renewed (row, urgency) only when the severity changes."""

    kind: CallOutKind
    policy: Policy
    severity: Severity
    urgency: Urgency
    ladder: Ladder
    respond_within: timedelta
    escalate: tuple[TableCall, ...] = ()
    lead: tuple[Target, ...] = ()  # the table's lead, and the nobody chain's
    management: tuple[Target, ...] = ()
    last_resort: tuple[Target, ...] = ()
    hours: BusinessHours = field(
        default_factory=BusinessHours
    )  # whose opening `escalate` rows with at=None mean
    ack_timeout: timedelta | None = None  # the service's own; None: by severity, zero: never
    alone: bool = False  # HELP of an incident whose service calls nobody: nothing else would call again
    support: BusinessHours | None = None  # the service's, which conditions mean; None: `hours`
    fallbacks: tuple[Policy, ...] = ()  # which take over one after another when `policy` is over

    def policy_at(self, number: int) -> Policy:
        """The policy as such is 0, then come the fallbacks."""
        return self.fallbacks[number - 1] if number else self.policy


class CallOutStatus(StrEnum):
    RUNNING = "running"
    ACKNOWLEDGED = "acknowledged"
    EXHAUSTED = "exhausted"  # every pass walked; still unacknowledged
    SNOOZED = "snoozed"
    ENDED = "ended"


class Via(StrEnum):
    """Why somebody was called, which fixes what their acknowledgement means."""

    LADDER = "ladder"
    TABLE = "table"
    NOBODY = "nobody"  # the chain for when nobody answers to the ladder
    SNOOZE = "snooze"
    REASSIGN = "reassign"
    TIMEOUT = "timeout"  # acknowledged too long ago
    HANDOFF = "handoff"
    AGAIN = "again"  # 30 minutes in which nobody was called


@dataclass(frozen=True)
class Called:
    """`lap` numbers the passes of the call-out's whole life: it never goes back when the ladder starts
    again.
    """

    email: str
    at: datetime
    step: int  # 1-based; 0 for a reassignment or a woken snoozer, -1 for the table and the chain
    lap: int
    via: Via
    stakeholder: bool = False  # management by the table: Seen, never an acknowledgement
    named: bool = False  # as lead, manager or by name: once per pass, whoever calls first
    reached: bool = True  # False: no way to them, every way failed, or they declined
    each: bool = False  # by a step that waits for everybody's acknowledgement


@dataclass(frozen=True)
class State:
    """How far a call-out got. `due_at` is the only clock: the first instant at which `advance` has work."""

    status: CallOutStatus
    started_at: datetime  # when this severity was given; table times and the ack deadline run from it
    policy: int = 0  # which of the snapshot's policies climbs now
    step: int = 0  # index of its next step to fire; len(steps) means the end of the pass
    passing: int = 0  # which pass since the ladder last started, 0-based
    lap: int = 0  # which pass ever
    ladder_lap: int = 0  # the lap with which the ladder last started
    next_step_at: datetime | None = None  # None: the ladder has nothing left
    chain: int = 0  # next stage of the nobody chain
    table_done: tuple[int, ...] = ()  # indexes into snapshot.escalate
    breached: bool = False
    called: tuple[Called, ...] = ()
    acks: tuple[str, ...] = ()  # who has acknowledged while others of an `each` step are awaited
    declined: tuple[str, ...] = ()  # who has said that they cannot, since the ladder last started
    posted: tuple[Target, ...] = ()  # the machines this pass has told
    last_targets: tuple[Target, ...] = ()  # of the last step that called somebody
    quiet_since: datetime | None = None  # when somebody was last called, or calling was last tried
    handoff_at: datetime | None = None  # when a schedule of a fired step hands over
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    ack_timer_from: datetime | None = None  # the last human action since the acknowledgement
    nudged_at: datetime | None = None
    snoozed_until: datetime | None = None
    snoozed_by: str | None = None
    generation: int = 0  # of its callings: news about pages of an older one changes nothing
    due_at: datetime | None = None


# ---- effects: what the machine wants done, in order ----


@dataclass(frozen=True)
class Call:
    """Call this person. `again`: they were called before since the ladder last started. A person who is not
    deliverable is called too, over whatever they have: the local outbox shows it, and it counts as nothing.
    """

    person: Person
    urgency: Urgency
    step: int
    via: Via
    reason: str
    stakeholder: bool = False
    again: bool = False


@dataclass(frozen=True)
class Post:
    """Tell this room or web hook, or start this runbook."""

    target: Target
    step: int
    reason: str


@dataclass(frozen=True)
class Took:
    """It was this person's turn of a round-robin step."""

    policy: str
    step: int
    email: str
    at: datetime


@dataclass(frozen=True)
class StopCalling:
    """No further message of this call-out may leave, to anyone or only to `email`.

    `repeats_only`: a page whose first message has not left yet is kept, so that lowering the urgency
    silences nobody.
    """

    reason: str
    email: str | None = None
    repeats_only: bool = False


@dataclass(frozen=True)
class Nudge:
    """Ask the one who acknowledged, quietly, whether they are still on it."""

    email: str
    text: str


@dataclass(frozen=True)
class Note:
    """A decision worth keeping: shown under "why was I (not) paged" and on the timeline."""

    # skipped undeliverable merged again nobody breach exhausted resumed restarted cancelled seen acknowledged
    # snoozed reassigned escalated handed_over nudge severity passed urgent ended fallback declined counted
    kind: str
    text: str
    email: str | None = None
    step: int | None = None


Effect = Call | Post | Took | StopCalling | Nudge | Note


@dataclass(frozen=True)
class Outcome:
    state: State
    effects: tuple[Effect, ...] = field(default=())
