"""What a message says, in pieces that every chat and push channel puts together in its own form."""

from typing import Final

from tocsin.domain.notification.model import MessageKind
from tocsin.domain.severity import Severity, Urgency
from tocsin.ports.channel import Message

# What a kind is, in front of the headline; kinds that are not named speak for themselves.
_WORDS: Final = {
    MessageKind.RESOLVED: "Resolved",
    MessageKind.JOINED: "Update",
    MessageKind.NUDGE: "Still on it?",
    MessageKind.NOTICE: "Update",
    MessageKind.STAKEHOLDER: "For your information",
    MessageKind.DUTY: "On call",
    MessageKind.UPDATE: "Update",
    MessageKind.ADMIN: "Tocsin",
}
_COLOURS: Final = {
    Severity.SEV1: "#b91c1c",
    Severity.SEV2: "#c2410c",
    Severity.SEV3: "#a16207",
    Severity.SEV4: "#475569",
}
_GREEN: Final = "#15803d"
_GREY: Final = "#475569"
_PRESSING: Final = frozenset(
    {
        MessageKind.PAGE,
        MessageKind.NUDGE,
        MessageKind.DUTY,
        MessageKind.ROOM,
        MessageKind.ADMIN,
        MessageKind.TEST,
    }
)


def one_line(text: str) -> str:
    """Without line breaks and control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def cut(text: str, most: int) -> str:
    """At most so many characters; an ellipsis says that something is missing."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def cut_bytes(text: str, most: int) -> str:
    """As `cut`, of UTF-8."""
    raw = text.encode("utf-8", "replace")
    return text if len(raw) <= most else raw[: most - 3].decode("utf-8", "ignore").rstrip() + "…"


def title(message: Message) -> str:
    """One line for a lock screen: severity, service, what it is."""
    subject = message.subject
    headline = one_line(message.headline)
    word = _WORDS.get(message.kind, "")
    if word and not headline.lower().startswith(word.lower().rstrip("?")):
        headline = f"{word}{'' if word.endswith('?') else ':'} {headline}"
    if not subject.incident_id:
        return headline
    return f"[{subject.severity}] {one_line(subject.service)}: {headline}"


def facts(message: Message) -> str:
    """Which incident it is about; "" when it is about none."""
    subject = message.subject
    if not subject.incident_id:
        return ""
    return f"{subject.ref} · {subject.severity} · {one_line(subject.service)} · {message.urgency} urgency"


def body(message: Message) -> tuple[str, ...]:
    """The lines beneath the title, and of a bundle every incident in it that they do not name themselves."""
    listed = tuple(f"{each.ref} {each.severity} {each.service}: {each.title}" for each in message.listed)
    said = tuple(line for line in message.lines if line.strip())
    return said + tuple(one for one in listed if one not in said)


def colour(message: Message) -> str:
    """As `#rrggbb`."""
    if message.kind is MessageKind.RESOLVED:
        return _GREEN
    return _COLOURS[message.subject.severity] if message.subject.incident_id else _GREY


def pressing(message: Message) -> bool:
    """Whether it should ring and stay: somebody is waited for."""
    return message.urgency is Urgency.HIGH and message.kind in _PRESSING


def plain(message: Message) -> str:
    """All of it as plain text, links written out."""
    parts = [title(message)]
    if about := facts(message):
        parts.append(about)
    parts += body(message)
    parts += [f"{action.label}: {action.url}" for action in message.actions]
    return "\n".join(parts)
