"""`/a/<token>`: what the buttons in a mail open. No login; GET shows, only POST acts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from tocsin.apps.incidents import actions, links
from tocsin.apps.incidents.links import DeadTarget, LinkTarget
from tocsin.apps.incidents.types import IncidentDetail
from tocsin.domain.errors import TocsinError
from tocsin.domain.permissions import Actor
from tocsin.entrypoints.web.views.common import claimed, holder
from tocsin.lib.clock import now


@dataclass(frozen=True)
class Button:
    name: str
    label: str
    icon: str
    variant: str = ""
    ask: str = ""  # what else may be said with it


_ACKNOWLEDGE = Button("acknowledge", "Acknowledge", "check")
_RESPOND = Button("respond", "I am responding", "hand")
_TAKE_OVER = Button("take_over", "Take it over", "hand")
_SEEN = Button("seen", "Seen", "eye")
_RESOLVE = Button("resolve", "Resolve", "check-check", "good")
_ESCALATE = Button("escalate", "Escalate to the next step", "arrow-up", "outline")
_ACCEPT = Button("accept", "Accept: I am coming", "hand")
_DECLINE = Button("decline", "Decline: I cannot", "circle-x", "outline", "Why? Whoever asked reads this.")

# A link does what it says. Whose acknowledgement turns out not to count may still respond.
_BUTTONS: Mapping[str, tuple[Button, ...]] = {
    "acknowledge": (_ACKNOWLEDGE, _RESPOND),
    "respond": (_RESPOND,),
    "seen": (_SEEN,),
    "resolve": (_RESOLVE,),
    "escalate": (_ESCALATE,),
    "accept": (_ACCEPT, _DECLINE),
    "decline": (_DECLINE, _ACCEPT),
}

# What answers an incident, and so has nothing to claim once somebody else has it.
_ANSWERS = frozenset({"acknowledge", "respond", "take_over"})

Deed = Callable[[Actor, str, str], IncidentDetail]  # with what they say to it
_DEEDS: Mapping[str, tuple[Deed, str]] = {
    "acknowledge": (
        lambda actor, ref, _: actions.acknowledge(actor=actor, ref=ref, now=now()),
        "It is yours. Nobody else is called.",
    ),
    "respond": (
        lambda actor, ref, _: actions.respond(actor=actor, ref=ref, now=now()),
        "You are responding. Nobody else is called.",
    ),
    "take_over": (
        lambda actor, ref, _: actions.take_over(actor=actor, ref=ref, now=now()),
        "It is yours now. Nobody is called.",
    ),
    "seen": (
        lambda actor, ref, _: actions.seen(actor=actor, ref=ref, now=now()),
        "Noted. You hear no more of this; the responders are still called.",
    ),
    "resolve": (lambda actor, ref, _: actions.resolve(actor=actor, ref=ref, now=now()), "Resolved."),
    "escalate": (
        lambda actor, ref, _: actions.escalate(actor=actor, ref=ref, now=now()),
        "The next step is called now.",
    ),
    "accept": (
        lambda actor, ref, said: actions.accept_help(actor=actor, ref=ref, reason=said, now=now()),
        "You are helping. Nobody else is called to help.",
    ),
    "decline": (
        lambda actor, ref, said: actions.decline_help(actor=actor, ref=ref, reason=said, now=now()),
        "Noted. You hear no more of this call; whoever asked is told, and the next one is called.",
    ),
}


# Exempt: the unguessable link is the proof, and mail programs that block cookies must work at night too.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, token: str) -> HttpResponse:
    target = links.open(token, now())
    if isinstance(target, DeadTarget):
        return guarded(render(request, "link/dead.html", {"why": target.why, "ref": target.ref}, status=410))
    if request.method != "POST":
        return _page(request, target, target.incident)
    wanted = request.POST.get("do", target.action)
    if wanted not in {button.name for button in (*buttons(target), *takeover(target))}:
        return _page(request, target, target.incident, problem="This link cannot do that.")
    run, done = _DEEDS[wanted]
    try:
        incident = run(target.actor, target.incident.ref, request.POST.get("reason", ""))
    except TocsinError as error:
        return _page(request, target, target.incident, problem=str(error))
    if wanted in _ANSWERS:
        done = claimed(incident, target.actor.email or "", done)
    elif wanted == "accept":
        done = claimed(incident, target.actor.email or "", done) or "Somebody else was faster and helps."
    return _page(request, target, incident, said=done)


def buttons(target: LinkTarget) -> tuple[Button, ...]:
    if target.action != "view":
        return _BUTTONS.get(target.action, ())
    if target.incident.my_role == "target":
        return (_ACKNOWLEDGE,)
    return (_SEEN,) if target.incident.my_role == "stakeholder" else (_RESPOND,)


def takeover(target: LinkTarget) -> tuple[Button, ...]:
    """For a link that answers, of somebody who is called to; the told only look on."""
    answers = target.action in _ANSWERS or (target.action == "view" and _SEEN not in buttons(target))
    return (_TAKE_OVER,) if answers else ()


def _page(
    request: HttpRequest, target: LinkTarget, incident: IncidentDetail, *, said: str = "", problem: str = ""
) -> HttpResponse:
    mine = incident.acknowledged_by is not None and incident.acknowledged_by == target.actor.email
    offered = buttons(target)
    if incident.noted and not problem and (target.action in _ANSWERS or target.action == "view"):
        said = said or incident.noted
    if incident.acknowledged_at and (target.action in _ANSWERS or target.action == "view"):
        offered = () if mine or said else takeover(target)
    elif said:
        offered = ()
    elif not problem and target.action == "acknowledge":
        offered = offered[:1]
    context = {
        "incident": incident,
        "person_name": target.person,
        "is_open": incident.is_open,
        "deeds": offered,
        "said": said,
        "problem": problem,
        "acknowledger": holder(incident),
        "mine": mine,
        "tell_holder": incident.acknowledged_at is not None and not (mine and said),
    }
    return guarded(render(request, "link/show.html", context, status=409 if problem else 200))


def guarded(response: HttpResponse) -> HttpResponse:
    """The address is the key: it is not kept, not indexed, and not told to the next site."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
