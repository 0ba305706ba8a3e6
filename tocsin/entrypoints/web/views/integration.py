"""One way in: its address, what to paste, how it fares, and its form."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from tocsin.apps.catalog import queries as catalog
from tocsin.apps.integrations import actions, queries
from tocsin.apps.integrations import settings as configs
from tocsin.apps.integrations.health import health_of, losses, traffic
from tocsin.apps.integrations.types import IntegrationInfo, IntegrationSpec
from tocsin.domain.errors import FieldError, Invalid, NotFound
from tocsin.domain.permissions import Permission, can
from tocsin.domain.time.durations import format_duration, parse_duration
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.configfields import drawn
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import private, signed_in
from tocsin.entrypoints.web.views.integrations import HEALTH, TAKEN, bars
from tocsin.lib.clock import now
from tocsin.ports import registry
from tocsin.ports.source import MappedSource, RuledSource, Snippet

_HIDDEN: Final = "•" * 32
_SHOWN: Final = 20


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


def find(name: str) -> IntegrationInfo:
    found = queries.integration(name)
    if found is None:
        raise NotFound("integration", name)
    return found


def as_it_is(found: IntegrationInfo) -> IntegrationSpec:
    return IntegrationSpec(
        found.name,
        found.kind,
        service=found.service,
        severity_map=found.severity_map,
        enabled=found.enabled,
    )


@signed_in
@require_GET
def show(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    return _one(request, reader, find(name), {}, {})


@signed_in
@require_GET
def first(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:  # noqa: ARG001  (the door's)
    """Whether anything has come yet: asked again and again by the page of one that is new."""
    found = find(name)
    return render(request, "integrations/first.html", {"integration": found, **_arrived(found)})


def _arrived(found: IntegrationInfo) -> dict[str, object]:
    events = queries.recent_events(found.id, limit=1)
    refused = queries.rejected(found.name, limit=1)
    return {"first_event": events[0] if events else None, "first_refused": refused[0] if refused else None}


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
    moment = now()
    fares = traffic((found.id,), now=moment)[found.id]
    health = health_of(found, fares)
    context = {
        "integration": found,
        "may_edit": may_edit,
        "url": endpoint(found, key),
        "title": source.title if source else found.kind,
        "has_mapper": isinstance(source, MappedSource),
        "has_rules": isinstance(source, RuledSource),
        "snippets": [filled(each, found, key) for each in source.snippets] if source else [],
        "events": queries.recent_events(found.id, limit=12),
        "aside": queries.set_aside(limit=_SHOWN, integration_id=found.id),
        "refused": queries.rejected(found.name, limit=_SHOWN),
        "health": health,
        "health_word": HEALTH[health],
        "traffic": fares,
        "bars": bars(fares),
        "old_key_lives": bool(found.old_key and found.old_key_until and found.old_key_until > moment),
        "losses": losses(found.id) if may_edit else None,
        "services": [service.name for service in catalog.services()],
        "values": values or _values(found),
        "errors": errors,
    }
    context |= drawn(found.kind, found.config, values, errors)
    if found.last_event_at is None and found.enabled:
        context |= {"waiting": True, **_arrived(found)}
    response = render(request, "integrations/show.html", context, status=422 if errors else 200)
    return private(response) if may_edit else response


def _values(found: IntegrationInfo) -> Mapping[str, object]:
    return {
        "name": found.name,
        "service": found.service or "",
        "severity_map": "\n".join(f"{word}: {severity}" for word, severity in found.severity_map.items()),
        "silent_after": format_duration(found.silent_after) if found.silent_after else "",
    }


def _silent_after(request: HttpRequest) -> timedelta | None:
    """None where the form does not ask, zero for never. Raises Invalid."""
    if "silent_after" not in request.POST:
        return None
    text = forms.text(request.POST, "silent_after")
    if not text:
        return timedelta(0)
    try:
        return parse_duration(text)
    except ValueError as error:
        raise Invalid(FieldError("silent_after", f"{error}; as in 30m or 1d")) from None


def _config(request: HttpRequest, found: IntegrationInfo) -> Mapping[str, object]:
    return configs.filled_in(configs.fields_of(found.kind, found.config), found.config, request.POST.dict())


@signed_in
@require_POST
def edit(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    found = find(name)
    try:
        spec = replace(
            as_it_is(found),
            name=forms.text(request.POST, "name", required=True),
            service=forms.text(request.POST, "service") or None,
            severity_map=forms.severity_map(request.POST),
            silent_after=_silent_after(request),
            config=_config(request, found),
        )
        if spec.name != name and queries.integration(spec.name) is not None:
            return _one(request, reader, found, request.POST, {"name": TAKEN})
        made = actions.save_integration(actor=reader.actor, spec=spec, now=now(), rename_from=name)
    except Invalid as error:
        return _one(request, reader, found, request.POST, forms.errors_of(error))
    messages.success(request, "Saved.")
    return redirect("integration", made.name)
