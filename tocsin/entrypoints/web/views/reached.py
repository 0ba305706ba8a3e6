"""How I am reached: contact methods, rules, quiet hours, and tests of all of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from tocsin.apps.identity import queries as identity
from tocsin.apps.notify import deliveries, queries
from tocsin.apps.notify.deliveries import DeliveryInfo
from tocsin.apps.notify.types import ChannelInfo
from tocsin.domain.errors import NotFound
from tocsin.domain.permissions import Permission, can
from tocsin.domain.time import WEEKDAYS
from tocsin.entrypoints.web import reach
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import signed_in
from tocsin.lib.clock import now
from tocsin.ports import registry

_WATCHED = timedelta(minutes=15)  # a page of receipts is looked at again and again for this long
_SOON = timedelta(seconds=20)
_ANSWERED = timedelta(minutes=2)  # after it arrived, somebody may still read it, or press a key
_DAYS = {"mon": "Mon", "tue": "Tue", "wed": "Wed", "thu": "Thu", "fri": "Fri", "sat": "Sat", "sun": "Sun"}


@dataclass(frozen=True)
class TypeCard:
    channel: ChannelInfo
    about: str


@dataclass(frozen=True)
class Trail:
    """What became of a test. `pause_s` 0: nothing more will; else it is looked at again so much later."""

    page_id: int
    lines: tuple[DeliveryInfo, ...]
    later: int
    pause_s: int


@signed_in
@require_GET
def own(request: HttpRequest, reader: Reader) -> HttpResponse:
    return page(request, reader, reader.email)


@signed_in
@require_GET
def show(request: HttpRequest, reader: Reader, email: str) -> HttpResponse:
    if email.lower() == reader.email:
        return redirect(_with_query(request, reverse("reached")))
    return page(request, reader, email)


@signed_in
@require_GET
def trail(request: HttpRequest, reader: Reader, email: str, page_id: int) -> HttpResponse:
    """The part of the page that looks again by itself."""
    person = identity.person(email)
    if person is None:
        raise NotFound("person", email)
    if not request.headers.get("HX-Request"):
        return redirect(address(reader, person.email, f"?test={page_id}#test"))
    context = {
        "person": person,
        "trail": trail_of(page_id, person.email, reader, now()),
        "may_try": _may_try(reader, person.email),
        "titles": reach.titles(),
    }
    return render(request, "people/trail.html", context)


def address(reader: Reader, email: str, more: str = "") -> str:
    """Of the page about this person, as this reader sees it."""
    mine = email.lower() == reader.email
    return (reverse("reached") if mine else reverse("person_reached", args=[email])) + more


def page(
    request: HttpRequest,
    reader: Reader,
    email: str,
    *,
    form: str = "",
    errors: Mapping[str, str] | None = None,
    groups: Sequence[reach.Group] | None = None,
) -> HttpResponse:
    """`form` and `errors`: which form was refused, and what is wrong with it, by field."""
    person = identity.person(email)
    if person is None:
        raise NotFound("person", email)
    at = now()
    mine = reader.email == person.email
    methods = queries.methods(person.email)
    kinds = [
        TypeCard(channel, reach.ABOUT.get(channel.type, channel.address.hint))
        for channel in sorted(queries.channels(), key=lambda one: (bool(one.missing), one.title.lower()))
        if channel.abilities.people
    ]
    chosen = request.POST.get("type") if form == "add" else request.GET.get("add")
    locked = person.from_file
    context: dict[str, Any] = {
        "person": person,
        "own": mine,
        "may_edit": mine or can(reader.actor, Permission.MANAGE_PEOPLE),
        "may_try": _may_try(reader, person.email),
        "methods": methods,
        "reachable": queries.deliverable([person.email]).get(person.email, False),
        "kinds": kinds,
        "chosen": next((card.channel for card in kinds if card.channel.type == chosen), None),
        "groups": groups or reach.groups(person.email, at, whose="your" if mine else "their", locked=locked),
        "ways": reach.ways(method.type for method in methods),
        "telephone": any(m.type in {"sms", "voice"} and not m.problem for m in methods),
        "quiet": queries.quiet_hours(person.email),
        "titles": reach.titles(),
        "mine": {method.type for method in methods},
        "known": {card.channel.type for card in kinds},
        "push_key": registry.browsers.key,
        "push_parts": ("people/push.html", "people/nopush.html"),
        "refused_id": int(form.removeprefix("verify-")) if form.startswith("verify-") else 0,
        "days": tuple((day, _DAYS[day]) for day in WEEKDAYS),
        "form": form,
        "errors": errors or {},
        "trail": _asked_trail(request, person.email, reader, at),
    }
    return render(request, "people/reached.html", context, status=422 if errors else 200)


def trail_of(page_id: int, email: str, reader: Reader, at: datetime) -> Trail:
    lines = deliveries.of_page(page_id, email=email, actor=reader.actor)
    waiting = [line for line in lines if line.open]
    later = [line for line in waiting if line.state == "planned" and not line.attempts and line.due_at > at]
    answers = {channel.type for channel in queries.channels() if channel.abilities.answers}
    heard = any(
        line.via in answers and line.state in {"sent", "delivered"} and at - line.sent_at < _ANSWERED
        for line in lines
        if line.sent_at
    )
    watched = at - max(line.wanted_at for line in lines) < _WATCHED
    going = watched and (bool(waiting) or heard)
    soon = heard or any(line not in later or line.due_at - at < _SOON for line in waiting)
    return Trail(page_id, lines, len(later), (1 if soon else 5) if going else 0)


def _asked_trail(request: HttpRequest, email: str, reader: Reader, at: datetime) -> Trail | None:
    asked = request.GET.get("test", "")
    if not (asked.isascii() and asked.isdecimal()):
        return None
    try:
        return trail_of(int(asked[:18]), email, reader, at)
    except NotFound:
        return None


def _may_try(reader: Reader, email: str) -> bool:
    return reader.email == email or can(reader.actor, Permission.PAGE)


def _with_query(request: HttpRequest, path: str) -> str:
    query = request.META.get("QUERY_STRING", "")
    return f"{path}?{query}" if query else path
