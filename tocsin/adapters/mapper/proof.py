"""That a request comes from who knows the integration's secret."""

import hashlib
import hmac
from dataclasses import dataclass

from tocsin.ports.source import Asked, RefusedError


@dataclass(frozen=True)
class Proof:
    """How a tool proves itself, in which header: by the `secret` as it is, or by a `signature`, the HMAC of
    the body with SHA-256 in hex, after `prefix`.
    """

    by: str
    header: str
    prefix: str = ""

    def check(self, asked: Asked, secret: str) -> None:
        given = asked.headers.get(self.header, "")
        if not given:
            raise RefusedError(
                f"The header {self.header} is missing: give the tool this integration's secret."
            )
        wanted = secret
        if self.by == "signature":
            wanted = self.prefix + hmac.new(secret.encode(), asked.body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode()):
            raise RefusedError(f"The header {self.header} does not fit the secret of this integration.")
