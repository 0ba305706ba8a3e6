"""A message in Block Kit. Limits: https://docs.slack.dev/reference/block-kit/blocks"""

from typing import Any, Final

from tocsin.ports import wording
from tocsin.ports.channel import Message

_MOST_TEXT: Final = 2900  # of a section: 3000
_MOST_TITLE: Final = 300
_MOST_LABEL: Final = 75
_MOST_URL: Final = 3000
_MOST_BUTTONS: Final = 25


def escaped(text: str) -> str:
    """What Slack asks for; it also disarms <!channel> and <@member>."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def document(message: Message, to: str) -> dict[str, Any]:
    """The body of chat.postMessage."""
    title = wording.cut(wording.title(message), _MOST_TITLE)
    blocks: list[dict[str, Any]] = [_plain(title, bold=True)]
    if said := "\n".join(wording.body(message)):
        blocks.append(_plain(wording.cut(said, _MOST_TEXT)))
    if buttons := _buttons(message):
        blocks.append({"type": "actions", "elements": buttons})
    if about := wording.facts(message):
        element = {"type": "plain_text", "text": wording.cut(about, _MOST_TITLE), "emoji": False}
        blocks.append({"type": "context", "elements": [element]})
    return {
        "channel": to,
        # Shown on lock screens and read aloud; the blocks are shown in the app.
        "text": escaped(title),
        "attachments": [{"color": wording.colour(message), "fallback": escaped(title), "blocks": blocks}],
        "unfurl_links": False,
        "unfurl_media": False,
        "metadata": {"event_type": "tocsin_message", "event_payload": {"key": message.key}},
    }


def _plain(text: str, *, bold: bool = False) -> dict[str, Any]:
    # Headers may hold 150 characters only. Bold ends at the first star that came in from outside.
    if bold:
        shown = escaped(text).replace("*", "∗")
        return {"type": "section", "text": {"type": "mrkdwn", "text": f"*{shown}*", "verbatim": True}}
    return {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}}


def _buttons(message: Message) -> list[dict[str, Any]]:
    made = []
    for number, action in enumerate(message.actions[:_MOST_BUTTONS]):
        if len(action.url) > _MOST_URL:
            continue
        button: dict[str, Any] = {
            "type": "button",
            "action_id": f"{action.name}-{number}",
            "text": {"type": "plain_text", "text": wording.cut(action.label, _MOST_LABEL), "emoji": False},
            "url": action.url,
        }
        if number == 0 and action.name != "view":
            button["style"] = "primary"
        made.append(button)
    return made
