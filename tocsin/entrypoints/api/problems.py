"""Every error as `application/problem+json` (RFC 9457), with `errors[{field, message}]` for wrong fields."""

import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from django.core.exceptions import BadRequest, RequestDataTooBig
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from ninja.errors import AuthenticationError, HttpError, ValidationError

from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound, PermissionDenied

log = logging.getLogger(__name__)

PLAIN = {"ensure_ascii": False}
CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_S = 5
# Names that say where in the request a field stood, or which argument of ours took it.
_WRAPPERS = frozenset({"body", "query", "path", "header", "form", "filters"})
# What ninja would else answer in its own form.
FORESEEN: tuple[type[Exception], ...] = (HttpError, ValidationError, Http404)
_CROSSED = frozenset({"40001", "40P01"})  # serialization_failure, deadlock_detected
_HINT_401 = "Send “Authorization: Bearer <token>”, or log in."


def problem(
    status: int,
    detail: str,
    errors: Iterable[FieldError] = (),
    *,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> JsonResponse:
    title = HTTPStatus(status).phrase
    listed = [{"field": error.field, "message": error.message} for error in errors]
    body = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "errors": listed,
        **more,
    }
    return JsonResponse(
        body, status=status, content_type=CONTENT_TYPE, headers=headers, json_dumps_params=PLAIN
    )


def of(error: Exception) -> JsonResponse:
    """The answer to an error; one that nobody foresaw is logged and says nothing of itself."""
    for kind, answer in _ANSWERS:
        if isinstance(error, kind):
            return answer(error)
    log.error("request failed", exc_info=error)
    return problem(500, "Something went wrong here. It is in the log.")


def crossed(error: BaseException) -> bool:
    """Whether the database ended a transaction only because of another one: a deadlock, or a lost race."""
    return isinstance(error, OperationalError) and getattr(error.__cause__, "sqlstate", "") in _CROSSED


def unauthorized() -> JsonResponse:
    return problem(401, _HINT_401, headers={"WWW-Authenticate": 'Bearer realm="Tocsin"'})


def too_many(wait_s: float) -> JsonResponse:
    seconds = max(1, int(wait_s + 1))
    return problem(
        429, f"Too many requests; try again in {seconds} s.", headers={"Retry-After": str(seconds)}
    )


def method_not_allowed(allowed: str) -> JsonResponse:
    return problem(405, f"Allowed here: {allowed}.", headers={"Allow": allowed})


def not_found(request: HttpRequest, rest: str = "") -> JsonResponse:  # noqa: ARG001 - a view
    return problem(404, "There is nothing at this address.")


def _invalid(error: Exception) -> JsonResponse:
    assert isinstance(error, Invalid)  # noqa: S101 - for mypy; the table below says so
    return problem(422, str(error), error.errors)


def _validation(error: Exception) -> JsonResponse:
    assert isinstance(error, ValidationError)  # noqa: S101 - same
    errors = [FieldError(_field(found["loc"]), _words(found)) for found in error.errors]
    return problem(422, "; ".join(f"{one.field}: {one.message}" for one in errors[:5]), errors)


def _field(loc: Iterable[object]) -> str:
    parts = [str(part) for part in loc]
    while len(parts) > 1 and parts[0] in _WRAPPERS:
        parts = parts[1:]
    return ".".join(parts)


def _words(found: dict[str, Any]) -> str:
    message = str(found["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _conflict(error: Exception) -> JsonResponse:
    assert isinstance(error, Conflict)  # noqa: S101 - same
    return problem(409, error.detail, allowed=list(error.allowed))


def _http(error: Exception) -> JsonResponse:
    assert isinstance(error, HttpError)  # noqa: S101 - same
    # ninja hides what the parser said of a body behind words of its own.
    error = error.__cause__ if isinstance(error.__cause__, HttpError) else error
    return problem(error.status_code, error.message)


def _taken(error: Exception) -> JsonResponse:
    # Two requests at once: the database kept what the first one's action had checked.
    log.warning("conflict in the database", exc_info=error)
    return problem(409, "This conflicts with what somebody else has just done. Read again.", allowed=[])


def _unfit(error: Exception) -> JsonResponse:
    log.warning("value unfit for the database", exc_info=error)
    return problem(422, "A value is out of the range that can be kept.")


def _away(error: Exception) -> JsonResponse:
    log.warning("database away: %s", error)
    return problem(
        503, "The database does not answer at the moment.", headers={"Retry-After": str(RETRY_AFTER_S)}
    )


_ANSWERS: tuple[
    tuple[type[Exception] | tuple[type[Exception], ...], Callable[[Exception], JsonResponse]], ...
]
_ANSWERS = (
    (Invalid, _invalid),
    (ValidationError, _validation),
    (NotFound, lambda error: problem(404, str(error))),
    (Http404, lambda _: problem(404, "There is nothing at this address.")),
    (Conflict, _conflict),
    (PermissionDenied, lambda error: problem(403, str(error))),
    (AuthenticationError, lambda _: unauthorized()),
    (HttpError, _http),
    (RequestDataTooBig, lambda _: problem(413, "The body is too large.")),
    (BadRequest, lambda error: problem(400, str(error))),
    (IntegrityError, _taken),
    (DataError, _unfit),
    ((OperationalError, InterfaceError), _away),
)
