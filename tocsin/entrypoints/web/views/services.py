from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tocsin.apps.catalog import queries
from tocsin.apps.catalog.types import ServiceInfo
from tocsin.apps.escalation import queries as escalation
from tocsin.apps.identity import queries as identity
from tocsin.apps.incidents import queries as incidents
from tocsin.apps.incidents.types import IncidentRow
from tocsin.apps.integrations import queries as integrations
from tocsin.domain.errors import NotFound
from tocsin.domain.escalation.model import Policy
from tocsin.domain.permissions import Permission, can
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import names, portion, signed_in
from tocsin.lib.clock import now

_OPEN_MOST = 200


@dataclass(frozen=True)
class ServiceRow:
    service: ServiceInfo
    open: int
    worst: str
    on_call: tuple[str, ...]


def open_by_service(rows: Sequence[IncidentRow]) -> Mapping[str, list[IncidentRow]]:
    found: dict[str, list[IncidentRow]] = {}
    for row in rows:
        found.setdefault(row.service, []).append(row)
    return found


@signed_in
@require_GET
def index(request: HttpRequest, reader: Reader) -> HttpResponse:
    every = queries.services()
    search, team, tier = (forms.text(request.GET, name) for name in ("q", "team", "tier"))
    wanted = [
        service
        for service in every
        if search.lower() in f"{service.name} {service.description}".lower()
        and team in {"", service.team or ""}
        and tier in {"", str(service.tier or "")}
    ]
    busy = open_by_service(incidents.incidents(actor=reader.actor, status="open", limit=_OPEN_MOST).items)
    worst = {name: min(row.severity for row in rows) for name, rows in busy.items()}
    wanted.sort(key=lambda service: (worst.get(service.name, "~"), service.tier or 9, service.name))
    shown, following = portion(request, wanted)
    first = first_line({service.escalation_policy for service in shown})
    rows = [
        ServiceRow(
            service,
            len(busy.get(service.name, ())),
            worst.get(service.name, ""),
            first.get(service.escalation_policy or "", ()),
        )
        for service in shown
    ]
    context = {
        "rows": rows,
        "next_cursor": following,
        "names": names(),
        "team_names": [each.name for each in identity.teams()],
        "may_make": reader.may[Permission.EDIT_TEAM] or bool(reader.actor.administers),
        "tiers": sorted({service.tier for service in every if service.tier is not None}),
    }
    return render(request, "services/index.html", context)


def first_line(policies: set[str | None]) -> dict[str, tuple[str, ...]]:
    """For each policy, whom its first step that reaches anybody would call now."""
    found: dict[str, tuple[str, ...]] = {}
    for name in policies:
        policy = escalation.policy(name) if name else None
        if name and policy:
            steps = who_now(policy)
            found[name] = next((people for _, people in sorted(steps.items()) if people), ())
    return found


def who_now(policy: Policy) -> dict[int, tuple[str, ...]]:
    """Step (from 0) → e-mails of who would be called if it fired now."""
    return dict(enumerate(escalation.ladder(policy, at=now())))


@signed_in
@require_GET
def show(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    service = queries.service(name)
    if service is None:
        raise NotFound("service", name)
    policy = escalation.policy(service.escalation_policy) if service.escalation_policy else None
    steps = who_now(policy) if policy else {}
    busy = open_by_service(incidents.incidents(actor=reader.actor, status="open", limit=_OPEN_MOST).items)
    context = {
        "service": service,
        "policy": policy,
        "who_now": steps,
        "on_call": next((people for _, people in sorted(steps.items()) if people), ()),
        "rows": busy.get(name, ()),
        "open_by_service": {other: len(rows) for other, rows in busy.items()},
        "integrations": [each for each in integrations.integrations() if each.service == name],
        "may_edit": may_edit(reader, service),
        "names": names(),
    }
    return render(request, "services/show.html", context)


def may_edit(reader: Reader, service: ServiceInfo) -> bool:
    """For showing or hiding; the actions check again."""
    return can(reader.actor, Permission.EDIT_TEAM, () if service.team_id is None else [service.team_id])
