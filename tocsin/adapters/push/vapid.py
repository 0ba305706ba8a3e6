"""Who we are to push services (VAPID, RFC 8292): a P-256 key that comes from the installation's secret. All
hosts have the same one, and nobody has to keep another.
"""

import base64
from datetime import datetime, timedelta
from typing import Any, Final

import py_vapid
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tocsin.lib import signing

_ORDER: Final = int("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
_Vapid: Any = py_vapid.Vapid02  # it ships no types
_HOLDS: Final = timedelta(hours=12)  # at most 24 h


class Identity:
    def __init__(self, secret: str, contact: str) -> None:
        """`contact`: where a push service may ask about us, `mailto:…` or `https://…`."""
        number = int.from_bytes(signing.derived(secret, "vapid")) % (_ORDER - 1) + 1
        key = ec.derive_private_key(number, ec.SECP256R1())
        self._vapid, self._contact = _Vapid(private_key=key), contact
        point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.public_key = base64.urlsafe_b64encode(point).rstrip(b"=").decode()
        """As browsers ask for it (`applicationServerKey`)."""

    def headers(self, audience: str, now: datetime) -> dict[str, str]:
        """For one push service: its origin."""
        claims = {"aud": audience, "exp": int((now + _HOLDS).timestamp()), "sub": self._contact}
        signed: dict[str, str] = self._vapid.sign(claims)
        return signed
