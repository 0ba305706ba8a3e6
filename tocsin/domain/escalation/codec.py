"""The values as JSON and back, for the rows that keep them. Durations are ISO 8601, instants RFC 3339."""

from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

T = TypeVar("T")


def dump(value: object) -> Any:
    return msgspec.to_builtins(value, enc_hook=_encode)


def load(data: Any, kind: type[T]) -> T:
    """Raise `msgspec.ValidationError` when `data` is not a `kind`."""
    return msgspec.convert(data, kind, dec_hook=_decode)


def _encode(value: Any) -> Any:
    if isinstance(value, ZoneInfo):
        return value.key
    raise NotImplementedError(type(value))


def _decode(kind: type, value: Any) -> Any:
    if kind is ZoneInfo:
        return ZoneInfo(value)
    raise NotImplementedError(kind)
