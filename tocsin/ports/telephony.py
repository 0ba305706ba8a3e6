"""SMS and voice calls: what a carrier (a vendor of telephony) must be able to do. The channels `sms` and
`voice` send over whichever is well.
"""

from dataclasses import dataclass
from typing import Protocol

from tocsin.ports.channel import Receipt


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
