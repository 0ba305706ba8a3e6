"""What a tool that sends alerts must teach us. `envelope` runs in the door, `parse` in the worker; both are
pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from tocsin.domain.errors import Invalid
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


@runtime_checkable
class CompatibleSource(Source, Protocol):
    """A source with a door of its own, which takes the key from the body and answers as the vendor does."""

    path: str

    def routing_key(self, body: bytes) -> str:
        """Raises `Invalid`."""
        ...

    def accepted(self, envelopes: Sequence[Envelope]) -> Reply: ...

    def invalid(self, error: Invalid) -> Reply: ...

    def unknown_key(self) -> Reply: ...
