"""A message as an Adaptive Card 1.4, the newest that Teams' phones show in full."""

import re
from typing import Any, Final

from tocsin.domain.notification.model import MessageKind
from tocsin.domain.severity import Severity
from tocsin.ports import wording
from tocsin.ports.channel import Message

_MARKS: Final = re.compile(r"([\\`*_\[\]])")
_STYLES: Final = {
    Severity.SEV1: "attention",
    Severity.SEV2: "warning",
    Severity.SEV3: "accent",
    Severity.SEV4: "default",
}
_MOST_LINE: Final = 3000
_MOST_LINES: Final = 50
_MOST_BUTTONS: Final = 6  # Teams hides what comes after


def escaped(text: str) -> str:
    """Cards read a little Markdown; text from outside is shown as it is."""
    return _MARKS.sub(r"\\\1", text)


def card(message: Message) -> dict[str, Any]:
    title = wording.cut(wording.title(message), 300)
    rows = [_text(title, weight="Bolder", size="Medium")]
    if about := wording.facts(message):
        rows.append(_text(about, isSubtle=True, spacing="None"))
    said = [_text(line) for line in wording.body(message)[:_MOST_LINES]]
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": title,
        "msteams": {"width": "Full"},
        "body": [{"type": "Container", "style": _style(message), "bleed": True, "items": rows}, *said],
        "actions": [
            {"type": "Action.OpenUrl", "title": action.label, "url": action.url}
            for action in message.actions[:_MOST_BUTTONS]
        ],
    }


def _style(message: Message) -> str:
    if message.kind is MessageKind.RESOLVED:
        return "good"
    return _STYLES[message.subject.severity] if message.subject.incident_id else "emphasis"


def _text(text: str, **look: Any) -> dict[str, Any]:
    return {"type": "TextBlock", "text": escaped(wording.cut(text, _MOST_LINE)), "wrap": True, **look}
