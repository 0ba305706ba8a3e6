"""JSON as tools that fill in templates really send it: read strictly first, then as it was probably meant."""

import json
from typing import Any, Final

import msgspec

from tocsin.domain.errors import FieldError, Invalid

_strict: Final = msgspec.json.Decoder()


def read_object(body: bytes) -> dict[str, Any]:
    """One JSON object. Raw control characters inside strings (a message of several lines that was pasted into
    a template) are read as they stand. Raises `Invalid`.
    """
    given = read_any(body)
    if not isinstance(given, dict):
        raise Invalid(FieldError("body", "is not a JSON object"))
    return given


def read_any(body: bytes) -> Any:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(FieldError("body", f"is not UTF-8 text (byte {error.start})")) from None
    try:
        return _strict.decode(text)
    except RecursionError:
        raise Invalid(FieldError("body", "is nested too deeply")) from None
    except (msgspec.DecodeError, ValueError) as error:
        return _loosely(text, str(error).removeprefix("JSON is malformed: "))


def _loosely(text: str, complaint: str) -> Any:
    try:
        given = json.loads(text, strict=False, parse_constant=str)
        # Halves of surrogate pairs can be stored nowhere; whole numbers of any length become text here.
        return _strict.decode(json.dumps(given, ensure_ascii=False).encode("utf-8", "replace"))
    except RecursionError:
        raise Invalid(FieldError("body", "is nested too deeply")) from None
    except (msgspec.DecodeError, ValueError):
        raise Invalid(FieldError("body", f"is not JSON: {complaint}")) from None


def text_of(value: Any) -> str:
    """What a field says: text as it is, numbers as text, everything else nothing."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return str(value)


def part(value: Any, *path: str) -> Any:
    """The value at that path of objects; None where there is none."""
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def text_at(value: Any, *path: str) -> str:
    return text_of(part(value, *path))
