"""What a message is in an SMS, and in a call: as few words as somebody needs who has just been woken."""

import re
from collections.abc import Iterable
from typing import Final

from tocsin.adapters.phone import alphabet
from tocsin.domain.notification.model import MessageKind
from tocsin.ports.callback import Deed
from tocsin.ports.channel import Message
from tocsin.ports.telephony import Choice, Script

SEGMENTS: Final = 3
_LEAST: Final = 90  # fewer units than this for words, and the link stays out: the reply does what it would
_SHORTEST_TITLE: Final = 20
_WHY: Final = "Why you:"
_LONGEST_LINE: Final = 160
_LONGEST_SPEECH: Final = 420  # of a call: about half a minute
_CODE: Final = re.compile(r"\b\d{4,8}\b")
_URL: Final = re.compile(r"https?://\S+")
_REFERENCE: Final = re.compile(r"\bINC-(\d+)\b")
_SEVERITY: Final = re.compile(r"\bSEV(\d)\b")


# ---- SMS ----


def text(message: Message, *, replies: bool = True) -> str:
    """At most three segments. What is to be done and the link are whole; the title gives way. `replies`: they
    reach us; where they do not, the link is the only way to answer, and nothing else is asked for.
    """
    head, title, tail = (alphabet.plain(_audible(part)) for part in _parts(message))
    if not replies:
        tail = ""
    link = _link(message)
    whole = _joined(head, title, tail, link)
    if alphabet.segments(whole) <= SEGMENTS:
        return whole
    if link and tail and alphabet.room(whole, SEGMENTS) - alphabet.length(link) < _LEAST:
        link = ""
    return _cut(head, title, tail, link)


def _parts(message: Message) -> tuple[str, str, str]:
    """What stays, what may be cut, and how to answer."""
    subject, names = message.subject, _names(message)
    number = subject.ref.removeprefix("INC-")
    where = f"{subject.severity} {subject.service}: "
    if message.listed:
        rows = "; ".join(f"{one.ref} {one.severity} {one.service}: {one.title}" for one in message.listed)
        return f"{len(message.listed)} incidents: ", rows, "Reply ack all."
    if message.kind is MessageKind.TEST:
        return "", message.headline, "Reply ack to confirm."
    if message.kind is MessageKind.CODE:
        return "", message.headline, ""
    if not subject.incident_id:
        said = _sentences((message.headline, *_new_lines(message)))
        return "", said, "Reply ack to confirm." if "ready" in names else ""
    if "accept" in names:
        asked = _sentences((subject.title, *(line for line in message.lines if not line.startswith(_WHY))))
        return f"Help wanted. {where}", asked, f"Reply accept {number} or decline {number}."
    if message.kind is MessageKind.PAGE:
        return where, subject.title, f"Reply ack {number}, res {number} or esc {number}."
    if message.kind is MessageKind.STAKEHOLDER:
        return f"For your information: {where}", subject.title, f"Reply ack {number} when seen."
    tail = f"Reply ack {number} or res {number}." if message.kind is MessageKind.NUDGE else ""
    return (
        f"{subject.ref} {subject.service}: ",
        ". ".join((message.headline.rstrip("."), *message.lines)),
        tail,
    )


def _sentences(lines: Iterable[str]) -> str:
    return ". ".join(line.strip().rstrip(".") for line in lines if line.strip())


def _new_lines(message: Message) -> tuple[str, ...]:
    return tuple(line for line in message.lines if line != message.headline)


def _names(message: Message) -> frozenset[str]:
    return frozenset(action.name for action in message.actions)


def _link(message: Message) -> str:
    """One link, as each is long: the first, which is what the message is for."""
    return message.actions[0].url if message.actions else ""


def _joined(head: str, title: str, tail: str, link: str) -> str:
    said = f"{head}{title}".strip()
    stop = "" if not said or said[-1] in ".!?:" or not (tail or link) else "."
    return " ".join(part for part in (f"{said}{stop}", tail, link) if part)


def _cut(head: str, title: str, tail: str, link: str) -> str:
    """The longest beginning of the title that fits; where even the head does not, all of it gives way."""
    best = ""
    low, high = 0, len(title)
    while low <= high:
        middle = (low + high) // 2
        whole = _joined(head, f"{title[:middle].rstrip()}...", tail, link)
        if alphabet.segments(whole) <= SEGMENTS:
            best, low = whole, middle + 1
        else:
            high = middle - 1
    if best:
        return best
    if len(head) > _SHORTEST_TITLE:
        return _cut("", f"{head}{title}", tail, link)
    return _joined("", title[:_SHORTEST_TITLE], tail, "")


# ---- calls ----


def script(message: Message) -> Script:
    """Who calls, what is wrong, why you; then the keys."""
    lines = [f"This is Tocsin, calling {message.recipient}.", *_told(message)]
    return Script(_bounded(lines), _choices(message))


def _told(message: Message) -> list[str]:
    subject = message.subject
    if message.kind is MessageKind.CODE:
        return _code(message)
    if message.listed:
        rows = [f"{one.severity} on {one.service}: {one.title}." for one in message.listed]
        return [f"{len(rows)} incidents need you.", *rows]
    if not subject.incident_id:
        return [message.headline, *_new_lines(message)]
    if message.kind not in {MessageKind.PAGE, MessageKind.STAKEHOLDER}:
        return [f"{subject.ref}, {subject.service}.", message.headline, *message.lines]
    begin = "For your information." if message.kind is MessageKind.STAKEHOLDER else ""
    begin = "You are asked to help." if "accept" in _names(message) else begin
    return [begin, f"{subject.severity} on {subject.service}.", subject.title, *message.lines]


def _code(message: Message) -> list[str]:
    """Digit by digit, slowly, and twice more: somebody is typing along."""
    said = " ".join((message.headline, *message.lines))
    found = _CODE.search(said)
    if found is None:
        return [said]
    digits = f"{'. '.join(found[0])}."
    return ["Your code is:", digits, "Once more:", digits, "And again:", digits]


def _choices(message: Message) -> tuple[Choice, ...]:
    names = _names(message)
    if message.listed:
        return (Choice("1", Deed.ACKNOWLEDGE, "to acknowledge all of them"),)
    if "accept" in names:
        return (Choice("1", Deed.ACCEPT, "to accept"), Choice("2", Deed.DECLINE, "to decline"))
    if "ready" in names:
        return (Choice("1", Deed.ACKNOWLEDGE, "to say that you are ready"),)
    acknowledge = Choice("1", Deed.ACKNOWLEDGE, "to acknowledge")
    resolve = Choice("2", Deed.RESOLVE, "to resolve")
    offered: dict[MessageKind, tuple[Choice, ...]] = {
        MessageKind.PAGE: (acknowledge, resolve, Choice("3", Deed.ESCALATE, "to escalate")),
        MessageKind.STAKEHOLDER: (Choice("1", Deed.ACKNOWLEDGE, "to say that you have seen it"),),
        MessageKind.NUDGE: (Choice("1", Deed.ACKNOWLEDGE, "if you are still on it"), resolve),
        MessageKind.TEST: (Choice("1", Deed.ACKNOWLEDGE, "to confirm that you hear this"),),
    }
    return offered.get(message.kind, ())


def _bounded(lines: list[str]) -> tuple[str, ...]:
    """Spoken, each line and all of them together no longer than somebody listens."""
    said: list[str] = []
    left = _LONGEST_SPEECH
    for line in lines:
        spoken = _spoken(line)[: min(left, _LONGEST_LINE)].strip()
        if spoken:
            said.append(spoken)
            left -= len(spoken)
    return tuple(said)


def _audible(text: str) -> str:
    """Without control characters: a call's markup may not hold them, and an SMS would be half as long."""
    return "".join(one if one.isprintable() else " " for one in text)


def _spoken(line: str) -> str:
    """No addresses, and abbreviations as people say them."""
    line = _audible(line)
    line = _URL.sub("", line).replace("“", "").replace("”", "")
    line = _REFERENCE.sub(r"incident \1", _SEVERITY.sub(r"severity \1", line))
    line = " ".join(line.split())
    line = line[:1].upper() + line[1:]
    return f"{line}." if line and line[-1].isalnum() else line
