"""Escalation policies: drawn as ladders, edited on the drawing, and fired in a rehearsal before they are
saved.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from tocsin.apps.catalog import queries as catalog
from tocsin.apps.escalation import naming, queries, settings
from tocsin.apps.escalation.types import PolicyInfo
from tocsin.apps.identity import queries as identity
from tocsin.apps.oncall import queries as oncall
from tocsin.domain.configuration.ladder import policy_form
from tocsin.domain.errors import Conflict, Invalid, NotFound
from tocsin.domain.escalation.model import During, Policy
from tocsin.domain.permissions import Permission, can
from tocsin.domain.severity import Severity
from tocsin.entrypoints.web import forms, ladderforms, rehearsal, rotaforms
from tocsin.entrypoints.web.ladderforms import Known, Values
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.rehearsal import Rehearsal
from tocsin.entrypoints.web.views.common import attempt, names, portion, signed_in
from tocsin.entrypoints.web.views.rota import may_make
from tocsin.entrypoints.web.views.services import who_now
from tocsin.lib.clock import now
from tocsin.ports import registry


@dataclass(frozen=True)
class PolicyRow:
    policy: Policy
    team: str | None
    from_file: bool
    services: tuple[str, ...]
    who_now: dict[int, tuple[str, ...]]


@signed_in
@require_GET
def index(request: HttpRequest, reader: Reader) -> HttpResponse:
    asked = forms.text(request.GET, "q")
    every = queries.policy_infos()
    found = [info for info in every if asked.lower() in f"{info.policy.name} {info.team or ''}".lower()]
    shown, following = portion(request, found)
    used = used_by_services()
    rows = [
        PolicyRow(
            info.policy,
            info.team,
            info.from_file,
            tuple(used.get(info.policy.name, ())),
            who_now(info.policy),
        )
        for info in shown
    ]
    context = {
        "rows": rows,
        "any": bool(every),
        "next_cursor": following,
        "q": asked,
        "may_make": may_make(reader),
        "names": names(),
    }
    return render(request, "oncall/policies.html", context)


def used_by_services() -> dict[str, list[str]]:
    used: dict[str, list[str]] = {}
    for service in catalog.services():
        if service.escalation_policy:
            used.setdefault(service.escalation_policy, []).append(service.name)
    return used


@signed_in
@require_GET
def show(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    info = need(name)
    fired = rehearsal.play(info.policy, request.GET)
    context = {
        "info": info,
        "policy": info.policy,
        "services": used_by_services().get(name, ()),
        "fallback_of": _fallback_of(name),
        "who_now": who_now(info.policy),
        "yaml": _yaml(info),
        "may_edit": _may_edit(reader, info),
        "may_make": may_make(reader),
        "names": names(),
        **_rehearsed(fired),
    }
    return render(request, "oncall/policy.html", context)


def need(name: str) -> PolicyInfo:
    found = next((info for info in queries.policy_infos() if info.policy.name == name), None)
    if found is None:
        raise NotFound("escalation policy", name)
    return found


def _yaml(info: PolicyInfo) -> str:
    """As a file would say it."""
    document = {"escalation_policies": [policy_form(info.policy)]}
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def _fallback_of(name: str) -> list[str]:
    return [policy.name for policy in queries.policies() if policy.fallback == name]


def _may_edit(reader: Reader, info: PolicyInfo) -> bool:
    """For showing or hiding; the actions check again."""
    team = identity.team(info.team) if info.team else None
    return can(reader.actor, Permission.EDIT_TEAM, [team.id] if team else ())


@signed_in
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, reader: Reader) -> HttpResponse:
    if request.method == "POST":
        return _answer(request, reader, None)
    copied = forms.text(request.GET, "from")
    if not copied:
        return _form(request, reader, ladderforms.new_policy(), None)
    info = need(copied)
    values = ladderforms.policy_values(info.policy, info.team)
    return _form(request, reader, values | {"name": f"{copied} (copy)"}, None)


@signed_in
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    info = need(name)
    if request.method == "POST":
        return _answer(request, reader, info)
    values = ladderforms.policy_values(info.policy, info.team) | {"version": _version(info)}
    return _form(request, reader, values, info)


def _answer(request: HttpRequest, reader: Reader, before: PolicyInfo | None) -> HttpResponse:
    values = ladderforms.posted_policy(request.POST)
    if before is not None:
        values["name"] = before.policy.name
    deed = request.POST.get("do", "")
    if ladderforms.is_row_deed(deed):
        return _form(request, reader, values, before)
    try:
        policy = ladderforms.policy_of(values, _known(), named=deed == "save")
        if deed != "save":
            return _form(request, reader, values, before, policy=policy)
        settings.save_policy(
            actor=reader.actor,
            policy=policy,
            team=values["team"] or None,
            check=lambda: _check(before, values, policy),
            now=now(),
        )
    except Invalid as error:
        return _form(request, reader, values, before, errors=forms.errors_of(error))
    except Conflict as error:
        present = _present(values["name"])
        fresh = {"version": _version(present)} if present else {}
        return _form(request, reader, values | fresh, before, conflict=error.detail, present=present)
    messages.success(request, f"{policy.name} is saved. What climbs already keeps the ladder it had.")
    return redirect("policy", policy.name)


def _present(name: str) -> PolicyInfo | None:
    return next((info for info in queries.policy_infos() if info.policy.name == name), None)


def _check(before: PolicyInfo | None, values: Values, policy: Policy) -> None:
    naming.check(policy)
    present = _present(values["name"])
    if before is None:
        rotaforms.need_free(values["name"], [present.policy.name] if present else ())
        return
    version = _version(present) if present else ""
    rotaforms.need_same(
        "policy",
        seen=values["version"],
        present=version,
        from_file=present is not None and present.from_file,
    )


def _version(info: PolicyInfo) -> str:
    return rotaforms.version({**policy_form(info.policy), "team": info.team})


def _known() -> Known:
    return Known(
        people=[person.email for person in identity.people()],
        schedules=sorted(oncall.names()),
        teams=[team.name for team in identity.teams()],
        policies=[policy.name for policy in queries.policies()],
        rooms={kind: each.title for kind, each in registry.channels.items() if each.abilities.rooms},
    )


@signed_in
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    info = need(name)
    services, leaning = used_by_services().get(name, []), _fallback_of(name)

    def deed() -> None:
        if info.from_file:
            raise Conflict(f"The policy “{name}” comes from a file; remove it there or unlock it.")
        if leaning:
            raise Conflict(f"“{name}” is still the fallback of: {', '.join(leaning)}.")
        settings.delete_policy(actor=reader.actor, name=name, now=now())

    if request.method == "POST":
        if attempt(request, deed, f"The policy “{name}” is deleted."):
            return redirect("policies")
        return redirect("policy_delete", name)
    context = {"name": name, "services": services, "leaning": leaning, "info": info}
    return render(request, "oncall/policy_delete.html", context)


def _rehearsed(fired: Rehearsal) -> dict[str, Any]:
    return {
        "fired": fired,
        "fire_severities": list(Severity),
        "services_known": [service.name for service in catalog.services()],
    }


def _form(
    request: HttpRequest,
    reader: Reader,
    values: Values,
    before: PolicyInfo | None,
    *,
    policy: Policy | None = None,
    errors: Mapping[str, str] | None = None,
    conflict: str = "",
    present: PolicyInfo | None = None,
) -> HttpResponse:
    data = request.POST if request.method == "POST" else request.GET
    known = _known()
    if policy is None and not errors:
        policy = _readable(values, known)
    context = {
        "name": before.policy.name if before else "",
        "info": before,
        "values": ladderforms.marked(values, errors or {}),
        "errors": errors or {},
        "conflict": conflict,
        "present": present,
        "present_who": who_now(present.policy) if present else {},
        "kinds": ladderforms.kinds(known.rooms, ladderforms.used_kinds(values)),
        "may_edit": may_make(reader) if before is None else _may_edit(reader, before),
        "known": known,
        "people": identity.people(),
        "teams": identity.teams(),
        "others": _others(known.policies, before),
        "durings": list(During),
        "severities": list(Severity),
        "names": names(),
        **_rehearsed(rehearsal.play(policy, data) if policy else rehearsal.asked(data)),
    }
    # Looking at what is not finished yet is no mistake.
    wrong = bool(errors) and data.get("do") == "save"
    status = 409 if conflict else 422 if wrong else 200
    return render(request, "oncall/policy_edit.html", context, status=status)


def _readable(values: Values, known: Known) -> Policy | None:
    try:
        return ladderforms.policy_of(values, known, named=False)
    except Invalid:
        return None


def _others(policies: Iterable[str], before: PolicyInfo | None) -> list[str]:
    return sorted(name for name in policies if before is None or name != before.policy.name)
