"""The rules of an integration that takes mail: edited, tried on a mail, saved."""

from collections.abc import Mapping
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from tocsin.apps.integrations import actions, queries
from tocsin.apps.integrations.trying import rules_of
from tocsin.apps.integrations.types import IntegrationInfo
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound
from tocsin.domain.permissions import Permission, can
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.rotaforms import need_same, version
from tocsin.entrypoints.web.ruleforms import config_of, place_errors, posted_rules, rules_values
from tocsin.entrypoints.web.views.common import private, signed_in
from tocsin.lib.clock import now
from tocsin.ports import registry
from tocsin.ports.source import RuledSource

_LONGEST: Final = 1024 * 1024
_RECENT: Final = 5


def _found(name: str) -> tuple[IntegrationInfo, RuledSource]:
    found = queries.integration(name)
    source = registry.source(found.kind) if found else None
    if found is None or not isinstance(source, RuledSource):
        raise NotFound("integration with rules", name)
    return found, source


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    """A row button changes the form only; `save` saves; anything else tries the rules on the mail."""
    found, source = _found(name)
    if request.method != "POST":
        values = rules_values(found.config, source.words.operators)
        return _page(request, reader, found, {**values, "version": version(found.config)})
    values = posted_rules(request.POST) | {"message": request.POST.get("message", "")}
    if request.headers.get("HX-Request"):
        trial = _trial(found, values, values["message"])
        return private(render(request, "rules/trial.html", {"trial": trial, "values": values}))
    if request.POST.get("do") != "save":
        return _page(request, reader, found, values)
    try:
        need_same(
            "integration",
            seen=values["version"],
            present=version(found.config),
            from_file=found.from_file,
        )
        spec = found.spec(config_of(values, found.config))
        actions.save_integration(actor=reader.actor, spec=spec, now=now())
    except Conflict as conflict:
        values["version"] = version(found.config)
        return _page(request, reader, found, values, status=409, conflict=str(conflict))
    except Invalid as error:
        return _page(request, reader, found, values, status=422, errors=error.errors)
    messages.success(request, "Saved: the next mail is judged by them.")
    return redirect("rules", name)


def _page(
    request: HttpRequest,
    reader: Reader,
    found: IntegrationInfo,
    values: dict[str, Any],
    status: int = 200,
    conflict: str = "",
    errors: tuple[FieldError, ...] = (),
) -> HttpResponse:
    source = _found(found.name)[1]
    shown = _samples(found, source)
    values["message"] = values.get("message") or shown[0][1]
    others = place_errors(values, errors)
    context = {
        "integration": found,
        "title": source.title,
        "values": values,
        "words": source.words,
        "samples": shown,
        "trial": _trial(found, values, values["message"]),
        "conflict": conflict,
        "errors": others,
        "may_edit": can(reader.actor, Permission.EDIT_TEAM, [found.team_id] if found.team_id else []),
    }
    return private(render(request, "rules/edit.html", context, status=status))


def _samples(found: IntegrationInfo, source: RuledSource) -> list[tuple[str, str]]:
    """What came lately, then what the source gives to be tried: title and mail."""
    events = [each for each in queries.recent_events(found.id, limit=_RECENT) if each.raw]
    mails = [(f"{each.action} {each.dedup_key}", source.message_of(each.raw)) for each in events]
    return [*((title, mail.decode("utf-8", "replace")) for title, mail in mails), *source.examples]


def _trial(found: IntegrationInfo, values: dict[str, Any], message: str) -> Mapping[str, object]:
    """The verdict, or what is wrong with the rules or the mail."""
    try:
        source = rules_of(found.kind, config_of(values, found.config))
        if source is None:
            raise NotFound("integration with rules", found.name)
        return {"verdict": source.judge(message[:_LONGEST].encode("utf-8", "replace"))}
    except Invalid as error:
        return {"errors": error.errors}
