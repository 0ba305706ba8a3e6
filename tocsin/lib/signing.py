"""Signed texts that carry their own meaning: links in mails, tickets for streams.

A token is `base64url(JSON) "." base64url(HMAC-SHA-256)`. Each purpose has a key of its own: a token
made for one door opens no other.
"""

import base64
import binascii
import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

_SIGNATURE_BYTES = 20
_LONGEST = 4096
_secret = b""


class BadSignature(Exception):
    """Not a token of this purpose, or one whose time is over."""


def configure(secret: str) -> None:
    """Once at the start of a process."""
    global _secret  # noqa: PLW0603 - the one secret of the process
    _secret = secret.encode()


def sign(purpose: str, payload: dict[str, Any] | str, expires_at: datetime | None = None) -> str:
    value = {"p": payload, "e": int(expires_at.timestamp()) if expires_at else None}
    body = _encode(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())
    return f"{body}.{_signature(purpose, body)}"


def verify(purpose: str, token: str, now: datetime) -> Any:
    """The payload; raises BadSignature."""
    body, _, signature = token.partition(".")
    if len(token) > _LONGEST or not hmac.compare_digest(
        _signature(purpose, body).encode(), signature.encode(errors="replace")
    ):
        raise BadSignature("The signature does not match.")
    try:
        value = json.loads(_decode(body))
    except (ValueError, binascii.Error) as error:
        raise BadSignature("The token is damaged.") from error
    if value["e"] is not None and now.timestamp() >= value["e"]:
        raise BadSignature("The token's time is over.")
    return value["p"]


def body_signature(secret: str, body: bytes, at: int) -> str:
    """Hex HMAC-SHA-256 of `"{at}." + body`, as receivers of webhooks check it; `at` in Unix seconds."""
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def derived(secret: str, purpose: str) -> bytes:
    """32 bytes for one purpose: a key that nobody has to keep beside the secret that it comes from."""
    return hmac.digest(secret.encode(), f"tocsin.derived:{purpose}".encode(), "sha256")


def same(one: str, other: str) -> bool:
    """Equality that takes the same time wherever the texts differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def _signature(purpose: str, body: str) -> str:
    if not _secret:
        raise RuntimeError("signing.configure() was not called")
    key = hmac.digest(_secret, f"tocsin.signing:{purpose}".encode(), "sha256")
    return _encode(hmac.digest(key, body.encode(errors="replace"), "sha256")[:_SIGNATURE_BYTES])


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
