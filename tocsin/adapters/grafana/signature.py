"""Grafana's HMAC signatures (11.6 and later): hex of HMAC-SHA-256 over the body, or over a time in seconds, a
colon and the body where the contact point names a header for the time.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from tocsin.domain.errors import FieldError, Invalid
from tocsin.lib import clock
from tocsin.ports.source import Asked, RefusedError

_HEADER: Final = "X-Grafana-Alerting-Signature"
_OLDEST_S: Final = 300


@dataclass(frozen=True)
class Signature:
    """Without a secret nothing is asked for."""

    secret: str = ""
    header: str = _HEADER
    timestamp_header: str = ""

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """Raises `Invalid`."""
        secret = _text(config, "secret")
        timestamp = _text(config, "timestamp_header")
        return cls(secret, _text(config, "signature_header") or _HEADER, timestamp)

    def check(self, asked: Asked) -> None:
        """Raises RefusedError."""
        if not self.secret:
            return
        given = asked.headers.get(self.header.lower(), "")
        if not given:
            raise RefusedError(
                f"The header {self.header} is missing: set the same secret as here under “HMAC signature”"
                " in Grafana's contact point."
            )
        signed = asked.body
        if self.timestamp_header:
            signed = self._time(asked) + b":" + asked.body
        expected = hmac.new(self.secret.encode(), signed, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), given.strip().lower().encode()):
            raise RefusedError(
                f"The signature in {self.header} is wrong: compare the secret, and the header for the time,"
                " in Grafana's contact point."
            )

    def _time(self, asked: Asked) -> bytes:
        """As it was sent. A message of long ago could be somebody's copy."""
        sent = asked.headers.get(self.timestamp_header.lower(), "")
        if not (sent.isascii() and sent.isdigit() and len(sent) <= 12):  # noqa: PLR2004 - seconds have 10
            raise RefusedError(f"The header {self.timestamp_header} is missing or holds no time in seconds.")
        if abs(clock.now().timestamp() - int(sent)) > _OLDEST_S:
            raise RefusedError(
                f"The time in {self.timestamp_header} is more than 5 minutes off: compare the clocks."
            )
        return sent.encode()


def _text(config: Mapping[str, Any], name: str) -> str:
    given = config.get(name)
    if given is None:
        return ""
    if not isinstance(given, str):
        raise Invalid(FieldError(name, "expected a text"))
    return given.strip()
