"""Who asks: a token in the Authorization header, or the session of a person who is logged in."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.middleware.csrf import CsrfViewMiddleware
from ninja.errors import HttpError
from ninja.security import APIKeyCookie, HttpBearer

from tocsin.apps.identity import queries
from tocsin.domain.permissions import Actor

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def identify(request: HttpRequest, now: datetime) -> Actor | None:
    """None when nobody says who they are, or nobody is by that name.

    A request that brings an Authorization header is never taken for the session's.
    """
    header = request.headers.get("Authorization")
    if header is not None:
        scheme, _, raw = header.partition(" ")
        return queries.authenticate_token(raw.strip(), now) if scheme.lower() == "bearer" else None
    user = request.user
    if not user.is_authenticated:
        return None
    # A browser sends the cookie on its own, so the page must prove that it asked.
    if request.method not in _SAFE and not _asked_by_our_page(request):
        raise HttpError(403, "The X-CSRFToken header is missing or wrong.")
    return queries.actor_for(user.pk)


class _Csrf(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> HttpResponseForbidden:  # noqa: ARG002 - Django's shape
        return HttpResponseForbidden(reason)  # Django would render a page


def _asked_by_our_page(request: HttpRequest) -> bool:
    check = _Csrf(lambda _: HttpResponseForbidden())
    # The middleware let the request pass, because the API's views check for themselves.
    request.csrf_processing_done = False  # type: ignore[attr-defined]  # Django's own mark
    check.process_request(request)
    return check.process_view(request, HttpResponse, (), {}) is None


class Token(HttpBearer):
    """`Authorization: Bearer <token>`"""

    def __call__(self, request: HttpRequest) -> Actor | None:
        return getattr(request, "actor", None)

    def authenticate(self, request: HttpRequest, token: str) -> Actor | None:  # noqa: ARG002 - ninja's shape
        return getattr(request, "actor", None)


class Session(APIKeyCookie):
    """The session cookie of a person who is logged in; writing needs the X-CSRFToken header too."""

    param_name = "sessionid"

    def __init__(self) -> None:
        super().__init__(csrf=False)  # `identify` checks it, for the whole request

    def authenticate(self, request: HttpRequest, key: str | None) -> Actor | None:  # noqa: ARG002 - same
        return getattr(request, "actor", None)
