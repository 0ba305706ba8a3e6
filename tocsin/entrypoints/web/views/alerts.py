from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tocsin.apps.alerts import listing, queries
from tocsin.apps.alerts.types import AlertFilter, AlertInfo, Facet
from tocsin.apps.audit.types import Slice
from tocsin.apps.integrations import queries as integrations
from tocsin.domain.errors import Invalid, NotFound
from tocsin.domain.permissions import Permission, can
from tocsin.domain.routing import Matcher, Op
from tocsin.domain.severity import Severity
from tocsin.entrypoints.web import forms, quiet
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import signed_in

_TABS = {"firing": "firing", "resolved": "resolved", "all": ""}
_MOST_MATCHERS = 10
_NOTHING: Slice[AlertInfo] = Slice((), None)


@signed_in
@require_GET
def index(request: HttpRequest, reader: Reader) -> HttpResponse:
    filters = _filters(request.GET)
    problem, found = "", _NOTHING
    try:
        found = queries.alerts(actor=reader.actor, filters=filters, cursor=request.GET.get("cursor") or None)
    except Invalid as error:
        problem = "; ".join(each.message for each in error.errors)
    context = {
        "rows": found.items,
        "holds": quiet.holds(found.items),
        "next_cursor": found.next_cursor,
        "status": request.GET.get("status") if request.GET.get("status") in _TABS else "firing",
        "filters": filters,
        "problem": problem,
        "filtered": _narrowed(filters),
        "matchers": [(text, _without(request.GET, text)) for text in filters.match],
        "integrations": integrations.integrations(),
        "severities": [*Severity, "none"],
        "counts": None if problem else listing.counts(actor=reader.actor, filters=filters),
    }
    return render(request, "alerts/index.html", context)


@signed_in
@require_GET
def facets(request: HttpRequest, reader: Reader) -> HttpResponse:
    """Which labels the alerts of the list have, and the values of one of them with counts."""
    filters = _filters(request.GET)
    try:
        names = listing.label_names(actor=reader.actor, filters=filters)
        asked = forms.text(request.GET, "by")
        by = asked or next((name for name in ("alertname", "team", "service", *names) if name in names), "")
        facet = listing.facet(by, actor=reader.actor, filters=filters) if by else None
    except Invalid:
        names, facet = (), None
    context = {
        "names": names,
        "facet": facet,
        "values": _links(request.GET, facet) if facet else (),
        "asked": request.GET.urlencode(),
    }
    return render(request, "alerts/facets.html", context)


@signed_in
@require_GET
def show(request: HttpRequest, reader: Reader, alert_id: int) -> HttpResponse:
    alert = queries.alert(alert_id, actor=reader.actor)
    if alert is None:
        raise NotFound("alert", alert_id)
    context = {
        "alert": alert,
        "holds": quiet.holds([alert]),
        "silence_url": quiet.silence_alert(alert) if can(reader.actor, Permission.RESPOND) else "",
    }
    return render(request, "alerts/show.html", context)


def _filters(given: QueryDict) -> AlertFilter:
    """A matcher may be typed (`add`) or stand in the address (`match`)."""
    tab = given.get("status", "firing")
    texts = [*given.getlist("match"), given.get("add", "")]
    return AlertFilter(
        status=_TABS.get(tab, "firing"),
        integration=forms.text(given, "integration"),
        service=forms.text(given, "service"),
        severity=forms.text(given, "severity"),
        search=forms.text(given, "q"),
        match=tuple(dict.fromkeys(text.strip() for text in texts if text.strip()))[:_MOST_MATCHERS],
        state=forms.text(given, "state"),
    )


def _narrowed(filters: AlertFilter) -> bool:
    asked = (filters.integration, filters.service, filters.severity, filters.search, filters.state)
    return any(asked) or bool(filters.match)


def _links(given: QueryDict, facet: Facet) -> list[tuple[str, int, str]]:
    """Value, number, and the address that narrows the list to it."""
    return [
        (value, number, _address(given, add=str(Matcher(facet.name, Op.EQUAL, value))))
        for value, number in facet.values
    ]


def _without(given: QueryDict, text: str) -> str:
    return _address(given, leave=text)


def _address(given: QueryDict, *, add: str = "", leave: str = "") -> str:
    data = given.copy()
    texts = [each for each in (*given.getlist("match"), given.get("add", ""), add) if each and each != leave]
    for name in ("add", "cursor", "by"):
        data.pop(name, None)
    data.setlist("match", list(dict.fromkeys(texts)))
    return f"?{data.urlencode()}"
