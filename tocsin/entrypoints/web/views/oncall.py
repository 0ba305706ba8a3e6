from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tocsin.apps.catalog import queries as catalog
from tocsin.apps.escalation import queries as escalation
from tocsin.apps.notify import queries as notify
from tocsin.apps.oncall import queries
from tocsin.apps.oncall.types import ScheduleInfo
from tocsin.domain.errors import NotFound
from tocsin.domain.escalation.model import Policy
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import names, signed_in
from tocsin.entrypoints.web.views.services import who_now
from tocsin.lib.clock import now


@dataclass(frozen=True)
class PolicyRow:
    policy: Policy
    services: tuple[str, ...]
    who_now: dict[int, tuple[str, ...]]


@signed_in
@require_GET
def now_board(request: HttpRequest, reader: Reader) -> HttpResponse:
    rows = [row for row in queries.now_board(now()) if row.schedule not in _parts(queries.schedules())]
    people = {shift.user for row in rows for shift in row.now if shift.user}
    reachable = notify.deliverable(people)
    context = {
        "rows": rows,
        "mine": [row.schedule for row in rows if any(shift.user == reader.email for shift in row.now)],
        "names": names(),
        "unreachable_people": {email: not reachable.get(email, False) for email in people},
    }
    return render(request, "oncall/now.html", context)


def _parts(schedules: Sequence[ScheduleInfo]) -> frozenset[str]:
    """Schedules that exist only because a rotation does which is a layer of another: that one answers."""
    implied = {each.name for each in schedules if each.implicit}
    return frozenset(
        layer.rotation
        for each in schedules
        for layer in each.layers
        if layer.rotation in implied and layer.rotation != each.name
    )


@signed_in
@require_GET
def schedules(request: HttpRequest, reader: Reader) -> HttpResponse:  # noqa: ARG001  (the door's signature)
    board = {row.schedule: row for row in queries.now_board(now())}
    rows = [(info, board.get(info.name)) for info in queries.schedules(search=request.GET.get("q", ""))]
    return render(request, "oncall/schedules.html", {"rows": rows, "names": names()})


@signed_in
@require_GET
def policies(request: HttpRequest, reader: Reader) -> HttpResponse:  # noqa: ARG001  (same)
    used: dict[str, list[str]] = {}
    for service in catalog.services():
        if service.escalation_policy:
            used.setdefault(service.escalation_policy, []).append(service.name)
    rows = [
        PolicyRow(policy, tuple(used.get(policy.name, ())), who_now(policy))
        for policy in escalation.policies()
    ]
    return render(request, "oncall/policies.html", {"rows": rows, "names": names()})


@signed_in
@require_GET
def policy(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:  # noqa: ARG001  (same)
    found = escalation.policy(name)
    if found is None:
        raise NotFound("escalation policy", name)
    services = [each.name for each in catalog.services() if each.escalation_policy == name]
    context = {"policy": found, "services": services, "who_now": who_now(found), "names": names()}
    return render(request, "oncall/policy.html", context)
