"""Change events: what was deployed or switched, the newest first."""

from datetime import timedelta
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tocsin.apps.alerts import change_queries as queries
from tocsin.apps.catalog import queries as catalog
from tocsin.apps.incidents.preceding import incidents_after
from tocsin.apps.integrations import queries as integrations
from tocsin.domain.errors import Invalid, NotFound
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import portion, signed_in

_MOST: Final = 1000
_WITHIN: Final = {"1h": timedelta(hours=1), "6h": timedelta(hours=6), "24h": timedelta(hours=24)}


@signed_in
@require_GET
def index(request: HttpRequest, reader: Reader) -> HttpResponse:  # noqa: ARG001  (the door's signature)
    asked = request.GET
    search, service, integration = (forms.text(asked, name) for name in ("q", "service", "integration"))
    until, errors = None, {}
    try:
        until = forms.local_time(asked, "until")
    except Invalid as error:
        errors = dict(forms.errors_of(error))
    found = queries.changes(search=search, service=service, integration=integration, until=until, limit=_MOST)
    rows, following = portion(request, found)
    context = {
        "rows": rows,
        "next_cursor": following,
        "more": following is None and len(found) == _MOST,
        "most": _MOST,
        "services": [each.name for each in catalog.services()],
        "integrations": [each.name for each in integrations.integrations()],
        "filtered": bool(search or service or integration or until),
        "errors": errors,
    }
    return render(request, "changes/index.html", context, status=422 if errors else 200)


@signed_in
@require_GET
def show(request: HttpRequest, reader: Reader, number: int) -> HttpResponse:  # noqa: ARG001
    found = queries.change(number)
    if found is None:
        raise NotFound("change", number)
    asked = forms.text(request.GET, "within")
    within = asked if asked in _WITHIN else next(iter(_WITHIN))
    rows = [
        (each, round((each.detected_at - found.occurred_at).total_seconds() / 60))
        for each in incidents_after(found, _WITHIN[within])
    ]
    context = {"one": found, "rows": rows, "within": within, "choices": list(_WITHIN)}
    return render(request, "changes/show.html", context)
