"""What expressions may call besides CEL's own functions. None of them fails: what cannot be answered is
absent (None). No answer is longer than what went in may be.
"""

import base64
import binascii
import hashlib
import itertools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import msgspec

from tocsin.domain import shape
from tocsin.domain.mapping.seen import LARGEST_MAP, LONGEST_LIST, LONGEST_TEXT, seen
from tocsin.domain.pattern import Extractor, compile_extractor

_MILLISECONDS_FROM: Final = 10**11  # seconds reach it in the year 5138
_LAST_YEAR: Final = 9000


def text_of(value: Any) -> str:
    """A single value as a label would hold it; lists and maps as JSON, always in one order, as dedup keys are
    made of it; "" for nothing.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:  # noqa: PLR2004 - exact so far
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    try:
        return str(msgspec.json.encode(value, order="deterministic"), "utf-8")[:LONGEST_TEXT]
    except (TypeError, ValueError, msgspec.MsgspecError):
        return str(value)[:LONGEST_TEXT]


def _lower(value: Any) -> str:
    return text_of(value).lower()[:LONGEST_TEXT]


def _upper(value: Any) -> str:
    return text_of(value).upper()[:LONGEST_TEXT]


def _trim(value: Any) -> str:
    return text_of(value).strip()


def _split(value: Any, separator: Any) -> list[str]:
    parts = text_of(value).split(text_of(separator) or None, LONGEST_LIST)
    return [part.strip() for part in parts[:LONGEST_LIST]]


def _join(values: Any, separator: Any = ", ") -> str:
    if not isinstance(values, list):
        return text_of(values)
    texts = (text_of(value) for value in values[:LONGEST_LIST])
    return text_of(separator).join(text for text in texts if text)[:LONGEST_TEXT]


def _replace(value: Any, old: Any, new: Any) -> str:
    text, was, becomes = text_of(value), text_of(old), text_of(new)
    if not was:
        return text
    most = max(1, LONGEST_TEXT // max(1, len(becomes)))
    return becomes.join(text.split(was)[: most + 1])[:LONGEST_TEXT]


@lru_cache(maxsize=512)
def extractor(pattern: str) -> Extractor:
    """Raises ValueError. A pattern without a group with a name is looked for as a whole."""
    return compile_extractor(pattern if "(?P<" in pattern else f"(?P<found>{pattern})")


def _extract(value: Any, pattern: Any) -> str | None:
    try:
        groups = extractor(text_of(pattern)).search(text_of(value))
    except ValueError:
        return None
    return next((text for text in groups.values() if text), None) if groups else None


def _json(value: Any) -> Any:
    try:
        return seen(msgspec.json.decode(text_of(value)))
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def _base64(value: Any) -> str | None:
    try:
        return str(seen(base64.b64decode(text_of(value), validate=False).decode("utf-8", "replace")))
    except (binascii.Error, ValueError):
        return None


def moment(value: Any) -> datetime | None:
    """An ISO 8601 time, or seconds or milliseconds since 1970 as a number or in text."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        digits = value.strip().removeprefix("-").replace(".", "", 1)
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 20):  # noqa: PLR2004 - more are no time
            return shape.time_of(value)
        value = float(value)
    if not isinstance(value, int | float):
        return None
    try:
        seconds = value / 1000 if abs(value) >= _MILLISECONDS_FROM else value
        found = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return found if seconds > 0 and found.year <= _LAST_YEAR else None


def _truncate(value: Any, limit: Any) -> str:
    limit = limit if isinstance(limit, int) and not isinstance(limit, bool) and limit > 0 else 1
    return shape.clean(text_of(value), limit)


def flat(value: Any) -> dict[str, str]:
    """Nested maps and lists as one map of texts: `{"a": {"b": 1}}` is `{"a.b": "1"}`."""
    found: dict[str, str] = {}
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting and len(found) < LARGEST_MAP:
        path, one = waiting.pop()
        if isinstance(one, Mapping):
            inner = itertools.islice(one.items(), LARGEST_MAP)
            waiting.extend(
                reversed([(f"{path}.{name}" if path else str(name), each) for name, each in inner])
            )
        elif isinstance(one, list):
            waiting.extend(
                reversed(
                    [(f"{path}.{n}" if path else str(n), each) for n, each in enumerate(one[:LONGEST_LIST])]
                )
            )
        elif path and text_of(one):
            found[path] = text_of(one)
    return found


def _pairs(values: Any, name: Any = "key", value: Any = "value") -> dict[str, str]:
    """[{"key": "host", "value": "db1"}] as {"host": "db1"}; also "host:db1" and "host=db1"."""
    found: dict[str, str] = {}
    for each in (
        _split(values, ",") if isinstance(values, str) else values if isinstance(values, list) else ()
    )[:LONGEST_LIST]:
        if isinstance(each, Mapping):
            key, said = text_of(each.get(text_of(name))), text_of(each.get(text_of(value)))
        else:
            text = text_of(each)
            cut = min((at for at in (text.find(":"), text.find("=")) if at > 0), default=-1)
            key, said = (text[:cut].strip(), text[cut + 1 :].strip()) if cut > 0 else (text, "true")
        if key and said:
            found.setdefault(key, said)
    return found


def _hash(*values: Any) -> str:
    return hashlib.sha256("\0".join(text_of(value) for value in values).encode()).hexdigest()[:32]


def _either(*values: Any) -> Any:
    return next((value for value in values if value not in (None, "", [], {})), None)


def _number(value: Any) -> float | None:
    try:
        return float(text_of(value))
    except ValueError:
        return None


FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "lower": _lower,
    "upper": _upper,
    "trim": _trim,
    "split": _split,
    "join": _join,
    "replace": _replace,
    "extract": _extract,
    "json": _json,
    "base64": _base64,
    "time": moment,
    "truncate": _truncate,
    "flatten": flat,
    "pairs": _pairs,
    "hash": _hash,
    "text": text_of,
    "number": _number,
    "either": _either,
}

# Function, and what to say of it where expressions are written.
HELP: Final[tuple[tuple[str, str], ...]] = (
    ("default(payload.a.b, x)", "what stands there, else x"),
    ("either(a, b, …)", "the first that is not empty"),
    ("lower(x) upper(x) trim(x)", "the text in lower case, in upper case, without blanks around it"),
    ("text(x)", "anything as text; lists and maps as JSON"),
    ("number(x)", "text as a number"),
    ("split(x, ',')", "a list of the parts"),
    ("join(list, ', ')", "the list as one text"),
    ("replace(x, 'a', 'b')", "every a is a b"),
    ("extract(x, '[a-z]+-[0-9]+')", "what the pattern finds first, or its first group (?P<name>…)"),
    ("truncate(x, 100)", "at most so many characters"),
    ("json(x)", "the value that is written as JSON in a text"),
    ("base64(x)", "the text that is written in base64"),
    ("time(x)", "a time from ISO 8601, or from seconds or milliseconds since 1970"),
    ("flatten(x)", "maps within maps as one: a.b.c"),
    ("pairs(list, 'key', 'value')", "a list of names with values, or of “name:value”, as a map"),
    ("hash(x, …)", "32 characters that are the same for the same"),
)
