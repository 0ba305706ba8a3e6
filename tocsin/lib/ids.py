"""The only place that reads randomness."""

import base64
import hashlib
import os
import random
import secrets
import threading
import time
import uuid

_VERSION_7 = 0x7 << 76
_VARIANT = 0x2 << 62
_SEQUENCE_MAX = 0xFFF

_lock = threading.Lock()
_last_ms = 0
_sequence = 0


def new_id() -> str:
    """A UUIDv7 (RFC 9562) as text: ids made later in this process sort later."""
    global _last_ms, _sequence  # noqa: PLW0603 - the counter that keeps ids of one millisecond in order
    with _lock:
        ms = time.time_ns() // 1_000_000
        if ms > _last_ms:
            _last_ms = ms
            # Starting in the lower half leaves room to count up within the millisecond.
            _sequence = secrets.randbits(11)
        else:
            _sequence += 1
            if _sequence > _SEQUENCE_MAX:
                _last_ms += 1
                _sequence = 0
        stamp, sequence = _last_ms, _sequence
    value = (stamp << 80) | _VERSION_7 | (sequence << 64) | _VARIANT | int.from_bytes(os.urandom(8)) >> 2
    return str(uuid.UUID(int=value))


def token(size: int = 32) -> str:
    """URL-safe text from `size` random bytes (32 bytes: 43 characters)."""
    return base64.urlsafe_b64encode(secrets.token_bytes(size)).rstrip(b"=").decode()


def hex_key(size: int = 16) -> str:
    """`2 * size` lower-case hex digits; 16 bytes make an integration key."""
    return secrets.token_hex(size)


def password(groups: int = 4) -> str:
    """A password to read aloud and type: groups of five characters that are not easily mistaken."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(groups))


def number_key(text: str) -> int:
    """A stable signed 64-bit number for `text`, as PostgreSQL's advisory locks take."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], signed=True)


def jitter(seconds: float, share: float = 0.2) -> float:
    """`seconds` moved by up to `share` of itself either way, so that many do not retry at one instant."""
    return seconds * (1 + random.uniform(-share, share))  # noqa: S311 - spreads retries, guards nothing
