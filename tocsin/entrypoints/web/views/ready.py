"""`/ready/<token>`: the button in the test page before a shift. No login; GET shows, only POST confirms."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from tocsin.apps.oncall import actions, readiness
from tocsin.domain.errors import TocsinError
from tocsin.entrypoints.web.reader import zone
from tocsin.entrypoints.web.views.link import guarded
from tocsin.lib.clock import now


# Exempt: the unguessable link is the proof, and mail programs that block cookies must work at night too.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, token: str) -> HttpResponse:
    target = readiness.open(token, now())
    if target is None:
        why = "It is damaged, the shift is over, or somebody else has it now."
        return guarded(render(request, "link/dead.html", {"why": why}, status=410))
    asked, problem, said = target.readiness, "", False
    if request.method == "POST":
        try:
            asked = actions.confirm_readiness(actor=target.actor, readiness_id=asked.id, now=now())
            said = True
        except TocsinError as error:
            problem = str(error)
    context = {"asked": asked, "person_name": target.person, "problem": problem, "said": said}
    with timezone.override(zone(target.zone)):
        return guarded(render(request, "link/ready.html", context, status=409 if problem else 200))
