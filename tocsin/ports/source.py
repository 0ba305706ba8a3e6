"""What a tool that sends alerts must teach us. `envelope` runs in the door, `parse` in the worker; both are
pure.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Protocol, runtime_checkable

from tocsin.domain.errors import Invalid
from tocsin.domain.mapping.mapping import Mapped
from tocsin.domain.mapping.model import Definition
from tocsin.domain.signal import EventAction, Signal


class Envelope(NamedTuple):
    """One event of a body, just far enough understood to be stored. `payload` is what `parse` will get.

    Repeats of one dedup key that wait for the same commit are folded into one row, unless `severity`
    differs. A tuple, because the door makes a hundred of them for one POST.
    """

    action: EventAction
    dedup_key: str
    payload: bytes
    severity: str = ""


@dataclass(frozen=True)
class Snippet:
    """A piece of the tool's own configuration to copy. `{url}` and `{key}` stand for the integration's,
    `{base}` for the server's address.
    """

    title: str
    language: str
    text: str


class Source(Protocol):
    kind: str
    title: str
    snippets: Sequence[Snippet]

    def envelope(self, body: bytes) -> Sequence[Envelope]:
        """The body's events, checked for shape. Raises `domain.errors.Invalid`, which names the field."""
        ...

    def parse(self, payload: bytes) -> Signal:
        """One event in our words. Raises `Invalid` when it cannot be understood; it is then set aside, with
        that reason.
        """
        ...

    def sample(self, dedup_key: str, *, resolve: bool = False) -> bytes:
        """A realistic body for "send test event"; `envelope` accepts it."""
        ...


class Reply(NamedTuple):
    status: int
    body: bytes
    content_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Asked(NamedTuple):
    """A request as a source may look at it. `path` begins with "/"; names of headers are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class RefusedError(Exception):
    """The request does not come from who it says it does: a signature that is wrong or missing. The text says
    what to check, and reveals nothing.
    """


@runtime_checkable
class ConfiguredSource(Source, Protocol):
    """A source that an integration's own `config` shapes: a mapper, a secret that signs, rules for mail."""

    def configured(self, config: Mapping[str, Any]) -> Source:
        """The same source with that config. Raises `Invalid`, which names the field of the config."""
        ...


class Ask(StrEnum):
    TEXT = "text"
    SECRET = "secret"  # noqa: S105 - the name of a kind of field, whose value is never shown again
    LIST = "list"
    NUMBER = "number"
    CHOICE = "choice"


@dataclass(frozen=True)
class ConfigField:
    """A word of an integration's config, as a form asks for it. `name` has a dot where the word stands in a
    table of the config. What equals the `default` need not be said: a text of one line for each of a list.
    """

    name: str
    label: str
    help: str = ""
    ask: Ask = Ask.TEXT
    default: str = ""
    choices: tuple[tuple[str, str], ...] = ()  # value and words


@runtime_checkable
class DescribedSource(ConfiguredSource, Protocol):
    """One whose config is filled in by a form; what has a page of its own is not among the fields."""

    @property
    def fields(self) -> Sequence[ConfigField]: ...


@dataclass(frozen=True)
class Verdict:
    """What becomes of a message: `then` is an action or "ignore". `rule` is the place of the rule that
    decided, None where none did; `dedup_key` and `severity` are "" where nothing gives one.
    """

    then: str
    reason: str
    dedup_key: str = ""
    severity: str = ""
    rule: int | None = None


@dataclass(frozen=True)
class RuleWords:
    """What a rule may say. To the `fields` comes `header:Name`."""

    fields: Sequence[str]
    operators: Sequence[str]
    actions: Sequence[str]
    severities: Sequence[str]


@runtime_checkable
class RuledSource(ConfiguredSource, Protocol):
    """One whose config holds `rules`, of which the first that fits decides, and `otherwise`."""

    words: RuleWords
    examples: Sequence[tuple[str, str]]  # what a message is about, and the message, to try rules on

    def judge(self, message: bytes) -> Verdict:
        """Raises `Invalid` for what is no message."""
        ...

    def message_of(self, payload: bytes) -> bytes:
        """A message that `payload` of an envelope could have been made of."""
        ...


@runtime_checkable
class CheckedSource(Source, Protocol):
    """A source that proves its requests; asked before `envelope`."""

    def check(self, asked: Asked) -> None:
        """Raises RefusedError."""
        ...


class UnreachableError(Exception):
    """Who must be asked does not answer; worth another try."""


# A GET of that address: the body. Raises UnreachableError.
Fetch = Callable[[str], bytes]


@runtime_checkable
class VerifiedSource(Source, Protocol):
    """A source whose events prove themselves by something that must be fetched: a certificate. Asked in the
    worker before `parse`; never at the door.
    """

    lenient: bool  # whether events count all the same when what must be fetched stays out of reach

    def verify(self, payload: bytes, fetch: Fetch) -> bool:
        """False: all that is to be done about it is done by now, and there is no event in it.

        Raises RefusedError and, from `fetch`, UnreachableError.
        """
        ...


@runtime_checkable
class RequestSource(Source, Protocol):
    """A source whose events are not all in the body: headers say something too."""

    def events_of(self, asked: Asked) -> Sequence[Envelope]:
        """As `envelope`."""
        ...


@runtime_checkable
class MappedSource(RequestSource, Protocol):
    """A source that reads by a definition, which people may change."""

    definition: Definition

    def mapped(self, payload: bytes) -> Mapped:
        """As `parse`, with what could not be worked out."""
        ...


@runtime_checkable
class CompatibleSource(Source, Protocol):
    """A source with doors of its own, which takes the key from where the vendor's clients put it and answers
    as the vendor does. What such a door only reads is no matter of the source.
    """

    prefix: str  # every path below it is asked for; ends with "/"

    def takes(self, method: str, path: str) -> bool:
        """Whether that request brings an event."""
        ...

    def routing_key(self, asked: Asked) -> str:
        """Raises `Invalid`."""
        ...

    def read(self, asked: Asked) -> Sequence[Envelope]:
        """As `envelope`, of a request to one of its own doors."""
        ...

    def accepted(self, asked: Asked, envelopes: Sequence[Envelope], event_id: str, /) -> Reply: ...

    def invalid(self, asked: Asked, error: Invalid, /) -> Reply: ...

    def unknown_key(self, asked: Asked, /) -> Reply: ...


@runtime_checkable
class ChoosingSource(CompatibleSource, Protocol):
    """One that leaves some of what it takes to be answered elsewhere, by what the query says."""

    def wants(self, method: str, path: str, query: bytes) -> bool: ...


@runtime_checkable
class SpeakingSource(CompatibleSource, Protocol):
    """One that also says in the vendor's words what the door refuses by itself: too large, too much."""

    def refusal(self, asked: Asked, status: int, detail: str, /) -> Reply:
        """`asked` comes without its body, which may not have been read."""
        ...
