"""A message as a message attachment. Its buttons are links: Mattermost's own would need a way back to us."""

import re
from typing import Any, Final

from tocsin.ports import wording
from tocsin.ports.channel import Message

_MARKS: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!|~<>:])")
_MOST: Final = 8000
_MOST_TITLE: Final = 300


def escaped(text: str) -> str:
    """Text from outside is shown as it is: no Markdown, and nobody is mentioned."""
    return _MARKS.sub(r"\\\1", text).replace("@", "@\u200b")


def attachment(message: Message) -> dict[str, Any]:
    title = wording.cut(wording.title(message), _MOST_TITLE)
    parts = [f"**{escaped(title)}**"]
    parts += [escaped(line) for line in wording.body(message)]
    text = wording.cut("\n\n".join(parts), _MOST)
    links = " · ".join(f"[**{escaped(action.label)}**]({action.url})" for action in message.actions)
    return {
        "fallback": title,  # what a phone's notification shows
        "color": wording.colour(message),
        "text": f"{text}\n\n{links}" if links else text,
        "footer": wording.facts(message),
    }
