"""What every view shares: the door for signed-in people, and how an action ends."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar
from urllib.parse import quote

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from tocsin.apps.identity import queries as identity
from tocsin.apps.incidents.types import IncidentDetail
from tocsin.domain.errors import TocsinError
from tocsin.domain.escalation.model import CallOutKind
from tocsin.entrypoints.web.reader import Reader, reader

P = ParamSpec("P")
T = TypeVar("T")
PORTION = 50  # rows on a page


def signed_in(
    view: Callable[Concatenate[HttpRequest, Reader, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Hands the reader to the view; strangers are sent to sign in and come back."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        known = reader(request)
        if known is None:
            return redirect(f"{reverse('account_login')}?next={quote(request.get_full_path())}")
        return view(request, known, *args, **kwargs)

    return guarded


def back(request: HttpRequest, fallback: str) -> HttpResponseRedirect:
    """To where the form was, when it says so and that is ours."""
    wanted = request.POST.get("next", "")
    if wanted and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None):
        return HttpResponseRedirect(wanted)
    return HttpResponseRedirect(fallback)


def attempt(request: HttpRequest, deed: Callable[[], T], done: str | Callable[[T], str]) -> bool:
    """Do it and say so; a refusal in the product's own terms is said as well, and nothing has happened."""
    try:
        made = deed()
    except TocsinError as error:
        messages.error(request, str(error))
        return False
    words = done if isinstance(done, str) else done(made)
    if words:
        messages.success(request, words)
    return True


def private(response: HttpResponse) -> HttpResponse:
    """For an answer that shows a secret once."""
    response.headers["Cache-Control"] = "no-store"
    return response


def portion(request: HttpRequest, items: Sequence[T], size: int = PORTION) -> tuple[Sequence[T], str | None]:
    """The part of a list that was asked for, and the `cursor` of what comes after it; None at the end."""
    asked = request.GET.get("cursor", "")
    start = int(asked[:9]) if asked.isascii() and asked.isdecimal() else 0
    end = start + size
    return items[start:end], str(end) if end < len(items) else None


def names() -> dict[str, str]:
    """E-mail → what to call somebody, people who left included."""
    return {person.email: person.label for person in identity.people(include_left=True)}


def claimed(incident: IncidentDetail, email: str, done: str) -> str:
    """What an answer came to: `done` when it is theirs now, their own part in it otherwise; "" when none."""
    if incident.acknowledged_by == email:
        return done
    if incident.noted:
        return incident.noted
    helps = (each for each in incident.call_outs if each.kind is CallOutKind.HELP)
    if any(each.acknowledged_by == email for each in helps):
        return "You are helping. Nobody else is called to help."
    if incident.acknowledged_at is None and incident.my_role == "stakeholder":
        return "Noted. The responders are still called."
    return ""


def holder(incident: IncidentDetail) -> str:
    """Who has it, for people to read."""
    return names().get(incident.acknowledged_by or "", "A program")
