"""The mapper of an integration: edited, tried on a message, saved."""

from collections.abc import Mapping
from typing import Any, Final

import yaml
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from tocsin.apps.integrations import actions, queries
from tocsin.apps.integrations.trying import Trial, mapper_of, try_mapper
from tocsin.apps.integrations.types import IntegrationInfo
from tocsin.domain.errors import FieldError, Invalid, NotFound
from tocsin.domain.mapping.functions import HELP
from tocsin.domain.permissions import Permission, can
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import private, signed_in
from tocsin.lib.clock import now
from tocsin.ports import registry

_LONGEST: Final = 65_536
_LONGEST_MESSAGE: Final = 1024 * 1024
_RECENT: Final = 10


def _found(name: str) -> IntegrationInfo:
    found = queries.integration(name)
    if found is None or mapper_of(found.kind, found.config) is None:
        raise NotFound("integration with a mapper", name)
    return found


def _written(mapper: Mapping[str, Any] | None) -> str:
    return yaml.safe_dump(dict(mapper or {}), sort_keys=False, allow_unicode=True, width=100)


def _read(text: str) -> dict[str, Any]:
    """Raises Invalid."""
    if len(text) > _LONGEST:
        raise Invalid(FieldError("mapper", f"has more than {_LONGEST} characters"))
    try:
        raw = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        place = getattr(error, "problem_mark", None)
        where = f" (line {place.line + 1})" if place else ""
        raise Invalid(FieldError("mapper", f"this is not YAML{where}")) from None
    if not isinstance(raw, dict):
        raise Invalid(FieldError("mapper", "expected fields with their expressions"))
    return raw


def _tried(found: IntegrationInfo, text: str, message: str) -> Trial:
    try:
        mapper = _read(text)
    except Invalid as error:
        return Trial(errors=error.errors)
    body = message[:_LONGEST_MESSAGE].encode("utf-8", "replace")
    return try_mapper(found.kind, found.config, mapper=mapper, body=body, headers={})


def _page(
    request: HttpRequest, reader: Reader, found: IntegrationInfo, values: Mapping[str, str], status: int = 200
) -> HttpResponse:
    source = registry.source(found.kind)
    events = queries.recent_events(found.id, limit=_RECENT)
    text = values.get("mapper") or _written(mapper_of(found.kind, found.config))
    sample = source.sample("test-event").decode("utf-8", "replace")
    message = values.get("message") or (events[0].payload if events else sample)
    context = {
        "integration": found,
        "title": source.title,
        "mapper": text,
        "message": message,
        "samples": [
            ("Sample of the tool", sample),
            *((f"{e.action} {e.dedup_key}", e.payload) for e in events),
        ],
        "trial": _tried(found, text, message),
        "help": HELP,
        "changed": bool(found.config.get("mapper")) and found.kind != "json",
        "may_edit": can(reader.actor, Permission.EDIT_TEAM, [found.team_id] if found.team_id else []),
    }
    return private(render(request, "mapper/edit.html", context, status=status))


@signed_in
@require_GET
def show(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    return _page(request, reader, _found(name), {})


@signed_in
@require_POST
def test(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    found = _found(name)
    values = {word: request.POST.get(word, "") for word in ("mapper", "message")}
    if request.headers.get("HX-Request"):
        trial = _tried(found, values["mapper"], values["message"])
        return private(render(request, "mapper/trial.html", {"trial": trial}))
    return _page(request, reader, found, values)


@signed_in
@require_POST
def save(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    """An empty mapper is the kind's own again."""
    found = _found(name)
    values = {word: request.POST.get(word, "") for word in ("mapper", "message")}
    config = dict(found.config)
    try:
        if request.POST.get("reset"):
            config.pop("mapper", None)
        else:
            config["mapper"] = _read(values["mapper"])
        actions.save_integration(actor=reader.actor, spec=found.spec(config), now=now())
    except Invalid:  # the trial below says what is wrong, field by field
        return _page(request, reader, found, values, status=422)
    messages.success(request, "Saved: the next event is read by it.")
    return redirect("mapper", name)
