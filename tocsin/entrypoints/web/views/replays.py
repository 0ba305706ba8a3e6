"""A past period through edited routes: which incidents and pages would differ. Nothing is saved."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from tocsin.apps.configuration import replays
from tocsin.apps.integrations import queries
from tocsin.domain.errors import FieldError, Invalid, TocsinError
from tocsin.domain.permissions import Permission, can
from tocsin.domain.simulation import Incident
from tocsin.entrypoints.web import forms, routetree
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import signed_in
from tocsin.lib.clock import now

_SHOWN: Final = 30
_USUAL: Final = timedelta(days=7)
_FIELD: Final = "%Y-%m-%dT%H:%M"  # of a datetime-local


@signed_in
@require_http_methods(["GET", "POST"])
def index(request: HttpRequest, reader: Reader) -> HttpResponse:
    """POST plays it: the routes are too long for an address, and reading them changes nothing."""
    at = now()
    context: dict[str, Any] = {
        "text": request.POST.get("text", routetree.whole_text(queries.routes())),
        "since": request.POST.get("since") or _local(at - _USUAL),
        "until": request.POST.get("until") or _local(at),
        "longest": replays.LONGEST.days,
        "may_save": can(reader.actor, Permission.CONFIGURE) and not queries.routes_from_file(),
    }
    if request.method == "POST":
        try:
            context |= _played(request, reader, at)
        except TocsinError as error:
            context["error"] = routetree.said(error)
    return render(request, "routing/replay.html", context, status=422 if "error" in context else 200)


def _played(request: HttpRequest, reader: Reader, at: datetime) -> dict[str, Any]:
    routes = routetree.read_text(request.POST.get("text", ""))
    # From the editor no period is sent: the usual one.
    since = forms.local_time(request.POST, "since") or at - _USUAL
    until = forms.local_time(request.POST, "until") or at
    if since >= at:
        raise Invalid(FieldError("since", "lies ahead: a replay needs a period that is past."))
    played = replays.replay(actor=reader.actor, routes=routes, since=since, until=until)
    found = played.found

    def said(one: Incident) -> str:
        return played.summaries.get(one.dedup_key) or one.dedup_key

    return {
        "played": played,
        "found": found,
        "unchanged": routes == queries.routes(),
        "lists": [
            (title, [(one, said(one)) for one in rows[:_SHOWN]], len(rows))
            for title, rows in (
                ("No longer opened", found.only_before),
                ("Opened instead or besides", found.only_after),
            )
        ],
        "changed": [(one, said(one.before)) for one in found.changed[:_SHOWN]],
        "shown": _SHOWN,
    }


def _local(at: datetime) -> str:
    return timezone.localtime(at).strftime(_FIELD)
