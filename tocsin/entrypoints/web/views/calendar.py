"""`/calendar/<token>.ics`: what calendar programs subscribe to. No login: the address is the key."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from tocsin.apps.oncall import feeding
from tocsin.apps.oncall.feeding import Dead
from tocsin.lib import clock
from tocsin.lib.ratelimit import Buckets

# Calendar programs ask every few minutes to hours; a person tries a few times.
_READERS = Buckets(rate=0.5, burst=30)
_MAX_AGE_S = 300


@require_safe
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """`?gaps=1`: with an event wherever nobody is on call."""
    now = clock.now()
    found = feeding.opened(token, now)
    if isinstance(found, Dead):
        return _said(found.why, found.status)
    if wait := _READERS.take(str(found.pk), clock.monotonic()):
        answer = _said("This calendar is read too often.", 429)
        answer.headers["Retry-After"] = str(int(wait) + 1)
        return answer
    known = request.headers.get("If-None-Match", "").removeprefix("W/").strip('"')
    served = feeding.serve(found, tag=known, gaps=request.GET.get("gaps") == "1", now=now)
    if served.body is None:
        answer = HttpResponse(status=304)
    else:
        answer = HttpResponse(served.body, content_type="text/calendar; charset=utf-8")
        answer.headers["Content-Disposition"] = 'inline; filename="on-call.ics"'
    answer.headers["ETag"] = f'"{served.tag}"'
    answer.headers["Cache-Control"] = f"private, max-age={_MAX_AGE_S}"
    return _unlisted(answer)


def _said(text: str, status: int) -> HttpResponse:
    answer = HttpResponse(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")
    answer.headers["Cache-Control"] = "no-store"
    return _unlisted(answer)


def _unlisted(answer: HttpResponse) -> HttpResponse:
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer
