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
    UPDATE = "update"  # how an incident goes on, for stakeholders
    ROOM = "room"  # to a chat room or a webhook that a policy names: nobody's page
    CODE = "code"  # verifies a contact method
    ADMIN = "admin"  # Tocsin itself, or a vendor, is not well


class Occasion(StrEnum):
    """What a person's rules are for. Those of `page` are by urgency; an occasion without rules of its own
    goes by those of its message's urgency.
    """

    PAGE = "page"
    HANDOFF = "handoff"  # going on or off call: notices, readiness, summaries
    SWAP = "swap"
    MOVED = "moved"  # an edit moved their shifts


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
    """`urgency` is asked for `page` only; other occasions have LOW."""

    urgency: Urgency
    after: timedelta
    via: str  # a method type
    occasion: Occasion = Occasion.PAGE


@dataclass(frozen=True)
class Planned:
    """One message to come, or (`method` None) a rule that could not be kept, with the reason."""

    method: Method | None
    via: str
    due_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """One message that is due, as the queue sees it. `says` is equal where two messages say the same."""

    id: int
    rank: int  # see failing.rank
    due_at: datetime
    wanted_at: datetime  # when it was first due
    person: int  # 0: a room
    kind: MessageKind
    via: str
    address: str
    service: str
    incident: int  # 0: about none
    page: int
    says: str
    hurry: bool = False  # the first page of a SEV1 or SEV2
    bundle: str = ""  # a word of whoever called: what has it leaves as one

    @property
    def first(self) -> bool:
        return self.rank in {0, 2}
