"""The secret addresses that calendars subscribe to."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from tocsin.apps.oncall import actions
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import attempt, back, signed_in
from tocsin.lib.clock import now


@signed_in
@require_POST
def make(request: HttpRequest, reader: Reader) -> HttpResponse:
    return _done(
        request,
        lambda: actions.make_feed(
            actor=reader.actor, email=reader.email, schedule=forms.text(request.POST, "schedule"), now=now()
        ),
        "The address is made. Copy it into your calendar.",
    )


@signed_in
@require_POST
def renew(request: HttpRequest, reader: Reader, feed_id: int) -> HttpResponse:
    return _done(
        request,
        lambda: actions.renew_feed(actor=reader.actor, feed_id=feed_id, now=now()),
        "There is a new address; the old one is dead.",
    )


@signed_in
@require_POST
def revoke(request: HttpRequest, reader: Reader, feed_id: int) -> HttpResponse:
    return _done(
        request,
        lambda: actions.revoke_feed(actor=reader.actor, feed_id=feed_id, now=now()),
        "The address is dead.",
    )


def _done(request: HttpRequest, deed: Callable[[], object], said: str) -> HttpResponse:
    attempt(request, deed, said)
    return back(request, f"{reverse('my_oncall')}#feeds")
