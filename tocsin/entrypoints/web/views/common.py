"""What every view shares: the door for signed-in people, and how an action ends."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import quote

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from tocsin.apps.identity import queries as identity
from tocsin.domain.errors import TocsinError
from tocsin.entrypoints.web.reader import Reader, reader

P = ParamSpec("P")


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


def attempt(request: HttpRequest, deed: Callable[[], object], done: str) -> bool:
    """Do it and say so; a refusal in the product's own terms is said as well, and nothing has happened."""
    try:
        deed()
    except TocsinError as error:
        messages.error(request, str(error))
        return False
    if done:
        messages.success(request, done)
    return True


def private(response: HttpResponse) -> HttpResponse:
    """For an answer that shows a secret once."""
    response.headers["Cache-Control"] = "no-store"
    return response


def names() -> dict[str, str]:
    """E-mail → what to call somebody, people who left included."""
    return {person.email: person.label for person in identity.people(include_left=True)}
