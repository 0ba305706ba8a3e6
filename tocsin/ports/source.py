"""What a tool that sends alerts must teach us. `envelope` runs in the door, `parse` in the worker; both are pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tocsin.domain.signal import EventAction, Signal


@dataclass(frozen=True, slots=True)
class Envelope:
    """One event of a body, just far enough understood to be stored. `payload` is what `parse` will get."""

    action: EventAction
    dedup_key: str
    payload: bytes


@dataclass(frozen=True)
class Snippet:
    """A piece of the tool's own configuration to copy. `{url}` and `{key}` stand for the integration's."""

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
        """One event in our words. Raises `Invalid` when it cannot be understood; it is then set aside, with that reason."""
        ...

    def sample(self, dedup_key: str, *, resolve: bool = False) -> bytes:
        """A realistic body for "send test event"; `envelope` accepts it."""
        ...
