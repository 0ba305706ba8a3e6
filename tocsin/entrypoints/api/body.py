"""Reading a JSON body: what could not be kept in the database is refused before anything looks at it."""

import json
from typing import Any

from django.http import HttpRequest
from ninja.errors import HttpError
from ninja.parser import Parser

_DEEPEST = 32


class Json(Parser):
    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        kind = request.content_type or ""
        if kind not in {"application/json", ""} and not kind.endswith("+json"):
            raise HttpError(415, "Send JSON, with Content-Type: application/json.")
        try:
            value: dict[str, Any] = json.loads(request.body, parse_constant=_no_constant)
        except RecursionError:
            raise HttpError(400, "The body is nested too deeply.") from None
        except ValueError as error:
            raise HttpError(400, f"The body is not JSON: {error}.") from None
        _check(value, 0)
        return value


def _check(value: object, depth: int) -> None:
    if depth > _DEEPEST:
        raise HttpError(400, f"The body is nested more than {_DEEPEST} levels deep.")
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_text(key)
            _check(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check(inner, depth + 1)


def _check_text(text: str) -> None:
    # PostgreSQL keeps neither; a lone surrogate is no character at all.
    if "\x00" in text or not _encodable(text):
        raise HttpError(400, "A text in the body holds a NUL or half of a surrogate pair.")


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _no_constant(name: str) -> None:
    message = f"{name} is not a number in JSON"
    raise ValueError(message)
