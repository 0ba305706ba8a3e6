"""Heartbeats: jobs that must be heard of, one by one and all of them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Final
from urllib.parse import quote

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tocsin.apps.integrations import heartbeat_actions as actions
from tocsin.apps.integrations import heartbeat_queries as queries
from tocsin.apps.integrations import queries as integrations
from tocsin.apps.integrations.heartbeat_queries import HeartbeatInfo, HeartbeatSpec
from tocsin.domain import heartbeat
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound
from tocsin.domain.heartbeat import State
from tocsin.domain.permissions import Permission, can
from tocsin.domain.severity import Severity
from tocsin.domain.time import format_duration, parse_duration, parse_zone
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import attempt, portion, private, signed_in
from tocsin.entrypoints.web.views.rota import may_make
from tocsin.lib.clock import now

STATES: Final[Mapping[str, str]] = {
    State.DOWN: "Down",
    State.LATE: "Late",
    State.NEW: "Never heard of",
    State.UP: "Up",
    State.PAUSED: "Paused",
}
_HIDDEN: Final = "•" * 32
_AHEAD: Final = 5
_FIELDS: Final = ("integration", "name", "every", "cron", "timezone", "grace", "severity", "summary")


@signed_in
@require_GET
def index(request: HttpRequest, reader: Reader) -> HttpResponse:
    """What is down first, then by name."""
    search, integration, state = (forms.text(request.GET, name) for name in ("q", "integration", "state"))
    found = queries.all_heartbeats(
        now(), integration=integration, state=state if state in STATES else "", search=search
    )
    order = list(STATES)
    rows, following = portion(request, sorted(found, key=lambda one: (order.index(one.state), one.name)))
    context = {
        "rows": rows,
        "next_cursor": following,
        "states": list(STATES.items()),
        "integrations": _named(),
        "filtered": bool(search or integration or state),
        "may_make": may_make(reader),
    }
    return render(request, "heartbeats/index.html", context)


@signed_in
@require_GET
def show(request: HttpRequest, reader: Reader, number: int) -> HttpResponse:
    one = _found(number)
    may_edit = _may_edit(reader, one)
    base, key = settings.TOCSIN.public_url.rstrip("/"), one.key if may_edit else _HIDDEN
    context = {
        "one": one,
        "word": STATES[one.state],
        "may_edit": may_edit,
        "url": f"{base}/ingest/heartbeat/{key}/{quote(one.name, safe='')}",
        "ahead": _ahead(one, now()),
    }
    answer = render(request, "heartbeats/show.html", context)
    return private(answer) if may_edit else answer


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, reader: Reader, number: int | None = None) -> HttpResponse:
    one = _found(number) if number is not None else None
    values = request.POST if request.method == "POST" else _values(one, request.GET)
    errors: Mapping[str, str] = {}
    conflict = ""
    if request.method == "POST":
        try:
            spec = _spec(request.POST, one)
            if request.POST.get("deed") == "try":
                plan = heartbeat.plan_of(spec.every, spec.cron, spec.zone, spec.grace)
                ahead = [(at, at + plan.grace) for at in _times(plan, now())]
                return render(request, "heartbeats/edit.html", _form(reader, one, values, ahead=ahead))
            made = actions.save_heartbeat(actor=reader.actor, spec=spec, number=number, now=now())
            messages.success(request, f"Saved: {made.name} is expected from now on.")
            return redirect("heartbeat", made.id)
        except Invalid as error:
            errors = {("timezone" if key == "zone" else key): text for key, text in _errors(error)}
        except Conflict as error:
            conflict = str(error)
    context = _form(reader, one, values, errors=errors, conflict=conflict)
    status = 422 if errors else 409 if conflict else 200
    return render(request, "heartbeats/edit.html", context, status=status)


@signed_in
@require_POST
def pause(request: HttpRequest, reader: Reader, number: int) -> HttpResponse:
    on = request.POST.get("on") == "yes"

    def turn() -> object:
        return actions.pause_heartbeat(actor=reader.actor, number=number, on=on, now=now())

    attempt(request, turn, "It is awaited again." if on else "Paused: nobody is called when it stays away.")
    return redirect("heartbeat", number)


@signed_in
@require_POST
def delete(request: HttpRequest, reader: Reader, number: int) -> HttpResponse:
    def remove() -> object:
        return actions.delete_heartbeat(actor=reader.actor, number=number, now=now())

    if attempt(request, remove, "Deleted. A job that still sends makes it anew."):
        return redirect("heartbeats")
    return redirect("heartbeat", number)


def _form(
    reader: Reader,
    one: HeartbeatInfo | None,
    values: Mapping[str, str],
    *,
    errors: Mapping[str, str] | None = None,
    conflict: str = "",
    ahead: Sequence[tuple[datetime, datetime]] = (),
) -> dict[str, object]:
    errors = errors or {}
    return {
        "one": one,
        "values": values,
        "errors": errors,
        "others": [text for field, text in errors.items() if field not in _FIELDS],
        "conflict": conflict,
        "ahead": ahead,
        "integrations": _named(),
        "severities": list(Severity),
        "may_edit": _may_edit(reader, one) if one else may_make(reader),
    }


def _found(number: int) -> HeartbeatInfo:
    found = queries.by_id(number, now())
    if found is None:
        raise NotFound("heartbeat", number)
    return found


def _may_edit(reader: Reader, one: HeartbeatInfo) -> bool:
    return can(reader.actor, Permission.EDIT_TEAM, [one.team_id] if one.team_id else [])


def _named() -> list[str]:
    return [each.name for each in integrations.integrations()]


def _errors(error: Invalid) -> Sequence[tuple[str, str]]:
    return list(forms.errors_of(error).items())


def _ahead(one: HeartbeatInfo, at: datetime) -> list[datetime]:
    """The next times of a cron expression; of a period there is only the next."""
    if not one.cron or not one.enabled:
        return []
    return _times(heartbeat.plan_of(one.every, one.cron, one.zone, one.grace), at)


def _times(plan: heartbeat.Plan, at: datetime) -> list[datetime]:
    def times() -> Iterator[datetime]:
        after: datetime | None = at
        while (after := plan.expected(after) if after else None) is not None:
            yield after

    return list(islice(times(), _AHEAD))


def _values(one: HeartbeatInfo | None, asked: QueryDict) -> Mapping[str, str]:
    if one is None:
        return {"integration": asked.get("integration", ""), "every": "1d", "timezone": "UTC"}
    return {
        "integration": one.integration,
        "name": one.name,
        "every": format_duration(one.every) if one.every else "",
        "cron": one.cron,
        "timezone": one.zone,
        "grace": format_duration(one.grace),
        "severity": one.severity,
        "summary": one.summary,
        "description": one.description,
    }


def _spec(given: QueryDict, one: HeartbeatInfo | None) -> HeartbeatSpec:
    """What the form does not ask for stays as it was."""
    zone = forms.text(given, "timezone") or "UTC"
    try:
        parse_zone(zone)
    except ValueError as error:
        raise Invalid(FieldError("timezone", str(error))) from None
    return HeartbeatSpec(
        integration=forms.text(given, "integration", required=True),
        name=forms.text(given, "name", required=True),
        every=_span(given, "every"),
        cron=forms.text(given, "cron"),
        zone=zone,
        grace=_span(given, "grace"),
        severity=forms.text(given, "severity"),
        summary=forms.text(given, "summary"),
        description=forms.text(given, "description"),
        labels=one.labels if one else {},
        enabled=one.enabled if one else True,
    )


def _span(given: QueryDict, field: str) -> timedelta | None:
    text = forms.text(given, field)
    try:
        return parse_duration(text) if text else None
    except ValueError as error:
        raise Invalid(FieldError(field, str(error))) from None
