"""What stands beside an incident and is loaded after it: changes before it, and what was like it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tocsin.apps.incidents import preceding, queries
from tocsin.apps.incidents.similar import similar
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import signed_in


@signed_in
@require_GET
def show(request: HttpRequest, reader: Reader, ref: str) -> HttpResponse:
    incident = queries.incident(ref, actor=reader.actor)
    rows = preceding.changes_before(ref)
    began = incident.started_at or incident.declared_at
    context = {
        "incident": incident,
        "changes": [(each, max(began - each.occurred_at, began - began)) for each in rows],
        "similar": similar(ref),
    }
    return render(request, "incidents/surroundings.html", context)
