"""Web push (RFC 8030, 8291, 8292): to a browser, through the push service that it names.

What is sent is encrypted for that browser; the push service sees neither words nor links. `Topic` is the
incident's: of what waits for a phone that is off, only the newest of each incident is kept.
"""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from pywebpush import WebPusher, WebPushException

from tocsin.adapters.push.vapid import Identity
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.notification.model import MessageKind
from tocsin.lib import clock, http
from tocsin.ports import receipts, wording
from tocsin.ports.channel import Abilities, FieldSpec, Message, Receipt, StillWanted

VENDOR: Final = "push"
_TIMEOUT_S: Final = 8.0
_MOST_BYTES: Final = 3600  # services take 4096, of which encryption needs some
_LONGEST_NAME: Final = 80
_TTL_PRESSING_S: Final = 6 * 3600
_TTL_S: Final = 24 * 3600
_MOST_BUTTONS: Final = 2  # as many as browsers show
_GONE: Final = frozenset({404, 410})
_REFUSES_US: Final = frozenset({401, 403})
_OTHER_KEY: Final = ("mismatch", "do not correspond")  # Mozilla and Apple; Google
_TOO_LARGE: Final = 413
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_DEEDS: Final = frozenset(
    {"acknowledge", "acknowledge_all", "resolve", "escalate", "seen", "accept", "decline"}
)


class PushChannel:
    type = "push"
    title = "Browser"
    counts = True
    abilities = Abilities(typed=False)
    address = FieldSpec("address", "Browser", "Switched on in the browser that is to be reached.")
    fields: Sequence[FieldSpec] = (
        FieldSpec("endpoint", "Push address", secret=True),
        FieldSpec("p256dh", "Key", secret=True),
        FieldSpec("auth", "Secret", secret=True),
    )

    def __init__(self, client: http.Client, identity: Identity, public_url: str) -> None:
        self._client, self._public_url = client, public_url
        self.identity = identity

    @property
    def ready(self) -> str:
        parts = urlsplit(self._public_url)
        if parts.scheme == "https" or parts.hostname in _LOOPBACK:
            return ""
        return "Browsers take pushes from https pages only: TOCSIN_PUBLIC_URL must begin with https://"

    def check_address(self, address: str) -> str:
        """A name for the browser, such as “Firefox on Android · 3fa9c1”."""
        address = wording.one_line(address)
        if not address or len(address) > _LONGEST_NAME:
            raise Invalid(FieldError("address", f"Expected a name of at most {_LONGEST_NAME} characters."))
        return address

    def send(self, message: Message, still_wanted: StillWanted) -> Receipt:
        endpoint = message.config.get("endpoint", "")
        audience = origin(endpoint)
        if not audience:
            return receipts.bounced(VENDOR, "the browser's push address is not https")
        try:
            body = _encrypted(document(message), message.config)
        except (WebPushException, ValueError) as error:
            return receipts.bounced(VENDOR, f"the browser's keys cannot be used: {error}")
        pressing = wording.pressing(message)
        headers = {
            **self.identity.headers(audience, clock.now()),
            "content-type": "application/octet-stream",
            "content-encoding": "aes128gcm",
            "ttl": str(_TTL_PRESSING_S if pressing else _TTL_S),
            "urgency": "high" if pressing or message.kind is MessageKind.CODE else "normal",
            "topic": topic(message),
        }
        if not still_wanted():
            return receipts.WITHDRAWN
        try:
            answer = self._client.post(endpoint, content=body, headers=headers, timeout_s=_TIMEOUT_S)
        except http.HttpError as error:
            return receipts.unanswered(error, VENDOR, refused=isinstance(error, http.RefusedError))
        return _receipt(answer)


def origin(endpoint: str) -> str:
    """`https://host` of a push service; "" when it is none."""
    try:
        parts = urlsplit(endpoint)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return ""
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    return f"{parts.scheme}://{parts.netloc}" if host and secure and not parts.username else ""


def topic(message: Message) -> str:
    """At most 32 characters of base64url."""
    digest = hashlib.sha256(message.thread.encode()).digest()[:24]
    return base64.urlsafe_b64encode(digest).decode()


def document(message: Message) -> dict[str, Any]:
    """What the service worker shows."""
    lines = [*wording.body(message), wording.facts(message)]
    actions = [a for a in message.actions if a.name != "view"][:_MOST_BUTTONS]
    view = next((a.url for a in message.actions if a.name == "view"), "")
    found: dict[str, Any] = {
        "title": wording.cut(wording.title(message), 150),
        "body": "",
        "tag": message.thread,
        "url": view or next((a.url for a in actions), "/"),
        "stay": wording.pressing(message),
        "quiet": message.kind in {MessageKind.RESOLVED, MessageKind.JOINED},
        "actions": [
            {"action": a.name, "title": wording.cut(a.label, 30), "url": a.url, "press": a.name in _DEEDS}
            for a in actions
        ],
    }
    left = _MOST_BYTES - len(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    said = re.sub(r"[\"\\\x00-\x1f]", _plain, "\n".join(line for line in lines if line))
    # Line breaks take two bytes in JSON.
    found["body"] = wording.cut_bytes(said, max(left - said.count("\n"), 0)) if left > 0 else ""
    return found


def _plain(match: re.Match[str]) -> str:
    """Nothing that JSON would write longer than it is, line breaks apart."""
    return {'"': "”", "\n": "\n"}.get(match[0], " ")


def _encrypted(shown: dict[str, Any], config: dict[str, str]) -> bytes:
    subscription = {
        "endpoint": config["endpoint"],
        "keys": {"p256dh": config.get("p256dh", ""), "auth": config.get("auth", "")},
    }
    raw = json.dumps(shown, ensure_ascii=False).encode("utf-8", "replace")
    body: bytes = WebPusher(subscription).encode(raw, "aes128gcm")["body"]
    return body


def _receipt(answer: http.Response) -> Receipt:
    detail = f"the push service says HTTP {answer.status}"
    if answer.ok:
        ref = answer.headers.get("location", "").rstrip("/").rpartition("/")[2]
        return receipts.sent(VENDOR, ref, "the push service took it")
    if answer.status in _GONE:
        return receipts.bounced(VENDOR, f"{detail}: the browser's subscription is over")
    if answer.status == _TOO_LARGE:
        return receipts.refused(VENDOR, f"{detail}: the message is too long")
    if answer.status in _REFUSES_US:
        # A subscription is bound to our key, and that to TOCSIN_SECRET_KEY.
        if any(sign in answer.text.lower() for sign in _OTHER_KEY):
            return receipts.bounced(
                VENDOR, f"{detail}: TOCSIN_SECRET_KEY has changed; switch it on again there"
            )
        return receipts.not_set_up(VENDOR, f"{detail}: it does not take our signature; is our clock right?")
    return receipts.by_status(VENDOR, answer.status, detail, answer.retry_after_s)
