"""`/wall/`: a team's screen. A session opens it, or a display link: signed, read-only, and over once the
token behind it is revoked in the settings.
"""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from tocsin.apps.catalog import queries as catalog
from tocsin.apps.identity import actions as identity_actions
from tocsin.apps.identity import queries as identity
from tocsin.apps.incidents import storms
from tocsin.domain.permissions import Actor, Permission, Role, can
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views import wallboard
from tocsin.entrypoints.web.views.common import names, private, signed_in
from tocsin.entrypoints.web.views.link import guarded
from tocsin.lib import signing
from tocsin.lib.clock import now

PURPOSE = "wall"
_TICKET_LIVES = timedelta(seconds=60)


@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """A screen whose session ended keeps what it shows, and says that it is old: no form takes its place."""
    if request.headers.get("X-Live") and not request.user.is_authenticated:
        return HttpResponse(status=204)
    return _signed_in(request)


@signed_in
def _signed_in(request: HttpRequest, reader: Reader) -> HttpResponse:
    may_link = can(reader.actor, Permission.MANAGE_TOKENS)
    return render(request, "wall/show.html", _context(request, reader.actor) | {"may_link": may_link})


@require_GET
def display(request: HttpRequest, token: str) -> HttpResponse:
    actor = _bearer(token)
    if actor is None:
        if request.headers.get("X-Live"):
            return HttpResponse(status=204)
        return guarded(render(request, "wall/dead.html", status=410))
    context = _context(request, actor) | {"ticket": reverse("wall_ticket", args=[token]), "token": token}
    return guarded(render(request, "wall/show.html", context))


@require_GET
def ticket(request: HttpRequest, token: str) -> HttpResponse:  # noqa: ARG001  (a view takes it)
    """What lets a display in to the live stream."""
    actor = _bearer(token)
    if actor is None:
        return JsonResponse({"detail": "This link is no longer valid."}, status=401)
    signed = signing.sign("live", actor.label, now() + _TICKET_LIVES)
    return private(JsonResponse({"ticket": signed}))


@signed_in
@require_POST
def link(request: HttpRequest, reader: Reader) -> HttpResponse:
    """Makes a display link. Its token's own secret is shown to nobody: it opens the wall and nothing else."""
    label = forms.text(request.POST, "name") or "screen"
    made, _ = identity_actions.create_token(
        actor=reader.actor, name=f"Wall: {label}"[:128], role=Role.OBSERVER, now=now()
    )
    address = reverse("wall_display", args=[signing.sign(PURPOSE, {"token": made.id})])
    query = request.META.get("QUERY_STRING", "")
    shown = request.build_absolute_uri(f"{address}?{query}" if query else address)
    here = reverse("wall")
    context = _context(request, reader.actor) | {"may_link": True, "made": shown}
    context["live_url"] = f"{here}?{query}" if query else here
    return private(render(request, "wall/show.html", context))


def _bearer(token: str) -> Actor | None:
    at = now()
    try:
        payload = signing.verify(PURPOSE, token, at)
    except signing.BadSignature:
        return None
    return identity.token_actor(int(payload["token"]), at)


def _context(request: HttpRequest, actor: Actor) -> dict[str, object]:
    team, service = forms.text(request.GET, "team"), forms.text(request.GET, "service")
    called = names()
    light = request.GET.get("theme") == "light"
    return {
        "board": wallboard.board(actor=actor, team=team, service=service, names=called, at=now()),
        "storm": storms.current(),
        "team": team,
        "service": service,
        "names": called,
        "theme": "light" if light else "dark",
        "live_url": request.get_full_path(),
        "teams": [each.name for each in identity.teams()],
        "services": [each.name for each in catalog.services()],
    }
