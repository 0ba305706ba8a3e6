"""Follow and unfollow, from wherever the button is."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from tocsin.apps.incidents import actions
from tocsin.apps.incidents.following import Of
from tocsin.domain.errors import FieldError, Invalid
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import attempt, back, names, signed_in
from tocsin.lib.clock import now


@signed_in
@require_POST
def change(request: HttpRequest, reader: Reader) -> HttpResponse:
    email = forms.text(request.POST, "email") or reader.email
    ends = request.POST.get("do") == "unfollow"
    who = "You" if email == reader.email else names().get(email, email)

    def run() -> object:
        deed = actions.unfollow if ends else actions.follow
        name = forms.text(request.POST, "name", required=True)
        return deed(actor=reader.actor, of=_of(request), name=name, email=email, now=now())

    verb = "follow" if who == "You" else "follows"
    done = f"{who} {verb} it no more." if ends else f"{who} {verb} it now: quiet updates, and no pages."
    attempt(request, run, done)
    return back(request, reverse("incidents"))


def _of(request: HttpRequest) -> Of:
    try:
        return Of(request.POST.get("of", ""))
    except ValueError:
        raise Invalid(FieldError("of", "Please choose what to follow.")) from None
