"""The reader's time zone for each request, and the product's errors as pages."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from tocsin.domain.errors import TocsinError
from tocsin.entrypoints.web.reader import reader, zone
from tocsin.entrypoints.web.views import errors

_OTHERS = ("/api/", "/pagerduty/", "/opsgenie/", "/ingest/")

Next = Callable[[HttpRequest], HttpResponse]


class ReaderZone:
    def __init__(self, get_response: Next) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(_OTHERS):
            return self._next(request)
        known = reader(request)
        with timezone.override(zone(known.timezone if known else "")):
            return self._next(request)


class DomainErrors:
    def __init__(self, get_response: Next) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._next(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, TocsinError) and not request.path.startswith(_OTHERS):
            return errors.from_domain(request, error)
        return None
