from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tocsin.domain.notification.model import MessageKind, Occasion, Subject
from tocsin.domain.severity import Severity, Urgency
from tocsin.ports.channel import ADDRESS, PLAIN, Abilities, FieldSpec


@dataclass(frozen=True)
class Request:
    """One person to be called. `call_out_id` and `incident_id` are None for what belongs to neither."""

    email: str
    kind: MessageKind
    urgency: Urgency
    subject: Subject
    reason: str
    call_out_id: int | None = None
    incident_id: int | None = None
    step: int | None = None
    first: bool = True  # not called before for this incident
    ack_deadline: datetime | None = None
    headline: str = ""
    more: Mapping[str, Any] | None = None
    key: str | None = None  # a page of the same key is not made again
    occasion: Occasion = Occasion.PAGE
    generation: int = 0
    bundle: str = ""  # pages of one person with the same word leave as one, whatever their services


@dataclass(frozen=True)
class Post:
    """Something to be said to a chat room, or to a webhook, that a policy names."""

    via: str
    address: str
    subject: Subject
    reason: str
    call_out_id: int
    incident_id: int
    step: int | None
    generation: int = 0


@dataclass(frozen=True)
class MethodInfo:
    """`problem` is "" when it can be used; otherwise what is wrong, for people."""

    id: int
    type: str
    address: str
    verified: bool
    disabled: str
    position: int
    from_file: bool
    problem: str
    counts: bool
    config: Mapping[str, str] = field(default_factory=dict, repr=False)
    title: str = ""  # of its channel
    shown: str = ""  # the address as people may see it: one that is a key shows its ends
    code_until: datetime | None = None  # a code is on its way, and good until then


@dataclass(frozen=True)
class RuleInfo:
    id: int
    urgency: Urgency
    after_s: int
    via: str
    from_file: bool
    occasion: Occasion = Occasion.PAGE
    own: bool = True  # False: everybody's


@dataclass(frozen=True)
class QuietHoursInfo:
    timezone: str
    days: tuple[str, ...]
    start: str
    end: str


@dataclass(frozen=True)
class AttemptInfo:
    at: datetime
    result: str
    detail: str
    vendor: str = ""


@dataclass(frozen=True)
class NotificationInfo:
    id: int
    via: str
    address: str
    state: str
    reason: str
    due_at: datetime
    sent_at: datetime | None
    receipt: str
    attempts: int
    trail: tuple[AttemptInfo, ...]
    hold: str = ""  # why it waits, or waited
    carried_by: int | None = None  # the message that says it too
    vendor: str = ""
    ref: str = ""
    wanted_at: datetime | None = None


@dataclass(frozen=True)
class PageInfo:
    id: int
    call_out_id: int | None
    email: str
    name: str
    kind: MessageKind
    urgency: Urgency
    step: int | None
    reason: str
    headline: str
    started_at: datetime
    ended_at: datetime | None
    end_reason: str
    notifications: tuple[NotificationInfo, ...]
    occasion: str = "page"
    incident_id: int | None = None
    generation: int = 0


@dataclass(frozen=True)
class SentInfo:
    """A message that left. `incident_ids`: all that it lists; `lines`: what it said."""

    id: int
    key: str
    via: str
    address: str
    email: str
    kind: MessageKind
    call_out_id: int | None
    incident_ids: tuple[int, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True)
class ThrottleInfo:
    """At most `most` messages within `within` over `via`: to one contact, or in all (`scope` vendor).
    `shipped`: nobody has changed it.
    """

    via: str
    scope: str
    most: int
    within: timedelta
    shipped: bool
    from_file: bool


@dataclass(frozen=True)
class LocalMailInfo:
    id: int
    at: datetime
    to: str
    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class WorkerInfo:
    id: str
    host: str
    pid: int
    started_at: datetime
    heartbeat_at: datetime
    alive: bool


@dataclass(frozen=True)
class ChannelInfo:
    """`missing` is "" when the channel can send."""

    type: str
    title: str
    missing: str
    counts: bool
    address: FieldSpec = ADDRESS
    fields: tuple[FieldSpec, ...] = ()
    abilities: Abilities = PLAIN


@dataclass(frozen=True)
class Places:
    """How many messages over one way a worker may hold, and how many it does."""

    most: int
    taken: Mapping[str, int]

    @property
    def full(self) -> bool:
        """Whether some way has none left."""
        return any(count >= self.most for count in self.taken.values())

    def less(self, ways: Iterable[str]) -> "Places":
        return Places(self.most, Counter(self.taken) + Counter(ways))


@dataclass(frozen=True)
class Job:
    """One claimed message, with all that its channel needs."""

    id: int
    page_id: int
    call_out_id: int | None
    incident_id: int | None
    key: str
    method_id: int | None
    via: str
    address: str
    config: Mapping[str, str]
    email: str
    name: str
    kind: MessageKind
    urgency: Urgency
    severity: Severity
    subject: Subject
    reason: str
    headline: str
    attempts: int
    hurry: bool
    wanted_at: datetime
    started_at: datetime
    more: Mapping[str, Any] = field(default_factory=dict)
    person: int = 0
    generation: int = 0
    avoid: tuple[str, ...] = ()  # vendors that took it, and from whom it did not arrive
    rank: int = 0  # which leaves first, see domain.notification.failing
    carries: bool = False  # it says others too: see compose.listed
