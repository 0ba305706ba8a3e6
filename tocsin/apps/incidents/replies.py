"""What people write back: "ack 12", "res INC-12", "ack all", "stop". Pure."""

import re
from dataclasses import dataclass
from typing import Final

from tocsin.ports.callback import Deed

_WORDS: Final[dict[Deed, tuple[str, ...]]] = {
    Deed.ACKNOWLEDGE: ("ack", "acknowledge", "acknowledged", "a", "ok"),
    Deed.RESOLVE: ("res", "resolve", "resolved", "r", "done"),
    Deed.ESCALATE: ("esc", "escalate", "e"),
    Deed.ACCEPT: ("accept", "accepted"),
    Deed.DECLINE: ("decline", "declined"),
    # What carriers themselves take as these, https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out
    Deed.STOP: ("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "optout", "revoke"),
    Deed.START: ("start", "unstop", "yes"),
    Deed.HELP: ("help", "info", "?"),
}
_DEEDS: Final = {word: deed for deed, words in _WORDS.items() for word in words}
_SAID: Final = re.compile(
    r"\s*([a-z]+|\?)[\s:,#-]*(all\b|(?:(?:inc[\s-]*)?#?\d{1,12}(?!\d)[\s,.;&]*)*)", re.IGNORECASE
)
_NUMBER: Final = re.compile(r"\d+")


@dataclass(frozen=True)
class Said:
    deed: Deed
    numbers: tuple[int, ...] = ()
    all: bool = False


def read(text: str) -> Said:
    """The first word decides; what follows names incidents. Anything after that is left alone."""
    found = _SAID.match(text)
    deed = _DEEDS.get(found[1].lower()) if found else None
    if found is None or deed is None:
        return Said(Deed.UNKNOWN)
    if found[2].lower() == "all":
        return Said(deed, all=True)
    return Said(deed, tuple(dict.fromkeys(int(number) for number in _NUMBER.findall(found[2]))))
