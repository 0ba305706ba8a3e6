"""Overrides by hand: a form with a preview, for those who cannot or will not drag."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tocsin.apps.identity import queries as identity
from tocsin.apps.oncall import actions, queries
from tocsin.apps.oncall.types import OverrideInfo, ScheduleInfo
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound, TocsinError
from tocsin.domain.schedule import OverrideKind
from tocsin.domain.schedule.definition import OverrideDefinition
from tocsin.domain.time import parse_zone
from tocsin.entrypoints.web import changes, forms, window
from tocsin.entrypoints.web.lanes import Ink, ink
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.sheet import is_fixed, origin, version
from tocsin.entrypoints.web.views.common import attempt, back, names, signed_in
from tocsin.entrypoints.web.views.schedule import need
from tocsin.lib.clock import now

_HOUR = timedelta(hours=1)
_USUAL = timedelta(hours=8)
_WALL = "%Y-%m-%dT%H:%M"


@signed_in
@require_http_methods(["GET", "POST"])
def add(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    info = need(name)
    if request.method == "GET":
        return _form(request, info, _fresh(request.GET, info, reader))
    return _answer(request, reader, info, None)


@signed_in
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, reader: Reader, name: str, override_id: int) -> HttpResponse:
    info, item = need(name), _item(name, override_id)
    if request.method == "GET":
        return _form(request, info, _values(item, info), item=item)
    return _answer(request, reader, info, item)


def _answer(
    request: HttpRequest, reader: Reader, info: ScheduleInfo, item: OverrideInfo | None
) -> HttpResponse:
    """To a form that was sent: the change made, or the form again with its preview or with what is wrong."""
    values = request.POST.dict()
    try:
        change = change_of(values, info)
        if values.get("do") == "preview":
            return _form(request, info, values, item=item, change=change)
        if item is None:
            made = actions.add_override(actor=reader.actor, schedule=info.name, change=change, now=now())
            said = "The override is made."
        else:
            _need_same(item, values.get("version", ""))
            made = actions.move_override(actor=reader.actor, override_id=item.id, change=change, now=now())
            said = "The override is changed."
    except Invalid as error:
        return _form(request, info, values, item=item, errors=forms.errors_of(error))
    except Conflict as error:
        return _form(request, info, values, item=item, errors={"": error.detail}, status=409)
    messages.success(request, said)
    return back(request, _page(info, values, made.start))


@signed_in
@require_POST
def remove(request: HttpRequest, reader: Reader, name: str, override_id: int) -> HttpResponse:
    item, at = _item(name, override_id), now()

    def deed() -> object:
        return actions.remove_override(actor=reader.actor, override_id=override_id, now=at)

    if attempt(request, deed, ""):
        start = max(item.start, at.replace(second=0, microsecond=0))
        again = {"name": name, "item": item, "start": start, "next": request.POST.get("next", "")}
        # A template of ours, escaped as all are: the message may hold its button.
        messages.success(request, mark_safe(render_to_string("oncall/undo.html", again, request)))  # noqa: S308
    return back(request, reverse("schedule", args=[name]))


@signed_in
@require_GET
def preview(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    """What an override would do, as a fragment for the schedule's page while something is dragged."""
    info = need(name)
    seen = window.asked(request.GET, info.timezone, reader.timezone, now())
    values = {**request.GET.dict(), "zone": seen.zone.key}
    item = values.get("item", "")
    try:
        change = change_of(values, info)
        outside = change.end <= seen.start or change.start >= seen.end
        if outside:
            seen = _around(change, seen.zone)
        instead = int(item[:18]) if item.isdecimal() else None
        drawn = changes.of_override(info, change, seen, _ink(info, change), instead)
        context: dict[str, Any] = {"change": drawn, "outside": outside}
    except TocsinError as error:
        problems = [each.message for each in error.errors] if isinstance(error, Invalid) else [str(error)]
        context = {"problems": problems}
    return render(request, "oncall/change.html", {**context, "names": names(), "live": True})


def _ink(info: ScheduleInfo, change: OverrideDefinition) -> Ink:
    return ink([*info.people, *([change.user] if change.user else [])], names())


def change_of(values: Mapping[str, str], info: ScheduleInfo) -> OverrideDefinition:
    """Raises Invalid with all that is wrong. Times are of the zone that the form names."""
    errors: list[FieldError] = []
    zone = _zone(values, info)
    moments: dict[str, datetime] = {}
    for field in ("start", "end"):
        try:
            moments[field] = forms.instant(values.get(field, ""), zone)
        except ValueError:
            errors.append(FieldError(field, "Please give a date and a time."))
    kind = values.get("kind", "") or OverrideKind.OVERRIDE
    if kind not in list(OverrideKind):
        errors.append(FieldError("kind", f"“{kind}” is no kind of override."))
        kind = OverrideKind.OVERRIDE
    takes = kind in {OverrideKind.REPLACE, OverrideKind.REMOVE}
    people = {"user": "", "replaces": ""}
    for field in people:
        try:
            people[field] = forms.person(values.get(field, ""), field)
        except Invalid as error:
            errors.extend(error.errors)
    if (
        kind != OverrideKind.REMOVE
        and not people["user"]
        and not any(each.field == "user" for each in errors)
    ):
        errors.append(FieldError("user", "Please say who is on call."))
    if errors:
        raise Invalid(*errors)
    return OverrideDefinition(
        start=moments["start"],
        end=moments["end"],
        kind=OverrideKind(kind),
        user=None if kind == OverrideKind.REMOVE else people["user"],
        replaces=(people["replaces"] or None) if takes else None,
    )


def _zone(values: Mapping[str, str], info: ScheduleInfo) -> ZoneInfo:
    try:
        return parse_zone(values.get("zone", "") or info.timezone)
    except ValueError:
        return parse_zone(info.timezone)


def _fresh(given: Mapping[str, str], info: ScheduleInfo, reader: Reader) -> dict[str, str]:
    """What a new form begins with: what its link said, else the next eight hours and the reader."""
    zone = _zone(given, info)
    start = now().replace(minute=0, second=0, microsecond=0) + _HOUR
    moments = {"start": start, "end": start + _USUAL}
    for field in moments:
        try:
            moments[field] = forms.instant(given.get(field, ""), zone)
        except ValueError:
            continue
    replaces = given.get("replaces", "")
    return {
        "start": moments["start"].astimezone(zone).strftime(_WALL),
        "end": moments["end"].astimezone(zone).strftime(_WALL),
        "kind": given.get("kind", "") or (OverrideKind.REPLACE if replaces else OverrideKind.OVERRIDE),
        "user": given.get("user", "") or ("" if replaces == reader.email else reader.email),
        "replaces": replaces,
        "zone": zone.key,
        "next": given.get("back", ""),
    }


def _values(item: OverrideInfo, info: ScheduleInfo) -> dict[str, str]:
    zone = parse_zone(info.timezone)
    return {
        "start": item.start.astimezone(zone).strftime(_WALL),
        "end": item.end.astimezone(zone).strftime(_WALL),
        "kind": str(item.kind),
        "user": item.user or "",
        "replaces": item.replaces or "",
        "zone": zone.key,
        "version": version(item),
    }


def _need_same(item: OverrideInfo, seen: str) -> None:
    if seen and seen != version(item):
        raise Conflict(
            "Somebody changed this override while you did. What you typed is kept; look again, then save."
        )


def _item(name: str, override_id: int) -> OverrideInfo:
    found = next((each for each in queries.overrides(name) if each.id == override_id), None)
    if found is None:
        raise NotFound("override", override_id)
    return found


def _around(change: OverrideDefinition, zone: ZoneInfo) -> window.Window:
    """The weeks that it touches, five at most."""
    start, end = change.start.astimezone(zone).date(), change.end.astimezone(zone).date()
    days = min(max((end - start).days + 1, 7), 35)
    return window.plain(start - timedelta(days=start.weekday()), days + start.weekday(), zone, now())


def _page(info: ScheduleInfo, values: Mapping[str, str], start: datetime) -> str:
    day = start.astimezone(_zone(values, info)).date()
    return f"{reverse('schedule', args=[info.name])}?from={day.isoformat()}"


def _form(
    request: HttpRequest,
    info: ScheduleInfo,
    values: Mapping[str, str],
    *,
    item: OverrideInfo | None = None,
    change: OverrideDefinition | None = None,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    colours, zone, at = ink(info.people, names()), _zone(values, info), now()
    problems = dict(errors or {})
    drawn = None
    if change is not None:
        try:
            seen = _around(change, zone)
            drawn = changes.of_override(info, change, seen, _ink(info, change), item.id if item else None)
        except Invalid as error:
            problems |= forms.errors_of(error)
        except Conflict as error:
            problems[""] = error.detail
    locked = item is not None and (is_fixed(item) or item.end <= at)
    context = {
        "schedule": info,
        "item": item,
        "locked": locked,
        "over": item is not None and item.end <= at,
        "running": item is not None and item.start <= at,
        "origin": origin(item, colours) if item else "",
        "values": {
            **values,
            "next": forms.own_address(values.get("next", "")),
            **({"version": version(item)} if item else {}),
        },
        "errors": problems,
        "change": drawn,
        "names": colours.called,
        "people": identity.people(),
        "zone": zone.key,
    }
    code = status if status != 200 else 422 if problems else 200  # noqa: PLR2004  (HTTP's)
    return render(request, "oncall/override.html", context, status=code)
