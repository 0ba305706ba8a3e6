"""How long before a shift somebody is told."""

from dataclasses import dataclass
from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from tocsin.apps.oncall import actions, queries
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.time.durations import format_duration, parse_duration
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import attempt, back, signed_in
from tocsin.lib.clock import now


@dataclass(frozen=True)
class NoticeForm:
    """Lengths of time as they are typed: `1d, 1h`."""

    email: str
    on: str
    off: str
    handoff: bool
    moved: bool


def notice_form(email: str) -> NoticeForm:
    found = queries.notices(email)
    return NoticeForm(email, spoken(found.on), spoken(found.off), found.handoff, found.moved)


def spoken(spans: tuple[timedelta, ...]) -> str:
    return ", ".join(format_duration(span) for span in spans)


def spans_of(text: str, field: str) -> tuple[timedelta, ...]:
    """`1d, 1h`, in any order. Raises Invalid that names the field."""
    found = []
    for word in text.replace(",", " ").split():
        try:
            found.append(parse_duration(word))
        except ValueError:
            raise Invalid(
                FieldError(field, f"“{word}”: expected lengths of time, such as “1d, 1h”.")
            ) from None
    return tuple(sorted(set(found), reverse=True))


@signed_in
@require_POST
def save(request: HttpRequest, reader: Reader, email: str) -> HttpResponse:
    def deed() -> object:
        return actions.set_notices(
            actor=reader.actor,
            email=email,
            on=spans_of(request.POST.get("on", ""), "on"),
            off=spans_of(request.POST.get("off", ""), "off"),
            handoff=request.POST.get("handoff") == "yes",
            moved=request.POST.get("moved") == "yes",
            now=now(),
        )

    attempt(request, deed, "The notices are set.")
    return back(request, reverse("person", args=[email]))
