from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tocsin.apps.catalog import queries as catalog
from tocsin.apps.identity import queries
from tocsin.apps.identity.types import TeamInfo
from tocsin.apps.incidents import queries as incidents
from tocsin.apps.notify import queries as notify
from tocsin.domain.errors import NotFound
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import names, signed_in

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class TeamRow:
    team: TeamInfo
    services: int
    open: int


@signed_in
@require_GET
def index(request: HttpRequest, reader: Reader) -> HttpResponse:
    services = catalog.services()
    rows = incidents.incidents(actor=reader.actor, status="open", limit=200).items
    teams = [
        TeamRow(
            team,
            sum(service.team == team.name for service in services),
            sum(row.team == team.name for row in rows),
        )
        for team in queries.teams()
    ]
    return render(request, "people/teams.html", {"teams": teams})


@signed_in
@require_GET
def show(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    team = queries.team(name)
    if team is None:
        raise NotFound("team", name)
    context = {
        "team": team,
        "hours": hours_text(team),
        "reachable": notify.deliverable([member.email for member in team.members]),
        "services": catalog.services(team=name),
        "rows": incidents.incidents(actor=reader.actor, status="open", team=name, limit=50).items,
        "names": names(),
    }
    return render(request, "people/team.html", context)


def hours_text(team: TeamInfo) -> str:
    hours = team.hours()
    days = " ".join(_DAYS[day] for day in sorted(hours.days))
    return f"{days}, {hours.start:%H:%M}–{hours.end:%H:%M} ({hours.zone})"
