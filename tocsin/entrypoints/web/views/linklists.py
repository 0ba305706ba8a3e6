"""`/a/all/<token>` and `/a/following/<token>`: what the wider links in messages open. No login; GET shows,
only POST acts.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from tocsin.apps.incidents import actions, following, links
from tocsin.apps.incidents.following import Of
from tocsin.apps.incidents.links import AllTarget, DeadTarget, FollowingTarget
from tocsin.domain.errors import TocsinError
from tocsin.entrypoints.web.views.common import names
from tocsin.entrypoints.web.views.link import guarded
from tocsin.lib.clock import now


# Exempt: the unguessable link is the proof, and mail programs that block cookies must work at night too.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def everything(request: HttpRequest, token: str) -> HttpResponse:
    """Acknowledge exactly what one message listed."""
    target = links.open_all(token, now())
    if isinstance(target, DeadTarget):
        return _dead(request, target)
    answered = None
    if request.method == "POST":
        ids = [row.id for row in target.incidents]
        answered = actions.acknowledge_all(actor=target.actor, incident_ids=ids, now=now())
    return guarded(render(request, "link/all.html", _listed(target, answered)))


def _listed(target: AllTarget, answered: tuple[actions.Answered, ...] | None) -> dict[str, object]:
    problems = {each.incident.ref: each.problem for each in answered or ()}
    rows = [each.incident for each in answered] if answered is not None else target.incidents
    waiting = [row for row in rows if row.is_open and row.acknowledged_at is None]
    return {
        "rows": rows,
        "waiting": waiting,
        "acted": answered is not None,
        "mine": sum(each.mine for each in answered or ()),
        "noted": {each.incident.ref: each.noted for each in answered or () if each.noted},
        "problems": problems,
        "names": names(),
        "me": target.actor.email,
        "person_name": target.person,
    }


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def followed(request: HttpRequest, token: str) -> HttpResponse:
    """What a person follows, and a way out of each."""
    target = links.open_following(token, now())
    if isinstance(target, DeadTarget):
        return _dead(request, target)
    said, problem = "", ""
    if request.method == "POST":
        # A mail program's own "unsubscribe" says only this (RFC 8058).
        one_click = request.POST.get("List-Unsubscribe") == "One-Click"
        of = "everything" if one_click else request.POST.get("of", "")
        try:
            said = _end(target, of, request.POST.get("name", ""))
        except (TocsinError, ValueError) as error:
            problem = str(error)
    context = {
        "rows": following.following(target.actor.email or "", actor=target.actor),
        "person_name": target.person,
        "said": said,
        "problem": problem,
    }
    return guarded(render(request, "link/following.html", context, status=409 if problem else 200))


def _end(target: FollowingTarget, of: str, name: str) -> str:
    rows = following.following(target.actor.email or "", actor=target.actor)
    chosen = rows if of == "everything" else [row for row in rows if (row.of, row.name) == (of, name)]
    for row in chosen:
        actions.unfollow(actor=target.actor, of=Of(row.of), name=row.name, now=now())
    ended = "everything" if of == "everything" else name
    return f"You get no more updates of {ended}." if chosen else "You did not follow that any more."


def _dead(request: HttpRequest, target: DeadTarget) -> HttpResponse:
    return guarded(render(request, "link/dead.html", {"why": target.why, "ref": target.ref}, status=410))
