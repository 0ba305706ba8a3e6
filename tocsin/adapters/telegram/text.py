"""A message as Telegram's HTML, with buttons beneath. Their data names the deed and our key, in 64 bytes."""

from html import escape
from typing import Any, Final
from urllib.parse import urlsplit

from tocsin.domain.notification.model import MessageKind
from tocsin.ports import wording
from tocsin.ports.callback import Deed
from tocsin.ports.channel import Action, Message

_MOST: Final = 3500  # of 4096, which count what is shown
_MOST_DATA: Final = 64
_MOST_BUTTONS: Final = 20
_QUIET: Final = frozenset({MessageKind.RESOLVED, MessageKind.JOINED, MessageKind.UPDATE})
# What a press in the chat can do; everything else opens its page.
_DEEDS: Final = {
    "acknowledge": Deed.ACKNOWLEDGE,
    "acknowledge_all": Deed.ACKNOWLEDGE,  # of a bundle: all that the message lists
    "resolve": Deed.RESOLVE,
    "escalate": Deed.ESCALATE,
    "accept": Deed.ACCEPT,
    "decline": Deed.DECLINE,
}


def document(message: Message, *, acts: bool) -> dict[str, Any]:
    """The body of sendMessage. `acts`: buttons act in the chat, where they can."""
    buttons, written = [], []
    if message.kind is MessageKind.ROOM and message.subject.incident_id and acts:
        # Pressed by anybody there, it acts as whoever pressed it.
        pressed = Action("acknowledge", "Acknowledge", "")
        buttons.append({"text": pressed.label, "callback_data": _data(pressed, message.key)})
    for action in message.actions[:_MOST_BUTTONS]:
        if (data := _data(action, message.key)) and acts:
            buttons.append({"text": action.label, "callback_data": data})
        elif _public(action.url):
            buttons.append({"text": action.label, "url": action.url})
        else:
            # Telegram refuses buttons to addresses that only this network knows.
            written.append(f"{escape(action.label)}: {escape(action.url)}")
    parts = [f"<b>{escape(wording.cut(wording.title(message), 300))}</b>"]
    if about := wording.facts(message):
        parts.append(escape(about))
    if said := "\n".join(wording.body(message)):
        parts += ["", escape(wording.cut(said, _MOST - sum(map(len, written))))]
    if written:
        parts += ["", *written]
    found: dict[str, Any] = {
        "chat_id": message.address if message.address.startswith("@") else int(message.address),
        "text": "\n".join(parts),
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
        "disable_notification": message.kind in _QUIET,
    }
    if buttons:
        rows = [buttons[start : start + 2] for start in range(0, len(buttons), 2)]
        found["reply_markup"] = {"inline_keyboard": rows}
    return found


def _data(action: Action, key: str) -> str:
    deed = _DEEDS.get(action.name)
    data = f"{deed}:{key}" if deed else ""
    return data if len(data.encode()) <= _MOST_DATA else ""


def _public(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return "." in host and not host.startswith("127.")
