"""Whom paging really used."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tocsin.apps.incidents import queries as incidents
from tocsin.apps.oncall import queries
from tocsin.domain.errors import NotFound
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import PORTION, names, signed_in
from tocsin.lib.clock import now

_RECENT = timedelta(days=28)
_SHOWN = 20


@signed_in
@require_GET
def show(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:  # noqa: ARG001  (the door's signature)
    info = queries.schedule(name)
    if info is None:
        raise NotFound("schedule", name)
    found = queries.uses(
        schedule=name,
        email=forms.text(request.GET, "person").lower() or None,
        start=forms.local_time(request.GET, "since"),
        end=forms.local_time(request.GET, "until"),
        cursor=request.GET.get("cursor") or None,
        limit=PORTION,
    )
    context = {
        "schedule": info,
        "uses": found.items,
        "next_cursor": found.next_cursor,
        "refs": incidents.refs(use.incident_id for use in found.items),
        "readiness": queries.readiness(schedule=name, since=now() - _RECENT)[:_SHOWN],
        "people": info.people,
        "names": names(),
    }
    return render(request, "duty/history.html", context)
