"""The palette's answers, and the ticket that opens the live stream."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_GET

from tocsin.apps.catalog import queries as catalog
from tocsin.apps.escalation import queries as escalation
from tocsin.apps.identity import queries as identity
from tocsin.apps.incidents import queries as incidents
from tocsin.entrypoints.web.reader import Reader, reader
from tocsin.entrypoints.web.views.common import signed_in
from tocsin.entrypoints.web.views.rota import may_make
from tocsin.lib import signing
from tocsin.lib.clock import now

_EACH = 6
_DEEDS = (
    ("New policy", "policy_new"),
    ("New service", "service_new"),
    ("New heartbeat", "heartbeat_new"),
    ("New schedule", "schedule_new"),
    ("New rotation", "rotation_new"),
)
_TICKET_LIVES = timedelta(seconds=60)


@signed_in
@require_GET
def find(request: HttpRequest, reader: Reader) -> HttpResponse:
    text = request.GET.get("q", "").strip()[:100]
    items: list[dict[str, str]] = []
    if text:
        found = incidents.incidents(actor=reader.actor, search=text, limit=_EACH).items
        items += [
            {
                "title": f"{row.ref} {row.title}",
                "kind": row.severity,
                "url": reverse("incident", args=[row.ref]),
            }
            for row in found
        ]
        items += [
            {"title": service.name, "kind": "Service", "url": reverse("service", args=[service.name])}
            for service in catalog.services(search=text)[:_EACH]
        ]
        named = [each.name for each in escalation.policies() if text.lower() in each.name.lower()]
        items += [
            {"title": name, "kind": "Policy", "url": reverse("policy", args=[name])} for name in named[:_EACH]
        ]
        items += [
            {"title": person.label, "kind": "Person", "url": reverse("person", args=[person.email])}
            for person in identity.people(search=text)[:_EACH]
        ]
        items += [
            {"title": team.name, "kind": "Team", "url": reverse("team", args=[team.name])}
            for team in identity.teams(search=text)[:_EACH]
        ]
        if may_make(reader):
            items += [
                {"title": title, "kind": "Do", "url": reverse(place)}
                for title, place in _DEEDS
                if text.lower() in title.lower()
            ]
    return JsonResponse({"items": items})


@require_GET
def ticket(request: HttpRequest) -> HttpResponse:
    """401 instead of a redirect: it is asked for by script."""
    known = reader(request)
    if known is None:
        return JsonResponse({"detail": "Sign in first."}, status=401)
    signed = signing.sign("live", known.email, now() + _TICKET_LIVES)
    response = JsonResponse({"ticket": signed})
    response.headers["Cache-Control"] = "no-store"
    return response
