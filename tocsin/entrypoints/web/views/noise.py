"""What calls people for nothing, and what to do about it."""

from datetime import timedelta
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tocsin.apps.catalog import queries as catalog
from tocsin.apps.incidents import noise
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import signed_in
from tocsin.lib.clock import now

DAYS: Final = (7, 28, 90)


@signed_in
@require_GET
def index(request: HttpRequest, reader: Reader) -> HttpResponse:
    asked = forms.text(request.GET, "days")
    days = int(asked) if asked in {str(each) for each in DAYS} else DAYS[0]
    service, until = forms.text(request.GET, "service"), now()
    found = noise.report(actor=reader.actor, since=until - timedelta(days=days), until=until, service=service)
    context = {
        "report": found,
        "days": days,
        "choices": DAYS,
        "service": service,
        "services": catalog.services(),
        "most": max((row.noisy.pages for row in found.rows), default=0),
    }
    return render(request, "alerts/noise.html", context)
