"""A strict Content-Security-Policy with a nonce for each answer."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from tocsin.lib.ids import token

_POLICY = (
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
)


def policy(nonce: str, form_origins: tuple[str, ...] = ()) -> str:
    script = f"script-src 'self' 'nonce-{nonce}'"
    form = " ".join(("form-action 'self'", *form_origins))
    return "; ".join((*_POLICY, script, form))


class Middleware:
    """Sets `request.csp_nonce` and the header; an answer that brings its own policy keeps it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._next = get_response
        # Browsers apply form-action to redirects after a form too, as when signing in elsewhere.
        providers = settings.SOCIALACCOUNT_PROVIDERS.values()
        elsewhere = any(provider.get("APPS") for provider in providers)
        self._form_origins = ("https:",) if elsewhere else ()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        nonce = token(16)
        request.csp_nonce = nonce  # type: ignore[attr-defined]  # read by the templates
        response = self._next(request)
        response.headers.setdefault("Content-Security-Policy", policy(nonce, self._form_origins))
        response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        return response
