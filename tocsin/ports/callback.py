"""What a vendor says back over HTTP: how a message fares, and what a person answered to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class BadSignatureError(Exception):
    """The request does not come from the vendor, or is too old; the text says what is wrong."""


@dataclass(frozen=True)
class CallbackRequest:
    """`url` is the public address that the vendor called, with its query, as its signature covers it;
    `path`: what follows `/callbacks/<vendor>/`. Header names in lower case.
    """

    method: str
    url: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    form: Sequence[tuple[str, str]]
    body: bytes
    now: datetime


class Fate(StrEnum):
    """In the order in which they happen: a callback of a lower rank than one that came before is late."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"  # or, of a call: a key was pressed
    FAILED = "failed"  # it will not arrive
    BOUNCED = "bounced"  # the address is not, or no longer, somebody's

    @property
    def rank(self) -> int:
        return list(Fate).index(self) + 1


@dataclass(frozen=True)
class Progress:
    """What became of the message that the vendor calls `ref`. `key` is ours, where the vendor gives it back:
    its first word may come before our own note of what it calls the message.
    """

    ref: str
    fate: Fate
    detail: str
    key: str = ""


class Deed(StrEnum):
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    ESCALATE = "escalate"
    ACCEPT = "accept"  # a call for help
    DECLINE = "decline"
    STOP = "stop"  # send me nothing more here
    START = "start"
    HELP = "help"  # what can be answered
    WORDS = "words"  # they wrote `text`: it is still to be read
    UNKNOWN = "unknown"  # cannot be understood


@dataclass(frozen=True)
class Answer:
    """What a person answered. `key`: the message it answers, where that is known; `number`: the incident that
    they name (12 of INC-12), `all` everything that they were called for; `text`: what they wrote. `id` is the
    vendor's name for this answer: the same is acted on once, however often it is told.
    """

    via: str  # a channel type
    address: str
    deed: Deed
    key: str = ""
    number: int | None = None
    all: bool = False
    text: str = ""
    id: str = ""


@dataclass(frozen=True)
class Reply:
    status: int = 200
    content_type: str = "text/plain; charset=utf-8"
    body: str = ""


Heard = Progress | Answer


class Hook(Protocol):
    """What answers under `/callbacks/<vendor>/`."""

    vendor: str

    def hear(self, request: CallbackRequest) -> Sequence[Heard]:
        """Check the signature, then read. Raises BadSignatureError; Invalid for what cannot be read."""
        ...

    def reply(self, request: CallbackRequest, said: Sequence[str]) -> Reply:
        """What the vendor is told. `said`: for each of `hear`'s, in order, the text for the person ("" for
        Progress, and where there is nothing to say).
        """
        ...


MakeHook = Callable[[], Hook]
