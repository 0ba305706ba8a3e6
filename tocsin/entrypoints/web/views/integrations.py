from collections.abc import Mapping
from dataclasses import replace

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from tocsin.apps.catalog import queries as catalog
from tocsin.apps.integrations import actions, queries
from tocsin.apps.integrations.types import IntegrationInfo, IntegrationSpec
from tocsin.domain.errors import Conflict, Invalid, NotFound
from tocsin.domain.permissions import Permission, can
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import attempt, private, signed_in
from tocsin.lib.clock import now
from tocsin.ports import registry
from tocsin.ports.source import MappedSource, Snippet

_HIDDEN = "•" * 32
_TAKEN = "There is one of that name already."


def endpoint(integration: IntegrationInfo, key: str) -> str:
    return f"{settings.TOCSIN.public_url.rstrip('/')}/ingest/{integration.kind}/{key}"


def filled(snippet: Snippet, integration: IntegrationInfo, key: str) -> Snippet:
    base = settings.TOCSIN.public_url.rstrip("/")
    text = (
        snippet.text.replace("{url}", endpoint(integration, key))
        .replace("{key}", key)
        .replace("{base}", base)
    )
    return replace(snippet, text=text)


@signed_in
@require_GET
def index(request: HttpRequest, reader: Reader) -> HttpResponse:  # noqa: ARG001  (the door's signature)
    return _list(request, {}, {})


def _list(request: HttpRequest, values: Mapping[str, object], errors: Mapping[str, str]) -> HttpResponse:
    context = {
        "rows": queries.integrations(),
        "sources": sorted(registry.sources.values(), key=lambda source: source.title),
        "titles": {kind: source.title for kind, source in registry.sources.items()},
        "services": [service.name for service in catalog.services()],
        "values": values,
        "errors": errors,
    }
    return render(request, "integrations/index.html", context, status=422 if errors else 200)


@signed_in
@require_POST
def add(request: HttpRequest, reader: Reader) -> HttpResponse:
    try:
        spec = IntegrationSpec(
            name=forms.text(request.POST, "name", required=True),
            kind=forms.text(request.POST, "kind", required=True),
            service=forms.text(request.POST, "service") or None,
        )
        if queries.integration(spec.name) is not None:
            return _list(request, request.POST, {"name": _TAKEN})
        made = actions.save_integration(actor=reader.actor, spec=spec, now=now())
    except Invalid as error:
        return _list(request, request.POST, forms.errors_of(error))
    messages.success(request, f"{made.name} is ready. Paste the lines below into your tool.")
    return redirect("integration", made.name)


@signed_in
@require_GET
def show(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    return _one(request, reader, _found(name), {}, {})


def _found(name: str) -> IntegrationInfo:
    found = queries.integration(name)
    if found is None:
        raise NotFound("integration", name)
    return found


def _one(
    request: HttpRequest,
    reader: Reader,
    found: IntegrationInfo,
    values: Mapping[str, object],
    errors: Mapping[str, str],
) -> HttpResponse:
    may_edit = can(reader.actor, Permission.EDIT_TEAM, [found.team_id] if found.team_id else [])
    key = found.key if may_edit else _HIDDEN
    source = registry.sources.get(found.kind)
    words = "\n".join(f"{word}: {severity}" for word, severity in found.severity_map.items())
    context = {
        "integration": found,
        "may_edit": may_edit,
        "url": endpoint(found, key),
        "title": source.title if source else found.kind,
        "has_mapper": isinstance(source, MappedSource),
        "snippets": [filled(each, found, key) for each in source.snippets] if source else [],
        "events": queries.recent_events(found.id, limit=12),
        "services": [service.name for service in catalog.services()],
        "values": values or {"name": found.name, "service": found.service or "", "severity_map": words},
        "errors": errors,
    }
    response = render(request, "integrations/show.html", context, status=422 if errors else 200)
    return private(response) if may_edit else response


def _as_it_is(found: IntegrationInfo) -> IntegrationSpec:
    return IntegrationSpec(
        found.name,
        found.kind,
        service=found.service,
        severity_map=found.severity_map,
        enabled=found.enabled,
    )


@signed_in
@require_POST
def edit(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    found = _found(name)
    try:
        spec = replace(
            _as_it_is(found),
            name=forms.text(request.POST, "name", required=True),
            service=forms.text(request.POST, "service") or None,
            severity_map=forms.severity_map(request.POST),
        )
        if spec.name != name and queries.integration(spec.name) is not None:
            return _one(request, reader, found, request.POST, {"name": _TAKEN})
        made = actions.save_integration(actor=reader.actor, spec=spec, now=now(), rename_from=name)
    except Invalid as error:
        return _one(request, reader, found, request.POST, forms.errors_of(error))
    messages.success(request, "Saved.")
    return redirect("integration", made.name)


@signed_in
@require_POST
def switch(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    wanted = request.POST.get("on") == "yes"
    spec = replace(_as_it_is(_found(name)), enabled=wanted)

    def turn() -> object:
        return actions.save_integration(actor=reader.actor, spec=spec, now=now())

    attempt(request, turn, "On: it takes events again." if wanted else "Off: what is sent here is refused.")
    return redirect("integration", name)


@signed_in
@require_POST
def delete(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    found = _found(name)

    def remove() -> object:
        if found.from_file:
            raise Conflict(f"The integration “{name}” comes from a file; remove it there or unlock it.")
        return actions.delete_integration(actor=reader.actor, name=name, now=now())

    if attempt(request, remove, f"“{name}” is deleted; its address leads nowhere now."):
        return redirect("integrations")
    return redirect("integration", name)


@signed_in
@require_POST
def send_test(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    def send() -> object:
        return actions.send_test_event(actor=reader.actor, name=name, now=now())

    attempt(request, send, "The test event is on its way; it opens an incident as a real one would.")
    return redirect("integration", name)


@signed_in
@require_POST
def rotate(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    def turn() -> object:
        return actions.rotate_key(actor=reader.actor, name=name, now=now())

    attempt(request, turn, "The key is new. Put the new address into the tool now.")
    return redirect("integration", name)
