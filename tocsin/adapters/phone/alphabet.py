"""How long an SMS is. In the GSM 7-bit alphabet (3GPP TS 23.038) one holds 160 characters, and each of
several 153; a single character outside of it makes the whole text UCS-2: 70, and 67.
"""

import math
import unicodedata
from typing import Final

_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED: Final = frozenset("^{}\\[~]|€\f")  # each takes two
_ALIKE: Final = str.maketrans(
    {
        "‘": "'", "’": "'", "`": "'", "´": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "–": "-",
        "—": "-", "‐": "-", "‑": "-", "−": "-", "…": "...", "→": "->", "←": "<-", "•": "*", "·": "-",
        "×": "x", "≥": ">=", "≤": "<=", "\u00a0": " ", "\u202f": " ", "\t": " ", "✓": "ok",
    }
)  # fmt: skip


def plain(text: str) -> str:
    """The same words in the GSM alphabet where that is possible without loss of meaning; else unchanged."""
    like = text.translate(_ALIKE)
    return "".join(_bare(one) for one in like)


def is_gsm(text: str) -> bool:
    return all(one in _BASIC or one in _EXTENDED for one in text)


def length(text: str) -> int:
    """In septets, or in UTF-16 code units where the text is not all GSM."""
    if is_gsm(text):
        return sum(2 if one in _EXTENDED else 1 for one in text)
    return len(text.encode("utf-16-be")) // 2


def segments(text: str) -> int:
    alone, joined = (160, 153) if is_gsm(text) else (70, 67)
    size = length(text)
    return 1 if size <= alone else math.ceil(size / joined)


def room(text: str, most: int) -> int:
    """How long a text in this one's alphabet may be in `most` segments, at least two."""
    return most * (153 if is_gsm(text) else 67)


def _bare(one: str) -> str:
    """é is in the alphabet, č is c; a letter of another script stays as it is."""
    if one in _BASIC or one in _EXTENDED:
        return one
    base = unicodedata.normalize("NFKD", one)[0]
    return base if base in _BASIC else one
