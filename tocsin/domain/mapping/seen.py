"""What expressions see of a message: all of any message that a tool means, and so much of any other that
looking through it takes no time. Cut from the outside in, so that what stands at the top is always there.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

# The evaluator's map() and filter() take time with the square of the list's length.
LONGEST_LIST: Final = 256
LARGEST_MAP: Final = 512
LONGEST_TEXT: Final = 16_384
LONGEST_NAME: Final = 255
_MOST_VALUES: Final = 5_000
_DEEPEST: Final = 32
_MOST_INT: Final = 2**63


def seen(message: Any) -> Any:
    """The message without nulls, within those limits, of text that every store can hold."""
    root: list[Any] = []
    waiting: deque[tuple[Any, Any, int]] = deque([([message], root, 0)])
    room = _MOST_VALUES
    while waiting and room > 0:
        source, target, depth = waiting.popleft()
        if isinstance(source, Mapping):
            pairs = list(source.items())[:LARGEST_MAP]
        else:
            pairs = list(enumerate(source[:LONGEST_LIST]))
        for name, value in pairs[:room]:
            if value is None:
                continue
            room -= 1
            kept = _one(value)
            if isinstance(target, dict):
                target[_text(str(name), LONGEST_NAME)] = kept
            else:
                target.append(kept)
            if isinstance(kept, dict | list) and depth < _DEEPEST:
                waiting.append((value, kept, depth + 1))
    return root[0] if root else None


def _one(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value, LONGEST_TEXT)
    if isinstance(value, bool | float):
        return value
    if isinstance(value, int):  # CEL counts in 64 bits; a longer number is a name
        return value if -_MOST_INT <= value < _MOST_INT else _text(hex(value), LONGEST_NAME)
    return {} if isinstance(value, Mapping) else [] if isinstance(value, list | tuple) else str(value)


def _text(text: str, limit: int) -> str:
    text = text[:limit]
    if "\0" in text:
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
