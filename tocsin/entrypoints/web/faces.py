"""How a person is drawn where there is no room for the name: initials on a colour."""

import re
from typing import Final
from zlib import crc32

HUES: Final = 8  # as many as static/css/parts.css has


def hue(text: object) -> int:
    """A steady colour class for an avatar."""
    return crc32(str(text).encode()) % HUES


def initials(name: object) -> str:
    parts = [part for part in re.split(r"[\s._@-]+", str(name).split("@", maxsplit=1)[0]) if part]
    return "".join(part[0] for part in parts[:2]).upper() or "?"
