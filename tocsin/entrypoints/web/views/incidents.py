from collections.abc import Callable, Mapping

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from tocsin.apps.catalog import queries as catalog
from tocsin.apps.escalation import queries as escalation
from tocsin.apps.identity import queries as identity
from tocsin.apps.incidents import actions, queries, storms
from tocsin.apps.incidents.types import IncidentDetail
from tocsin.apps.notify import queries as notify
from tocsin.domain.errors import Invalid, TocsinError
from tocsin.domain.lifecycle import Status
from tocsin.domain.permissions import Actor
from tocsin.domain.severity import Severity
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import back, claimed, holder, names, signed_in
from tocsin.lib.clock import now

_FILTERS = ("q", "severity", "status", "service", "team")
_BULK: Mapping[str, Callable[[Actor, str], IncidentDetail]] = {
    "acknowledge": lambda actor, ref: actions.acknowledge(actor=actor, ref=ref, now=now()),
    "respond": lambda actor, ref: actions.respond(actor=actor, ref=ref, now=now()),
    "resolve": lambda actor, ref: actions.resolve(actor=actor, ref=ref, now=now()),
}
_PAST = {"acknowledge": "acknowledged", "respond": "yours to respond to", "resolve": "resolved"}
_TABS = ("open", "mine", "all")


@signed_in
@require_GET
def index(request: HttpRequest, reader: Reader) -> HttpResponse:
    tab = request.GET.get("tab", "open")
    tab = tab if tab in _TABS else "open"
    wanted = {name: forms.text(request.GET, name) or None for name in _FILTERS}
    found = queries.incidents(
        actor=reader.actor,
        status=wanted["status"] or (None if tab == "all" else "open"),
        severity=wanted["severity"],
        service=wanted["service"],
        team=wanted["team"],
        assigned=reader.email if tab == "mine" else None,
        search=wanted["q"] or "",
        cursor=request.GET.get("cursor"),
        limit=50,
    )
    counts = queries.counts()
    context = {
        "rows": found.items,
        "next_cursor": found.next_cursor,
        "tab": tab,
        "filtered": any(wanted.values()) or tab == "mine",
        "known": counts.total,
        "storm": storms.current(),
        "clear_url": reverse("incidents"),
        "all_url": f"{reverse('incidents')}?tab=all",
        "names": names(),
        "severities": list(Severity),
        "statuses": ["triggered", "acknowledged", *Status],
        "services": [service.name for service in catalog.services()],
        "teams": [team.name for team in identity.teams()],
    }
    return render(request, "incidents/index.html", context)


@signed_in
@require_GET
def row(request: HttpRequest, reader: Reader, ref: str) -> HttpResponse:
    context = {"row": queries.row(ref, actor=reader.actor), "names": names()}
    return render(request, "incidents/row.html", context)


@signed_in
@require_GET
def count(request: HttpRequest, reader: Reader) -> HttpResponse:  # noqa: ARG001  (the door's signature)
    return render(request, "parts/opencount.html", {"open_counts": queries.counts()})


@signed_in
@require_POST
def bulk(request: HttpRequest, reader: Reader) -> HttpResponse:
    deed = _BULK.get(request.POST.get("do", ""))
    refs = request.POST.getlist("ref")[:200]
    if deed is None or not refs:
        messages.error(request, "Select at least one incident first.")
        return back(request, reverse("incidents"))
    done: list[str] = []
    for ref in refs:
        try:
            made = deed(reader.actor, ref)
            if made.noted and request.POST["do"] == "acknowledge":
                messages.success(request, f"{ref}: {made.noted}")
            elif request.POST["do"] == "resolve" or claimed(made, reader.email, "done"):
                done.append(ref)
            else:
                messages.error(request, f"{ref}: {holder(made)} has it. You can take it over on its page.")
        except TocsinError as error:
            messages.error(request, f"{ref}: {error}")
    if done:
        past = _PAST[request.POST["do"]]
        messages.success(request, f"{', '.join(done)} {past}.")
    return back(request, reverse("incidents"))


@signed_in
@require_POST
def page_somebody(request: HttpRequest, reader: Reader) -> HttpResponse:
    """Straight to one person or team, past every schedule."""
    made = actions.page(
        actor=reader.actor,
        target=forms.target(request.POST),
        title=forms.text(request.POST, "title", required=True),
        text=forms.text(request.POST, "text"),
        service=forms.text(request.POST, "service") or None,
        urgency=forms.urgency(request.POST),
        now=now(),
    )
    reached, known = notify.deliverable(made.assigned), names()
    called = ", ".join(known.get(email, email) for email in made.assigned if reached.get(email))
    if called:
        messages.success(request, f"{made.ref}: calling {called}.")
    else:
        messages.error(request, f"{made.ref} is open, but nobody can be reached. Its page says why.")
    return redirect("incident", made.ref)


@signed_in
def declare(request: HttpRequest, reader: Reader) -> HttpResponse:
    errors: object = {}
    if request.method == "POST":
        try:
            made = actions.declare(
                actor=reader.actor,
                title=forms.text(request.POST, "title", required=True),
                service=forms.text(request.POST, "service", required=True),
                severity=forms.severity(request.POST),
                summary=forms.text(request.POST, "summary"),
                started_at=forms.local_time(request.POST, "started_at"),
                now=now(),
            )
        except Invalid as error:
            errors = forms.errors_of(error)
        else:
            messages.success(request, f"{made.ref} is declared; calling whoever is on call.")
            return redirect("incident", made.ref)
    context = {
        "errors": errors,
        "values": request.POST or request.GET,
        "services": catalog.services(),
        "table": list(escalation.severity_table().values()),
    }
    return render(request, "incidents/declare.html", context, status=422 if errors else 200)
