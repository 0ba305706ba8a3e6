"""iCal addresses that are read again and again: a schedule's overrides, or people's absences."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from tocsin.apps.identity import queries as identity
from tocsin.apps.oncall import actions, queries
from tocsin.domain.errors import Conflict, Invalid, NotFound
from tocsin.domain.permissions import Actor, Permission, can
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views import schedule as schedules
from tocsin.entrypoints.web.views.common import attempt, back, names, signed_in
from tocsin.lib.clock import now


@dataclass(frozen=True)
class Where:
    """Whose calendars a page shows: a schedule's, a person's, or those of no one in particular."""

    title: str
    url: str  # of the page that it belongs to
    page: str  # of the list itself
    may_edit: bool
    schedule: str = ""
    email: str = ""

    @property
    def use(self) -> str:
        return "overrides" if self.schedule else "absences"


@signed_in
@require_GET
def of_schedule(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    return _page(request, _of_schedule(reader, name))


@signed_in
@require_GET
def of_person(request: HttpRequest, reader: Reader, email: str) -> HttpResponse:
    return _page(request, _of_person(reader, email))


@signed_in
@require_GET
def of_everybody(request: HttpRequest, reader: Reader) -> HttpResponse:
    return _page(request, _of_everybody(reader))


def _of_schedule(reader: Reader, name: str) -> Where:
    may = schedules.may(reader.actor, Permission.EDIT_TEAM, schedules.need(name))
    page = reverse("schedule_calendars", args=[name])
    return Where(name, reverse("schedule", args=[name]), page, may, schedule=name)


def _of_person(reader: Reader, email: str) -> Where:
    person = identity.person(email)
    if person is None:
        raise NotFound("person", email)
    may = person.email == reader.email or can(reader.actor, Permission.MANAGE_PEOPLE)
    page = reverse("person_calendars", args=[person.email])
    return Where(person.label, reverse("person", args=[person.email]), page, may, email=person.email)


def _of_everybody(reader: Reader) -> Where:
    may = can(reader.actor, Permission.MANAGE_PEOPLE)
    return Where("People", reverse("people"), reverse("calendars"), may)


def _page(
    request: HttpRequest, where: Where, *, errors: Mapping[str, str] | None = None, problem: str = ""
) -> HttpResponse:
    found = queries.calendars(schedule=where.schedule or None, email=where.email or None)
    context = {
        "where": where,
        "schedule": {"name": where.schedule},
        "calendars": [
            each
            for each in found
            if each.use == where.use and each.schedule == where.schedule and (each.email or "") == where.email
        ],
        "form": request.POST,
        "errors": errors or {},
        "problem": problem,
        "names": names(),
    }
    status = 422 if errors else 409 if problem else 200
    return render(request, "duty/calendars.html", context, status=status)


@signed_in
@require_POST
def add(request: HttpRequest, reader: Reader) -> HttpResponse:
    schedule, email = forms.text(request.POST, "schedule"), forms.text(request.POST, "email").lower()
    if schedule:
        where = _of_schedule(reader, schedule)
    else:
        where = _of_person(reader, email) if email else _of_everybody(reader)
    try:
        actions.add_calendar(
            actor=reader.actor,
            name=forms.text(request.POST, "name", required=True),
            url=forms.text(request.POST, "url", required=True),
            use=where.use,
            schedule=where.schedule,
            email=where.email or None,
            now=now(),
        )
    except Invalid as error:
        return _page(request, where, errors=forms.errors_of(error))
    except Conflict as error:
        return _page(request, where, problem=str(error))
    messages.success(request, "Added. It is read within a minute, and again and again from then on.")
    return redirect(where.page)


Deed = Callable[[HttpRequest, Actor, int, datetime], object]
_DEEDS: Mapping[str, tuple[Deed, str]] = {
    "read": (
        lambda _, actor, calendar_id, at: actions.read_calendar_now(
            actor=actor, calendar_id=calendar_id, now=at
        ),
        "It is read within a minute.",
    ),
    "remove": (
        lambda _, actor, calendar_id, at: actions.remove_calendar(
            actor=actor, calendar_id=calendar_id, now=at
        ),
        "Removed. What it put into the future is gone; the past stays.",
    ),
    "edit": (
        lambda request, actor, calendar_id, at: actions.edit_calendar(
            actor=actor,
            calendar_id=calendar_id,
            name=forms.text(request.POST, "name", required=True),
            url=forms.text(request.POST, "url") or None,
            now=at,
        ),
        "Saved.",
    ),
}


@signed_in
@require_POST
def act(request: HttpRequest, reader: Reader, calendar_id: int, deed: str) -> HttpResponse:
    if deed not in _DEEDS:
        raise NotFound("deed", deed)
    run, said = _DEEDS[deed]
    attempt(request, lambda: run(request, reader.actor, calendar_id, now()), said)
    return back(request, reverse("calendars"))
