"""What a way of reaching people must do: one message, one receipt. An adapter declares what it can do and
needs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from tocsin.domain.notification.model import MessageKind, Subject
from tocsin.domain.severity import Urgency


@dataclass(frozen=True)
class Action:
    """A button or link in a message: signed for one person and one incident, or one readiness."""

    # acknowledge | respond | seen | resolve | escalate | view | ready | accept | decline | acknowledge_all
    name: str
    label: str
    url: str


@dataclass(frozen=True)
class Listed:
    """One of the incidents that a bundled message lists."""

    ref: str
    title: str
    severity: str
    service: str


@dataclass(frozen=True)
class Message:
    """Everything a channel needs. `key` is the idempotency key: the same message has the same key on every
    attempt.
    """

    key: str
    kind: MessageKind
    address: str
    recipient: str  # the person's name
    subject: Subject
    urgency: Urgency
    headline: str
    lines: tuple[str, ...]
    actions: tuple[Action, ...]
    thread: str  # one conversation per incident, where the channel has conversations
    config: dict[str, str] = field(
        default_factory=dict
    )  # the contact method's own fields (a webhook's secret)
    listed: tuple[Listed, ...] = ()  # of a bundle: every incident, the subject's own first
    avoid: tuple[str, ...] = ()  # vendors that have just failed with it, where a channel has several
    attempt: int = 1


class Result(StrEnum):
    SENT = "sent"  # handed over; the vendor answers for it now
    DELIVERED = "delivered"
    RETRY = "retry"  # try the same again later
    FAILED = "failed"  # this way is shut: go on to the next
    WITHDRAWN = "withdrawn"  # no longer wanted at the last moment


@dataclass(frozen=True)
class Receipt:
    """`detail` is for people: what the vendor said. `counts` False: it reached nobody (console, local
    outbox).
    """

    result: Result
    detail: str
    counts: bool = True
    retry_after_s: float | None = None
    vendor: str = ""  # who took it, or refused it; "": the channel itself
    ref: str = ""  # the vendor's own name for the message, by which callbacks speak of it
    bounced: bool = False  # FAILED because the address is not, or no longer, somebody's: it is disabled
    theirs: bool = True  # of a failure. False: the vendor or the net is at fault, not this message
    before: tuple[tuple[str, str], ...] = ()  # vendors that had failed with it by then, and why


@dataclass(frozen=True)
class FieldSpec:
    """One thing an adapter needs to know of a contact method; forms draw themselves from it."""

    name: str
    label: str
    hint: str = ""
    secret: bool = False
    required: bool = True
    kind: str = "text"  # an input's type: text | tel | url | email | password | select
    choices: tuple[tuple[str, str], ...] = ()  # of a select: (value, label)
    placeholder: str = ""
    private: bool = False  # of an address: whoever knows it reads along, so that others see its end only


@dataclass(frozen=True)
class Abilities:
    """What a channel can do beside sending."""

    receipts: timedelta | None = None  # its vendor says what became of a message, usually within this time
    answers: bool = False  # can be answered where it is read: a key, a reply, a button
    people: bool = True  # reaches one person
    rooms: bool = False  # can post where many read: a policy's chat target
    typed: bool = True  # its address is typed in; False: it comes from elsewhere (a browser's subscription)


PLAIN = Abilities()
ADDRESS = FieldSpec("address", "Address")

StillWanted = Callable[[], bool]


class Channel(Protocol):
    type: str  # the contact method type it serves
    title: str
    fields: Sequence[FieldSpec]
    counts: bool  # False: what it sends reaches nobody (console, local outbox)
    abilities: Abilities
    address: FieldSpec  # how a form asks for the address

    @property
    def ready(self) -> str:
        """ "" when it can send; otherwise what is missing, for people to read."""
        ...

    def check_address(self, address: str) -> str:
        """The address in its canonical form. Raises `Invalid`."""
        ...

    def send(self, message: Message, still_wanted: StillWanted) -> Receipt:
        """Hand one message over within 10 s. Asks `still_wanted` right before it leaves; False: WITHDRAWN.
        Never raises.
        """
        ...
