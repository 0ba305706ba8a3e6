"""From outsiders' text to values: errors that name the field, and text that every store can hold."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import msgspec

from tocsin.domain.errors import FieldError, Invalid

T = TypeVar("T")

Scalar = str | int | float | bool | None

MAX_DEDUP_KEY: Final = 512
MAX_LABELS: Final = 200
MAX_LABEL: Final = 2048
MAX_DEPTH: Final = 32
_WHERE: Final = re.compile(r"(?P<what>.*?) - at `(?:key in )?\$(?P<path>[^`]*)`", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(?P<name>[^`]+)`")
_FRACTION: Final = re.compile(r"(\.\d{6})\d+")


def read(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Raises `Invalid` with the field's path: `alerts[0].status`, or `body` for all of it."""
    try:
        # Slices kept raw are not looked into by the decoder; what is stored must be text all the same.
        body.decode()
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Invalid(_field_error(str(error))) from None
    except UnicodeDecodeError as error:
        raise Invalid(FieldError("body", f"is not UTF-8 text (byte {error.start})")) from None
    except (msgspec.DecodeError, ValueError) as error:
        detail = str(error).removeprefix("JSON is malformed: ")
        raise Invalid(FieldError("body", f"is not JSON: {detail}")) from None
    except RecursionError:
        raise Invalid(FieldError("body", "is nested too deeply")) from None


def _field_error(text: str) -> FieldError:
    located = _WHERE.fullmatch(text)
    what, path = (located["what"], located["path"]) if located else (text, "")
    missing = _MISSING.fullmatch(what)
    if missing:
        return FieldError(f"{path}.{missing['name']}".lstrip("."), "is required")
    field = path.replace("[...]", "").lstrip(".") or "body"
    return FieldError(field, what[:1].lower() + what[1:])


def check_dedup_key(key: str, field: str) -> str:
    """Raises `Invalid`: an empty key, one too long or one with NUL in it cannot be stored and found again."""
    if not key:
        raise Invalid(FieldError(field, "must not be empty"))
    if len(key) > MAX_DEDUP_KEY:
        raise Invalid(FieldError(field, f"has {len(key)} characters; at most {MAX_DEDUP_KEY} are allowed"))
    if "\0" in key:
        raise Invalid(FieldError(field, "must not contain NUL"))
    return key


def clean(text: str, limit: int) -> str:
    """At most `limit` characters, without NUL, which PostgreSQL cannot hold; shortened text ends in “…”."""
    if "\0" in text:
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text if len(text) <= limit else text[: limit - 1] + "…"


def storable(value: Any, depth: int = MAX_DEPTH) -> Any:
    """JSON as PostgreSQL can hold it: without NUL, and cut where it is nested too deeply to be of use."""
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if "\0" in value else value
    if not isinstance(value, dict | list):
        return value
    if depth == 0:
        return "…"
    if isinstance(value, list):
        return [storable(inner, depth - 1) for inner in value]
    return {storable(name): storable(inner, depth - 1) for name, inner in value.items()}


def labels_of(raw: Mapping[str, Scalar]) -> dict[str, str]:
    """Flat strings, the first `MAX_LABELS` of them; absent and empty values are no label, as in
    Alertmanager.
    """
    labels: dict[str, str] = {}
    for name, value in raw.items():
        text = _text(value)
        if text:
            labels[clean(name, 255)] = clean(text, MAX_LABEL)
            if len(labels) == MAX_LABELS:
                break
    return labels


def _text(value: Scalar) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def time_of(text: str | None) -> datetime | None:
    """An ISO 8601 time as an aware UTC datetime; None for what is absent, unreadable, or the year 1 that
    means "unset".

    A time is never a reason to lose an alert. Nanoseconds are cut, `+0000` is read, no zone means UTC.
    """
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(_FRACTION.sub(r"\1", text.strip()))
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if 1970 <= moment.year <= 9000 else None  # noqa: PLR2004 - years that every store can hold
