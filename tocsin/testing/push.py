"""A push service of browsers (RFC 8030), with browsers behind it: it checks who sends (VAPID, RFC 8292) and
decrypts what came (RFC 8291), as a browser would.

    with PushService() as service:
        subscription = service.subscribe(channel.identity.public_key)   # a contact method's config
        service.shown(subscription["endpoint"])                         # documents, oldest first
        service.end(subscription["endpoint"])                           # as when the browser was cleared

`python -m tocsin.testing.push` runs one for a rehearsal, and prints a subscription.
"""

import base64
import json
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import click
import http_ece
import py_vapid
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tocsin.lib import clock, ids
from tocsin.testing.server import Call, Reply, Server, rehearse

_MOST_BYTES: Final = 4096
_LONGEST_S: Final = 24 * 3600
_Vapid: Any = py_vapid.Vapid02  # it ships no types
_decrypt: Any = http_ece.decrypt  # the same


@dataclass
class _Browser:
    key: ec.EllipticCurvePrivateKey
    auth: bytes
    server_key: str  # whose pushes it takes
    over: bool = False
    shown: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


class PushService(Server):
    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self._browsers: dict[str, _Browser] = {}

    def subscribe(self, server_key: str) -> dict[str, str]:
        """A new browser's subscription, for the sender of this public key."""
        key, auth, name = ec.generate_private_key(ec.SECP256R1()), ids.hex_key(8).encode(), ids.hex_key()
        self._browsers[f"/push/{name}"] = _Browser(key, auth, server_key)
        point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"endpoint": f"{self.url}/push/{name}", "p256dh": _text(point), "auth": _text(auth)}

    def shown(self, endpoint: str) -> list[dict[str, Any]]:
        return list(self._of(endpoint).shown)

    def headers(self, endpoint: str) -> list[dict[str, str]]:
        return list(self._of(endpoint).headers)

    def end(self, endpoint: str) -> None:
        self._of(endpoint).over = True

    def _of(self, endpoint: str) -> _Browser:
        return self._browsers[urlsplit(endpoint).path]

    def handle(self, call: Call) -> Reply:
        browser = self._browsers.get(call.path)
        if browser is None:
            return Reply(404, "no such subscription")
        if browser.over:
            return Reply(410, "the subscription is over")
        if problem := self._stranger(call, browser):
            return Reply(403, problem)
        if not call.headers.get("ttl", "").isdigit():
            return Reply(400, "TTL is missing")
        if len(call.body) > _MOST_BYTES:
            return Reply(413, "too large")
        raw = _decrypt(call.body, private_key=browser.key, auth_secret=browser.auth, version="aes128gcm")
        browser.shown.append(json.loads(raw))
        browser.headers.append(dict(call.headers))
        return Reply(201, headers={"location": f"{self.url}/message/{len(browser.shown)}"})

    def _stranger(self, call: Call, browser: _Browser) -> str:
        """Why the sender is not who the browser subscribed to; "" when it is."""
        given = call.headers.get("authorization", "")
        if not given.startswith("vapid ") or not _Vapid.verify(given):
            return "the signature does not fit"
        parts = dict(part.strip().split("=", 1) for part in given.removeprefix("vapid ").split(","))
        if parts["k"] != browser.server_key:
            return "VAPID public key mismatch"
        claims = json.loads(base64.urlsafe_b64decode(parts["t"].split(".")[1] + "=="))
        if claims.get("aud") != self.url:
            return "aud is another's"
        left = claims.get("exp", 0) - clock.now().timestamp()
        if not 0 < left <= _LONGEST_S:
            return "exp is over, or too far away"
        return "" if str(claims.get("sub", "")).startswith(("mailto:", "https:")) else "sub is missing"


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@click.command()
@click.option("--port", default=8476, show_default=True, help="Where to listen, on loopback.")
@click.option("--key", required=True, help="The sender's public key, as the page shows it to browsers.")
def main(*, port: int, key: str) -> None:
    """A push service for a rehearsal, with one browser, until Ctrl-C."""
    service = PushService(port)
    rehearse(service, lambda _: f"a contact method of type push: {json.dumps(service.subscribe(key))}")


if __name__ == "__main__":
    main()
