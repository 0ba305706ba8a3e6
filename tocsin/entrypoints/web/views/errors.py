"""Error pages: what happened, in plain words, and where to go from here."""

import sys

from django.db import OperationalError as DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from psycopg_pool import PoolTimeout

from tocsin.domain.errors import Conflict, Invalid, NotFound, PermissionDenied, TocsinError

_TITLES = {
    400: "That request made no sense",
    403: "Not yours to do",
    404: "Nothing here",
    409: "Not possible from here",
    422: "Something is missing",
    500: "Something broke on our side",
    503: "Not ready yet",
}
_AWAY = "The database does not answer. Events that come in now are refused, and their senders try again."
_BROKEN = "Paging runs in processes of its own and goes on. The error was logged."
_GONE = "The page you followed is gone, or never was. Links from mails end when the incident ends."
_FORM_TOO_OLD = "This form was open for too long, or cookies are blocked. Go back, reload, and send it again."


def answer(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    context = {"status": status, "title": _TITLES[status], "detail": detail}
    return render(request, "errors/error.html", context, status=status)


def from_domain(request: HttpRequest, error: TocsinError) -> HttpResponse:
    match error:
        case NotFound():
            status = 404
        case PermissionDenied():
            status = 403
        case Conflict():
            status = 409
        case Invalid():
            status = 422
        case _:
            status = 400
    return answer(request, status, str(error))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  (Django's signature)
    return answer(request, 400, "The page was asked for in a way we do not understand.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 403, str(exception) or "Your role does not allow this.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  (Django's signature)
    return answer(
        request,
        404,
        _GONE,
    )


def server_error(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  (Django's signature)
    """Rendered without context processors: what broke may be the database they read."""
    away = isinstance(sys.exc_info()[1], DatabaseError | PoolTimeout)
    status, detail = (503, _AWAY) if away else (500, _BROKEN)
    body = {"status": status, "title": _TITLES[status], "detail": detail}
    response = render(None, "errors/error.html", body, status=status)  # None: no context processors
    if away:
        response.headers["Retry-After"] = "5"
    return response


def csrf(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001  (Django's signature)
    return answer(
        request,
        403,
        _FORM_TOO_OLD,
    )
