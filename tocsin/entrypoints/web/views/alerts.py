from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tocsin.apps.alerts import queries
from tocsin.apps.alerts.types import AlertFilter
from tocsin.domain.errors import NotFound
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import signed_in

_TABS = {"firing": "firing", "resolved": "resolved", "all": ""}


@signed_in
@require_GET
def index(request: HttpRequest, reader: Reader) -> HttpResponse:
    tab = request.GET.get("status", "firing")
    tab = tab if tab in _TABS else "firing"
    filters = AlertFilter(
        status=_TABS[tab],
        integration=forms.text(request.GET, "integration"),
        service=forms.text(request.GET, "service"),
        search=forms.text(request.GET, "q"),
    )
    found = queries.alerts(actor=reader.actor, filters=filters, cursor=request.GET.get("cursor"))
    context = {"rows": found.items, "next_cursor": found.next_cursor, "status": tab}
    return render(request, "alerts/index.html", context)


@signed_in
@require_GET
def show(request: HttpRequest, reader: Reader, alert_id: int) -> HttpResponse:
    alert = queries.alert(alert_id, actor=reader.actor)
    if alert is None:
        raise NotFound("alert", alert_id)
    return render(request, "alerts/show.html", {"alert": alert})
