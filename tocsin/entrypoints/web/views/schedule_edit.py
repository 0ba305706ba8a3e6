"""The editor of schedules, with a preview before anything is saved."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from tocsin.apps.identity import queries as identity
from tocsin.apps.oncall import actions, queries
from tocsin.domain.configuration.rota import schedule_form
from tocsin.domain.errors import Conflict, Invalid, NotFound
from tocsin.domain.permissions import Permission
from tocsin.domain.schedule.definition import ScheduleDefinition
from tocsin.entrypoints.web import changes, forms, rotaforms
from tocsin.entrypoints.web.lanes import ink
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.rotaforms import Values
from tocsin.entrypoints.web.views.common import attempt, names, signed_in
from tocsin.entrypoints.web.views.rota import coming, confirm, may_make
from tocsin.entrypoints.web.views.schedule import may, need, zones
from tocsin.lib.clock import now


@signed_in
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, reader: Reader) -> HttpResponse:
    if request.method == "GET":
        return _form(request, reader, rotaforms.new_schedule(reader.timezone or ""), None)
    return _answer(request, reader, None)


@signed_in
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    definition = queries.schedule_definitions().get(name)
    if definition is None:
        raise NotFound("schedule", name)
    if request.method == "GET":
        values = rotaforms.schedule_values(definition) | {"version": _version(definition)}
        return _form(request, reader, values, definition)
    return _answer(request, reader, definition)


def _answer(request: HttpRequest, reader: Reader, before: ScheduleDefinition | None) -> HttpResponse:
    values = rotaforms.posted_schedule(request.POST)
    if before is not None:
        values["name"] = before.name
    deed = request.POST.get("do", "")
    if rotaforms.is_row_deed(deed):
        return _form(request, reader, values, before)
    try:
        definition = rotaforms.schedule_of(values)

        def check() -> None:
            if before is None:
                rotaforms.need_free(definition.name, queries.schedule_definitions())
            else:
                _need_same(before.name, values)

        if deed != "save":
            if before is None:
                check()
            return _form(request, reader, values, before, drawn=_drawn(definition))
        actions.save_schedule(actor=reader.actor, definition=definition, check=check, now=now())
    except Invalid as error:
        return _form(request, reader, values, before, errors=forms.errors_of(error))
    except Conflict as error:
        present = queries.schedule_definitions().get(values["name"])
        fresh = {"version": _version(present)} if present else {}
        return _form(request, reader, values | fresh, before, conflict=error.detail)
    messages.success(request, f"{definition.name} is saved. Whoever gains or loses shifts is told.")
    return redirect("schedule", definition.name)


def _drawn(definition: ScheduleDefinition) -> changes.Change:
    made = queries.book(since=now())
    rings = [made.rotations[each.rotation] for each in definition.layers if each.rotation in made.rotations]
    zone = definition.zone or (rings[0].zone if rings else None)
    people = [person for ring in rings for person in ring.people]
    seen = coming(zone.key if zone else "UTC", now())
    return changes.of_schedule(definition, seen, ink([*people, *definition.fallback], names()))


def _version(definition: ScheduleDefinition) -> str:
    return rotaforms.version(schedule_form(definition))


def _need_same(name: str, values: Values) -> None:
    present = queries.schedule_definitions().get(name)
    version = _version(present) if present else ""
    rotaforms.need_same("schedule", seen=values["version"], present=version, from_file=need(name).from_file)


@signed_in
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    info = need(name)
    if info.implicit:
        return redirect("rotation_delete", name)

    def deed() -> object:
        if info.from_file:
            raise Conflict(f"The schedule “{name}” comes from a file; remove it there or unlock it.")
        return actions.delete_schedule(actor=reader.actor, name=name, now=now())

    if request.method == "POST":
        if attempt(request, deed, f"The schedule “{name}” is deleted; its rotations stay."):
            return redirect("schedules")
        return redirect("schedule_delete", name)
    return confirm(request, "schedule", name, ())


def _form(
    request: HttpRequest,
    reader: Reader,
    values: Values,
    before: ScheduleDefinition | None,
    *,
    errors: Mapping[str, str] | None = None,
    conflict: str = "",
    drawn: changes.Change | None = None,
) -> HttpResponse:
    info = queries.schedule(before.name) if before else None
    context: dict[str, Any] = {
        "name": before.name if before else "",
        "info": info,
        "values": values,
        "errors": errors or {},
        "conflict": conflict,
        "row_errors": rotaforms.row_errors(errors or {}),
        "changes": [drawn] if drawn else [],
        "may_edit": may(reader.actor, Permission.EDIT_TEAM, info) if info else may_make(reader),
        "rotations": queries.rotations(),
        "teams": identity.teams(),
        "people": identity.people(),
        "names": names(),
        "zones": zones(),
    }
    return render(
        request, "oncall/schedule_edit.html", context, status=409 if conflict else 422 if errors else 200
    )
