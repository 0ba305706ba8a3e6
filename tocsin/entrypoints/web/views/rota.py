"""The editor of rotations, with a preview before anything is saved."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from tocsin.apps.identity import queries as identity
from tocsin.apps.oncall import actions, queries
from tocsin.apps.oncall.types import ScheduleInfo
from tocsin.domain.configuration.rota import rotation_form
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound
from tocsin.domain.permissions import Permission
from tocsin.domain.schedule import Rotation, Unit
from tocsin.domain.schedule.definition import RotationDefinition
from tocsin.domain.time import parse_zone
from tocsin.entrypoints.web import changes, forms, rotaforms, window
from tocsin.entrypoints.web.lanes import ink
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.rotaforms import Values
from tocsin.entrypoints.web.views.common import attempt, names, signed_in
from tocsin.entrypoints.web.views.schedule import may, zones
from tocsin.lib.clock import now

PREVIEW_DAYS = 28
_MOST = 4  # schedules that a preview draws
_AHEAD = timedelta(days=90)


@signed_in
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, reader: Reader) -> HttpResponse:
    if request.method == "GET":
        start = now() + timedelta(days=7 - now().weekday())
        values = rotaforms.new_rotation(reader.timezone or "UTC", start.date().isoformat())
        return _form(request, reader, values, None)
    return _answer(request, reader, None)


@signed_in
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    definition = queries.rotation_definitions().get(name)
    if definition is None:
        raise NotFound("rotation", name)
    if request.method == "GET":
        values = rotaforms.rotation_values(definition, _whole(name))
        return _form(request, reader, values | {"version": _version(definition)}, definition)
    return _answer(request, reader, definition)


def _answer(request: HttpRequest, reader: Reader, before: RotationDefinition | None) -> HttpResponse:
    values = rotaforms.posted_rotation(request.POST)
    if before is not None:
        values["name"] = before.name
    deed = request.POST.get("do", "")
    if rotaforms.is_row_deed(deed):
        return _form(request, reader, values, before)
    try:
        definition = rotaforms.rotation_of(values, before, _whole(before.name) if before else None)
        effective = _effective(values, definition)

        def check() -> None:
            if before is None:
                rotaforms.need_free(definition.name, queries.rotation_definitions())
            else:
                _need_same(before.name, values)

        if deed != "save":
            if before is None:
                check()
            drawn = previews(definition, [] if before is None else using(before.name), effective)
            return _form(request, reader, values, before, drawn=drawn)
        actions.save_rotations(
            actor=reader.actor, definitions=[definition], effective=effective, check=check, now=now()
        )
    except Invalid as error:
        problems = _fields(error, values["name"])
        return _form(request, reader, values, before, errors=problems)
    except Conflict as error:
        present = queries.rotation_definitions().get(values["name"])
        fresh = {"version": _version(present)} if present else {}
        return _form(request, reader, values | fresh, before, conflict=error.detail)
    messages.success(request, f"{definition.name} is saved. Whoever gains or loses shifts is told.")
    shown = [info.name for info in using(definition.name)]
    return redirect("schedule", shown[0] if shown else definition.name)


def _fields(error: Invalid, name: str) -> dict[str, str]:
    """By field; what an action says of the rotation as a whole is named `NAME.field`."""
    return {key.removeprefix(f"{name}."): text for key, text in forms.errors_of(error).items()}


def _effective(values: Values, definition: RotationDefinition) -> datetime | None:
    """From when on the edit holds; None: at once."""
    text = values.get("effective", "")
    if not text:
        return None
    try:
        return forms.instant(text, definition.zone or parse_zone("UTC"))
    except ValueError:
        raise Invalid(FieldError("effective", "Please give a date and a time.")) from None


def _whole(name: str) -> Rotation | None:
    return queries.book(since=now()).rotations.get(name)


def _version(definition: RotationDefinition) -> str:
    return rotaforms.version(rotation_form(definition))


def _need_same(name: str, values: Values) -> None:
    owned = any(row.from_file for row in queries.rotations((name,)))
    present = queries.rotation_definitions().get(name)
    version = _version(present) if present else ""
    rotaforms.need_same("rotation", seen=values["version"], present=version, from_file=owned)


def using(name: str) -> list[ScheduleInfo]:
    """The schedules on which a rotation, or one that follows it, puts people on call; defined ones first."""
    definitions = queries.rotation_definitions()
    moved = {name}
    while more := {each.name for each in definitions.values() if each.follows in moved} - moved:
        moved |= more
    found = [info for info in queries.schedules() if moved & {layer.rotation for layer in info.layers}]
    defined = [info for info in found if not info.implicit]
    return defined or found


def previews(
    definition: RotationDefinition, used: Sequence[ScheduleInfo], effective: datetime | None
) -> list[changes.Change]:
    at, called = now(), names()
    places = [(info.name, info.timezone, info.people) for info in used[:_MOST]]
    if not places:
        ring = tuple(person for entry in definition.participants or () for person in entry.people)
        places = [(definition.name, definition.zone.key if definition.zone else "UTC", ring)]
    drawn = []
    for name, zone, people in places:
        seen = coming(zone, at, effective)
        drawn.append(changes.of_rotation(name, definition, seen, ink(people, called), effective))
    return drawn


def coming(zone: str, at: datetime, effective: datetime | None = None) -> window.Window:
    """The four weeks of a preview: those to come, or from when on the edit holds."""
    home = parse_zone(zone)
    today = max(at, effective or at).astimezone(home).date()
    return window.plain(today - timedelta(days=today.weekday()), PREVIEW_DAYS, home, at)


@signed_in
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    row = next(iter(queries.rotations((name,))), None)
    if row is None:
        raise NotFound("rotation", name)

    def deed() -> object:
        if row.from_file:
            raise Conflict(f"The rotation “{name}” comes from a file; remove it there or unlock it.")
        return actions.delete_rotation(actor=reader.actor, name=name, now=now())

    if request.method == "POST":
        if attempt(request, deed, f"The rotation “{name}” is deleted."):
            return redirect("schedules")
        return redirect("rotation_delete", name)
    return confirm(request, "rotation", name, [info.name for info in using(name) if info.name != name])


def confirm(request: HttpRequest, kind: str, name: str, needed_by: Sequence[str]) -> HttpResponse:
    """Before something goes: who loses which shifts of the coming 90 days."""
    at = now()
    losing: dict[str, list[Any]] = {}
    info = queries.schedule(name)
    zone = parse_zone(info.timezone if info else "UTC")
    seen = window.plain(at.astimezone(zone).date(), PREVIEW_DAYS, zone, at)
    if info is not None:
        for shift in queries.shifts(name, at, at + _AHEAD):
            if shift.user is not None:
                losing.setdefault(shift.user, []).append(shift)
    rows = [
        (email, len(shifts), seen.stretch(shifts[0].start, shifts[0].end)) for email, shifts in losing.items()
    ]
    context = {
        "kind": kind,
        "name": name,
        "needed_by": needed_by,
        "losing": sorted(rows),
        "names": names(),
        "here": reverse(f"{kind}_delete", args=[name]),
        "back": reverse(f"{kind}_edit", args=[name]),
    }
    return render(request, "oncall/rota_delete.html", context)


def _form(
    request: HttpRequest,
    reader: Reader,
    values: Values,
    before: RotationDefinition | None,
    *,
    errors: Mapping[str, str] | None = None,
    conflict: str = "",
    drawn: Sequence[changes.Change] = (),
) -> HttpResponse:
    rows = {row.name: row for row in queries.rotations()}
    row = rows.get(before.name) if before else None
    used = using(before.name) if before else []
    context = {
        "name": before.name if before else "",
        "row": row,
        "used": used,
        "more_used": max(len(used) - _MOST, 0),
        "values": values,
        "errors": errors or {},
        "conflict": conflict,
        "row_errors": rotaforms.row_errors(errors or {}),
        "changes": drawn,
        "versions": _versions(before.name) if before else (),
        "may_edit": all(may(reader.actor, Permission.EDIT_TEAM, info) for info in used)
        if used
        else may_make(reader),
        "units": [
            (Unit.HOURLY, "hours"),
            (Unit.DAILY, "days"),
            (Unit.WEEKLY, "weeks"),
            (Unit.MONTHLY, "months"),
        ],
        "days": rotaforms.DAYS,
        "others": [each for each in rows if before is None or each != before.name],
        "people": identity.people(),
        "names": names(),
        "zones": zones(),
    }
    return render(
        request, "oncall/rotation_edit.html", context, status=409 if conflict else 422 if errors else 200
    )


def _versions(name: str) -> list[dict[str, Any]]:
    """What it was and will be; nothing where there is only one."""
    found = queries.versions(name, now())
    called = names()
    if len(found) == 1:
        return []
    return [
        {"state": each.state, "start": each.start, "end": each.end, "said": _ring(each.definition, called)}
        for each in reversed(found)
    ]


def _ring(form: Mapping[str, Any], called: Mapping[str, str]) -> str:
    entries = (
        [each["user"]] if "user" in each else each.get("group", ()) for each in form.get("participants", ())
    )
    turns = [" and ".join(called.get(email, email) for email in people) or "nobody" for people in entries]
    return ", ".join(turns) or f"as {form.get('follows', 'before')}"


def may_make(reader: Reader) -> bool:
    """Whether the reader may make schedules and rotations: by role, or as some team's admin."""
    return reader.may[Permission.EDIT_TEAM] or bool(reader.actor.administers)
