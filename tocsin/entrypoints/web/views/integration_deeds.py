"""What is done to a way in by one button."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from tocsin.apps.integrations import actions, trouble_actions
from tocsin.domain.errors import Conflict, FieldError, Invalid
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import attempt, signed_in
from tocsin.entrypoints.web.views.integration import as_it_is, find
from tocsin.lib.clock import now

_DIGITS: Final = 18  # of a number that the database can hold


@signed_in
@require_POST
def switch(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    wanted = request.POST.get("on") == "yes"
    spec = replace(as_it_is(find(name)), enabled=wanted)

    def turn() -> object:
        return actions.save_integration(actor=reader.actor, spec=spec, now=now())

    attempt(request, turn, "On: it takes events again." if wanted else "Off: what is sent here is refused.")
    return redirect("integration", name)


@signed_in
@require_POST
def delete(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    found = find(name)

    def remove() -> object:
        if found.from_file:
            raise Conflict(f"The integration “{name}” comes from a file; remove it there or unlock it.")
        return actions.delete_integration(actor=reader.actor, name=name, now=now())

    if attempt(request, remove, f"“{name}” is deleted; its address leads nowhere now."):
        return redirect("integrations")
    return redirect("integration", name)


@signed_in
@require_POST
def send_test(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    def send() -> object:
        return actions.send_test_event(actor=reader.actor, name=name, now=now())

    attempt(request, send, "The test event is on its way; it opens an incident as a real one would.")
    return redirect("integration", name)


@signed_in
@require_POST
def rotate(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    """`keep`: for how many hours the old key still opens."""
    keep = request.POST.get("keep", "24")

    def turn() -> object:
        if not keep.isascii() or not keep.isdecimal():
            raise Invalid(FieldError("keep", "expected a number of hours"))
        span = timedelta(hours=int(keep[:5]))
        return actions.rotate_key(actor=reader.actor, name=name, now=now(), keep_for=span)

    attempt(request, turn, "The key is new. Put the new address into the tool now.")
    return redirect("integration", name)


@signed_in
@require_POST
def end_old_key(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    def end() -> object:
        return actions.end_old_key(actor=reader.actor, name=name, now=now())

    attempt(request, end, "The old key is refused from now on.")
    return redirect("integration", name)


@signed_in
@require_POST
def trouble(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    """Try again or discard: an event that was set aside, a sample of what was refused, or all events."""
    event, sample = _number(request, "event"), _number(request, "sample")
    actor, moment, discard = reader.actor, now(), request.POST.get("deed") == "discard"
    deed: Callable[[], object]
    if sample is not None and discard:
        done = "Discarded."
        deed = lambda: trouble_actions.discard_sample(actor=actor, name=name, sample=sample, now=moment)  # noqa: E731
    elif sample is not None:
        done = "It is understood now, and taken in."
        deed = lambda: trouble_actions.retry_sample(actor=actor, name=name, sample=sample, now=moment)  # noqa: E731
    elif event is not None and discard:
        done = "Discarded."
        deed = lambda: trouble_actions.discard_event(actor=actor, name=name, event=event, now=moment)  # noqa: E731
    else:
        done = "It is tried again: if it is still not understood, it stands here again in a moment."
        deed = lambda: trouble_actions.retry_events(actor=actor, name=name, event=event, now=moment)  # noqa: E731
    attempt(request, deed, done)
    return redirect("integration", name)


def _number(request: HttpRequest, field: str) -> int | None:
    text = request.POST.get(field, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else None
