from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from tocsin.apps.escalation import queries as escalation
from tocsin.apps.identity import actions
from tocsin.apps.identity import queries as identity
from tocsin.apps.notify import queries as notify
from tocsin.domain.permissions import Permission, Role, can
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import attempt, private, signed_in
from tocsin.entrypoints.web.views.people import role_of
from tocsin.lib.clock import now


@signed_in
@require_GET
def index(request: HttpRequest, reader: Reader) -> HttpResponse:
    return _page(request, reader)


def _page(request: HttpRequest, reader: Reader, raw: str = "", raw_name: str = "") -> HttpResponse:
    may_tokens = can(reader.actor, Permission.MANAGE_TOKENS)
    context = {
        "channels": notify.channels(),
        "workers": notify.workers(now()),
        "table": list(escalation.severity_table().values()),
        "last_resort": escalation.last_resort(),
        "tokens": identity.tokens(actor=reader.actor) if may_tokens else (),
        "roles": list(Role),
        "raw_token": raw,
        "raw_name": raw_name,
    }
    return render(request, "settings/index.html", context)


@signed_in
@require_POST
def create_token(request: HttpRequest, reader: Reader) -> HttpResponse:
    """Answers with the page itself, not a redirect: the token is in this one answer and nowhere else."""
    made, raw = actions.create_token(
        actor=reader.actor,
        name=forms.text(request.POST, "name", required=True),
        role=role_of(request),
        now=now(),
    )
    return private(_page(request, reader, raw, made.name))


@signed_in
@require_POST
def revoke_token(request: HttpRequest, reader: Reader, token_id: int) -> HttpResponse:
    def deed() -> object:
        return actions.revoke_token(actor=reader.actor, token_id=token_id, now=now())

    attempt(request, deed, "Revoked: nobody acts with it any more.")
    return redirect(f"{reverse('settings')}#tokens")
