"""ntfy (https://docs.ntfy.sh/publish/#publish-as-json), the public server or one of your own.

`sequence_id` is our key: an app that gets the same message twice shows it once. Servers before 2.16 do not
know it and show both.
"""

import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.notification.model import MessageKind
from tocsin.domain.severity import Severity
from tocsin.lib import http
from tocsin.ports import receipts, wording
from tocsin.ports.channel import Abilities, Action, FieldSpec, Message, Receipt, StillWanted

VENDOR: Final = "ntfy"
_TIMEOUT_S: Final = 8.0
_TOPIC: Final = re.compile(r"[-_A-Za-z0-9]{1,64}")
_LONGEST: Final = 500
_MOST_BYTES: Final = 3900  # from 4096 on, ntfy makes it a file
_MOST_BUTTONS: Final = 3
# One press on the phone does these; the others open their page. The link itself is what is pressed.
_PRESSED: Final = frozenset({"acknowledge", "acknowledge_all", "seen", "escalate", "resolve"})
_TAGS: Final = {
    Severity.SEV1: "rotating_light",
    Severity.SEV2: "rotating_light",
    Severity.SEV3: "warning",
    Severity.SEV4: "information_source",
}
_URGENT, _NORMAL, _QUIET = 5, 3, 2
_REFUSES_US: Final = frozenset({401, 403})
_TOO_MANY: Final = 429
_QUOTA: Final = frozenset({42908, 42905})  # of a day: messages, bandwidth


class NtfyChannel:
    type = "ntfy"
    title = "ntfy"
    counts = True
    abilities = Abilities(rooms=True)
    fields: Sequence[FieldSpec] = (
        FieldSpec(
            "token",
            "Access token",
            "Only for a topic on another server that needs one.",
            secret=True,
            required=False,
            placeholder="tk_…",
        ),
    )
    ready = ""

    def __init__(self, ours: http.Client, theirs: http.Client, token: str = "") -> None:
        """`ours` calls the server of the settings, `theirs` whatever people typed in."""
        self._ours, self._theirs, self._token = ours, theirs, token
        server = urlsplit(ours.base_url).netloc
        self.address = FieldSpec(
            "address",
            "Topic",
            f"A topic on {server} that nobody can guess, or the full address of one on another server.",
            placeholder="tocsin-alice-4f7Qz or https://ntfy.example.com/alice",
            private=True,
        )

    def check_address(self, address: str) -> str:
        address = address.strip()
        if _TOPIC.fullmatch(address):
            return address
        try:
            parts = urlsplit(address)
            fine = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            fine = False
        topic = address.rpartition("/")[2]
        if (
            not fine
            or parts.query
            or parts.username
            or len(address) > _LONGEST
            or not _TOPIC.fullmatch(topic)
        ):
            problem = "Expected a topic (letters, digits, - and _; at most 64) or https://server/topic."
            raise Invalid(FieldError("address", problem))
        return address

    def probe(self) -> str:
        """Whether the server of the settings is well. Raises HttpError."""
        answer = self._ours.get("v1/health", headers=self._key())
        if not answer.ok:
            raise http.HttpError(f"ntfy says HTTP {answer.status}")
        return f"{urlsplit(self._ours.base_url).netloc} is well"

    def send(self, message: Message, still_wanted: StillWanted) -> Receipt:
        server, _, topic = message.address.rpartition("/")
        document = publication(message, topic)
        # The token of the settings is for the server of the settings only.
        token = message.config.get("token", "") if server else self._token
        headers = {"authorization": f"Bearer {token}"} if token else {}
        if not still_wanted():
            return receipts.WITHDRAWN
        try:
            if server:
                answer = self._theirs.post(server, json=document, headers=headers, timeout_s=_TIMEOUT_S)
            else:
                answer = self._ours.post("", json=document, headers=headers, timeout_s=_TIMEOUT_S)
        except http.HttpError as error:
            return receipts.unanswered(error, VENDOR, refused=isinstance(error, http.RefusedError))
        return _receipt(answer, ours=not server)

    def _key(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._token}"} if self._token else {}


def publication(message: Message, topic: str) -> dict[str, Any]:
    lines = [*wording.body(message), wording.facts(message)]
    rest = message.actions[_MOST_BUTTONS:]
    lines += [f"{action.label}: {action.url}" for action in rest]
    said = "\n".join(line for line in lines if line)
    view = next((a.url for a in message.actions if a.name == "view"), "")
    found: dict[str, Any] = {
        "topic": topic,
        "title": wording.cut(wording.title(message), 250),
        "message": wording.cut_bytes(said or wording.title(message), _MOST_BYTES),
        "priority": _priority(message),
        "tags": _tags(message),
        "sequence_id": re.sub(r"[^-_A-Za-z0-9]", "_", message.key)[:64],
        "actions": [_button(action) for action in message.actions[:_MOST_BUTTONS]],
    }
    if click := view or next((action.url for action in message.actions), ""):
        found["click"] = click
    return found


def _priority(message: Message) -> int:
    if wording.pressing(message):
        return _URGENT
    return _QUIET if message.kind in {MessageKind.RESOLVED, MessageKind.JOINED} else _NORMAL


def _tags(message: Message) -> list[str]:
    if message.kind is MessageKind.RESOLVED:
        return ["white_check_mark"]
    return [_TAGS[message.subject.severity]] if message.subject.incident_id else []


def _button(action: Action) -> dict[str, Any]:
    label = wording.cut(action.label, 40)
    if action.name in _PRESSED:
        return {"action": "http", "label": label, "url": action.url, "method": "POST", "clear": True}
    return {"action": "view", "label": label, "url": action.url, "clear": action.name != "view"}


def _receipt(answer: http.Response, *, ours: bool) -> Receipt:
    try:
        said = answer.json()
    except http.HttpError:
        said = None
    document = said if isinstance(said, dict) else {}
    if answer.ok:
        if "id" not in document:
            return receipts.later(VENDOR, "the answer is not ntfy's; check the server's address")
        return receipts.sent(VENDOR, str(document["id"]), "ntfy took it")
    detail = f"ntfy says {document.get('code', answer.status)} {document.get('error', '')}".strip()
    if answer.status in _REFUSES_US:
        if ours:
            return receipts.not_set_up(VENDOR, f"{detail}: TOCSIN_NTFY_TOKEN may not write to this topic")
        return receipts.refused(VENDOR, f"{detail}: the topic needs an access token, or another one")
    if answer.status == _TOO_MANY and document.get("code") in _QUOTA:
        return receipts.not_set_up(VENDOR, f"{detail}: the day's messages are used up")
    return receipts.by_status(VENDOR, answer.status, detail, answer.retry_after_s)
