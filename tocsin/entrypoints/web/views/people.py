from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tocsin.apps.identity import actions, queries
from tocsin.apps.identity.types import Person
from tocsin.apps.notify import queries as notify
from tocsin.apps.oncall import queries as oncall
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound
from tocsin.domain.permissions import Permission, Role, can, require
from tocsin.domain.schedule import Shift
from tocsin.entrypoints.web import forms, reach
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views import reached
from tocsin.entrypoints.web.views.common import attempt, portion, private, signed_in
from tocsin.entrypoints.web.views.duty import own_shifts
from tocsin.entrypoints.web.views.notices import notice_form
from tocsin.lib.clock import now

_AHEAD = timedelta(days=14)
_AWAY = timedelta(days=90)


@dataclass(frozen=True)
class PersonRow:
    person: Person
    reachable: bool
    teams: tuple[str, ...]


@dataclass(frozen=True)
class OwnShift:
    schedule: str
    start: datetime
    end: datetime
    now: bool


@signed_in
@require_GET
def index(request: HttpRequest, reader: Reader) -> HttpResponse:  # noqa: ARG001  (the door's signature)
    people, following = portion(request, queries.people(search=forms.text(request.GET, "q")))
    reachable = notify.deliverable([person.email for person in people])
    teams: dict[str, list[str]] = {}
    for each in queries.teams():
        for member in each.members:
            teams.setdefault(member.email, []).append(each.name)
    rows = [
        PersonRow(
            person,
            reachable.get(person.email, False),
            tuple(teams.get(person.email, ())),
        )
        for person in people
    ]
    context = {"people": rows, "roles": list(Role), "next_cursor": following}
    return render(request, "people/index.html", context)


@signed_in
@require_GET
def show(request: HttpRequest, reader: Reader, email: str) -> HttpResponse:
    return _page(request, reader, email)


def _page(request: HttpRequest, reader: Reader, email: str, *, invitation: str = "") -> HttpResponse:
    person = queries.person(email)
    if person is None:
        raise NotFound("person", email)
    at = now()
    own = reader.email == person.email
    shifts = [_own(name, shift, at) for name, shift in oncall.shifts_of(person.email, at, at + _AHEAD)]
    context = {
        "person": person,
        "own": own,
        "may_edit": own or can(reader.actor, Permission.MANAGE_PEOPLE),
        "methods": notify.methods(person.email),
        "reachable": notify.deliverable([person.email]).get(person.email, False),
        "reached_url": reached.address(reader, person.email),
        "groups": reach.groups(person.email, at, whose="your" if own else "their", locked=False),
        "shifts": shifts[:8],
        "notices": notice_form(person.email),
        "absences": oncall.absences(email=person.email, start=at, end=at + _AWAY),
        "may_keep_absences": oncall.may_keep_absences(reader.actor, person.email),
        "teams": queries.teams_of(person.email),
        "roles": list(Role),
        "invitation": invitation,
    }
    return render(request, "people/show.html", context)


def _own(name: str, shift: Shift, at: datetime) -> OwnShift:
    return OwnShift(name, shift.start, shift.end, shift.holds(at))


@signed_in
@require_POST
def invite(request: HttpRequest, reader: Reader) -> HttpResponse:
    email = forms.text(request.POST, "email")

    def deed() -> object:
        return actions.invite_user(
            actor=reader.actor,
            email=email,
            name=forms.text(request.POST, "name"),
            role=role_of(request),
            now=now(),
        )

    if attempt(request, deed, "Invited. Make their invitation link and hand it to them."):
        return redirect("person", email.lower())
    return redirect("people")


@signed_in
@require_POST
def invitation(request: HttpRequest, reader: Reader, email: str) -> HttpResponse:
    """Shows the link once, to hand over where no mail leaves this server."""
    token = actions.invitation_token(actor=reader.actor, email=email, now=now())
    url = settings.TOCSIN.public_url.rstrip("/") + reverse("invitation", args=[token])
    return private(_page(request, reader, email, invitation=url))


def join(request: HttpRequest, token: str) -> HttpResponse:
    """Where an invited person chooses a password. The signed link is the permission."""
    errors: dict[str, str] = {}
    try:
        person = actions.open_invitation(token, now())
        if request.method == "POST":
            password = request.POST.get("password", "")
            actions.accept_invitation(
                token=token, password=password, name=forms.text(request.POST, "name"), now=now()
            )
            messages.success(request, "You are in. Sign in with your new password.")
            return redirect("account_login")
    except Conflict as error:
        return render(request, "link/dead.html", {"why": str(error)}, status=410)
    except Invalid as error:
        errors = dict(forms.errors_of(error))
    status = 422 if errors else 200
    return render(request, "people/join.html", {"person": person, "errors": errors}, status=status)


@signed_in
@require_POST
def edit(request: HttpRequest, reader: Reader, email: str) -> HttpResponse:
    def deed() -> object:
        return actions.update_user(
            actor=reader.actor,
            email=email,
            name=forms.text(request.POST, "name"),
            timezone=forms.text(request.POST, "timezone", required=True),
            unlock=request.POST.get("unlock") == "yes",
            now=now(),
        )

    attempt(request, deed, "Saved.")
    return redirect("person", email)


@signed_in
@require_POST
def set_role(request: HttpRequest, reader: Reader, email: str) -> HttpResponse:
    def deed() -> object:
        return actions.set_role(actor=reader.actor, email=email, role=role_of(request), now=now())

    attempt(request, deed, "The role is set.")
    return redirect("person", email)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def deactivate(request: HttpRequest, reader: Reader, email: str) -> HttpResponse:
    if request.method != "POST":
        return _leave(request, reader, email)
    if request.POST.get("back") == "yes":
        attempt(
            request,
            lambda: actions.reactivate_user(actor=reader.actor, email=email, now=now()),
            "They are back.",
        )
        return redirect("person", email)
    try:
        actions.deactivate_user(
            actor=reader.actor,
            email=email,
            replacement=forms.text(request.POST, "replacement").lower() or None,
            now=now(),
        )
    except (Conflict, Invalid) as error:
        return _leave(request, reader, email, problem=str(error))
    messages.success(request, "Deactivated: no sign-in, and nobody calls them.")
    return redirect("person", email)


def _leave(request: HttpRequest, reader: Reader, email: str, *, problem: str = "") -> HttpResponse:
    """What somebody leaves behind, and who takes their place."""
    require(reader.actor, Permission.MANAGE_PEOPLE)
    person = queries.person(email)
    if person is None:
        raise NotFound("person", email)
    context = {
        "person": person,
        "shifts": own_shifts(person.email, now()),
        "stands_in": [info.name for info in oncall.schedules() if person.email in info.people],
        "people": [each for each in queries.people() if each.email != person.email],
        "chosen": request.POST.get("replacement", ""),
        "problem": problem,
    }
    return render(request, "duty/leave.html", context, status=409 if problem else 200)


def role_of(request: HttpRequest) -> Role:
    try:
        return Role(forms.text(request.POST, "role") or "responder")
    except ValueError:
        raise Invalid(FieldError("role", "There is no such role.")) from None
