"""Names as one part of an address. A name may hold anything, `payments/eu` too, and servers and browsers take
a slash and dots apart before anybody sees them; other words are pages of their own.
"""

import re
from typing import Final

_TAKEN: Final = frozenset({".", "..", "new", "add"})
_SAID: Final = re.compile("~(2E|2F|61|6E|7E)")  # . / a n ~


def segment(name: str) -> str:
    """Without a slash; the same name comes back from `named`."""
    if name in _TAKEN:
        return _said(name[0]) + name[1:]
    return _SAID.sub(r"~7E\1", name).replace("/", _said("/"))


def named(text: str) -> str:
    return _SAID.sub(lambda found: chr(int(found[1], 16)), text)


def _said(letter: str) -> str:
    return f"~{ord(letter):02X}"
