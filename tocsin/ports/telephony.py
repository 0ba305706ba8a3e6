"""SMS and voice calls: what a carrier (a vendor of telephony) must be able to do. The channels `sms` and
`voice` send over whichever is well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from tocsin.ports.channel import Receipt

AGAIN: Final = "4"  # the key that says it all once more


@dataclass(frozen=True)
class Account:
    """With a carrier. `sms_from`: a number, a sender's name, or a messaging service of Twilio (MG…);
    `voice_from`: a number.
    """

    user: str
    token: str
    sms_from: str
    voice_from: str
    api_url: str


@dataclass(frozen=True)
class Choice:
    digit: str
    deed: str  # a ports.callback.Deed
    label: str  # "to acknowledge"


@dataclass(frozen=True)
class Script:
    """What a call says, sentence by sentence, and the keys it takes."""

    lines: tuple[str, ...]
    choices: tuple[Choice, ...]

    @property
    def menu(self) -> str:
        """How the keys are said; "" for none."""
        keys = ", ".join(f"{one.digit} {one.label}" for one in self.choices)
        return f"Press {keys}, or {AGAIN} to hear this again." if keys else ""

    def chosen(self, digit: str) -> str:
        """The deed of a key; "" where it has none."""
        return next((one.deed for one in self.choices if one.digit == digit), "")

    def packed(self, key: str) -> dict[str, Any]:
        """For an address that a vendor calls while it has the message of `key` on the line."""
        return {"k": key, "l": self.lines, "c": [[one.digit, one.deed, one.label] for one in self.choices]}

    @classmethod
    def unpacked(cls, found: Mapping[str, Any]) -> "Script":
        return cls(tuple(found["l"]), tuple(Choice(*one) for one in found["c"]))


class Carrier(Protocol):
    vendor: str
    sms_from: str  # "": it sends no SMS
    voice_from: str  # "": it makes no calls
    hears: bool  # it can reach us: what became of a message, keys and replies are told

    @property
    def ready(self) -> str:
        """ "" when it can be used; otherwise what is missing."""
        ...

    def text(self, key: str, to: str, text: str) -> Receipt:
        """One SMS. `key` is the idempotency key, and comes back in status callbacks. Never raises."""
        ...

    def call(self, key: str, to: str, script: Script) -> Receipt:
        """One call. Never raises."""
        ...
