"""The form of a service, and its end."""

from collections.abc import Mapping

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from tocsin.apps.catalog import actions, queries
from tocsin.apps.catalog.types import ServiceInfo
from tocsin.apps.escalation import queries as escalation
from tocsin.apps.identity import queries as identity
from tocsin.domain.errors import Conflict, Invalid, NotFound
from tocsin.domain.severity import Severity
from tocsin.domain.time import WEEKDAYS
from tocsin.entrypoints.web import forms, rotaforms, serviceforms
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.serviceforms import Values
from tocsin.entrypoints.web.views.common import attempt, signed_in
from tocsin.entrypoints.web.views.rota import may_make
from tocsin.entrypoints.web.views.schedule import zones
from tocsin.entrypoints.web.views.services import may_edit
from tocsin.lib.clock import now


@signed_in
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, reader: Reader) -> HttpResponse:
    if request.method == "POST":
        return _answer(request, reader, None)
    values = serviceforms.new_service() | {"team": forms.text(request.GET, "team")}
    return _form(request, reader, values, None)


@signed_in
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    info = need(name)
    if request.method == "POST":
        return _answer(request, reader, info)
    return _form(request, reader, serviceforms.service_values(info) | {"version": _version(info)}, info)


def need(name: str) -> ServiceInfo:
    info = queries.service(name)
    if info is None:
        raise NotFound("service", name)
    return info


def _version(info: ServiceInfo) -> str:
    return rotaforms.version(serviceforms.service_values(info))


def _answer(request: HttpRequest, reader: Reader, before: ServiceInfo | None) -> HttpResponse:
    values = serviceforms.posted_service(request.POST)

    def check() -> None:
        if before is None:
            rotaforms.need_free(values["name"], [values["name"]] if queries.service(values["name"]) else ())
            return
        present = queries.service(before.name)
        version = _version(present) if present else ""
        owned = present is not None and present.from_file
        rotaforms.need_same("service", seen=values["version"], present=version, from_file=owned)

    try:
        saved = actions.save_service(
            actor=reader.actor,
            spec=serviceforms.service_of(values),
            rename_from=before.name if before else "",
            check=check,
            now=now(),
        )
    except Invalid as error:
        return _form(request, reader, values, before, errors=forms.errors_of(error))
    except Conflict as error:
        present = queries.service(before.name) if before else None
        fresh = {"version": _version(present)} if present else {}
        return _form(request, reader, values | fresh, before, conflict=error.detail)
    messages.success(request, f"{saved.name} is saved.")
    return redirect("service", saved.name)


def _form(
    request: HttpRequest,
    reader: Reader,
    values: Values,
    before: ServiceInfo | None,
    *,
    errors: Mapping[str, str] | None = None,
    conflict: str = "",
) -> HttpResponse:
    links = next((text for field, text in (errors or {}).items() if field.startswith("links")), "")
    context = {
        "name": before.name if before else "",
        "info": before,
        "values": values,
        "errors": {**(errors or {}), "links": links},
        "conflict": conflict,
        "may_edit": may_edit(reader, before) if before else may_make(reader),
        "teams": identity.teams(),
        "policies": [policy.name for policy in escalation.policies()],
        "severities": list(Severity),
        "others": [each.name for each in queries.services() if before is None or each.name != before.name],
        "days": WEEKDAYS,
        "zones": zones(),
    }
    return render(request, "services/edit.html", context, status=409 if conflict else 422 if errors else 200)


@signed_in
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    info = need(name)

    def deed() -> None:
        if info.from_file:
            raise Conflict(f"The service “{name}” comes from a file; remove it there or unlock it.")
        actions.delete_service(actor=reader.actor, name=name, now=now())

    if request.method == "POST":
        if attempt(request, deed, f"The service “{name}” is deleted."):
            return redirect("services")
        return redirect("service_delete", name)
    return render(request, "services/delete.html", {"service": info})
