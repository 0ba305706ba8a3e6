from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tocsin.apps.catalog import queries as catalog
from tocsin.apps.catalog.types import ServiceInfo
from tocsin.apps.escalation import queries as escalation
from tocsin.apps.identity import queries
from tocsin.apps.identity.types import TeamInfo
from tocsin.apps.incidents import queries as incidents
from tocsin.apps.notify import queries as notify
from tocsin.apps.oncall import queries as oncall
from tocsin.apps.oncall.types import OnCallNow, ScheduleChecks
from tocsin.domain.errors import NotFound
from tocsin.domain.escalation.model import TargetKind
from tocsin.domain.schedule import Book
from tocsin.entrypoints.web.lanes import Ink, Lane, Picture, final_lanes, ink, legend
from tocsin.entrypoints.web.reader import Reader, zone
from tocsin.entrypoints.web.sheet import seen
from tocsin.entrypoints.web.views.checks import floor_percent
from tocsin.entrypoints.web.views.common import names, signed_in
from tocsin.entrypoints.web.window import Span, Window
from tocsin.lib.clock import now

_STRIP = timedelta(days=14)
_CHECKED_DAYS = 28
_LISTED = 12
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class TeamRow:
    team: TeamInfo
    services: int
    open: int


@dataclass(frozen=True)
class Rota:
    """One schedule of the team: who has it, and how well it holds for the next four weeks."""

    board: OnCallNow
    checks: ScheduleChecks
    percent: str

    @property
    def full(self) -> bool:
        return self.checks.coverage.covered == self.checks.coverage.total


@dataclass(frozen=True)
class Share:
    """What one person carries in all schedules of the team; `part` of the heaviest load, in percent."""

    email: str
    total: timedelta
    part: float


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
    at, called = now(), names()
    services = catalog.services(team=name)
    boards = boards_of(name, called_for(services), at)
    rotas = [rota_of(board, at) for board in boards[:_LISTED]]
    emails = {member.email for member in team.members}
    away = oncall.absences(start=at, end=at + timedelta(days=_CHECKED_DAYS))
    context = {
        "team": team,
        "rotas": rotas,
        "left_out": max(len(boards) - _LISTED, 0),
        "picture": strip(rotas, called, reader.timezone or team.hours().zone.key, at),
        "away": [each for each in away if each.email in emails],
        "shares": shares(rotas),
        "hours": hours_text(team),
        "reachable": notify.deliverable([member.email for member in team.members]),
        "services": services,
        "rows": incidents.incidents(actor=reader.actor, status="open", team=name, limit=50).items,
        "names": called,
    }
    return render(request, "people/team.html", context)


def called_for(services: Iterable[ServiceInfo]) -> frozenset[str]:
    """The schedules that the policies of these services call."""
    wanted = {each.escalation_policy for each in services}
    return frozenset(
        target.name
        for policy in escalation.policies()
        if policy.name in wanted
        for targets in (*(step.targets for step in policy.steps), policy.final)
        for target in targets
        if target.kind is TargetKind.SCHEDULE
    )


def boards_of(team: str, called: Collection[str], at: datetime) -> list[OnCallNow]:
    """The team's own schedules, then those of others, or of nobody, that its services call."""
    found = [row for row in oncall.now_board(at) if row.team == team or row.schedule in called]
    return sorted(found, key=lambda row: row.team != team)


def rota_of(board: OnCallNow, at: datetime) -> Rota:
    checks = oncall.checks(board.schedule, now=at, days=_CHECKED_DAYS)
    return Rota(board, checks, floor_percent(checks.coverage.percent))


def strip(rotas: Sequence[Rota], called: Mapping[str, str], zone_name: str, at: datetime) -> Picture | None:
    """The answers of all schedules of the team, under one another."""
    if not rotas:
        return None
    home = zone(zone_name)
    first = at.astimezone(home).date()
    window = Window(first, first + _STRIP, home, at, Span.TWO_WEEKS)
    made = oncall.book(since=window.start)
    colours = ink([each.email for each in shares(rotas)], called)
    lanes = [lane for rota in rotas for lane in _lanes(made, rota.board.schedule, window, colours)]
    return Picture(window, tuple(lanes), legend(lanes, colours))


def _lanes(made: Book, name: str, window: Window, colours: Ink) -> list[Lane]:
    first, *more = final_lanes(seen(made, name, window), window, colours)
    role = "" if first.sub == "the answer" else first.sub
    return [replace(first, label=name, sub=role), *more]


def shares(rotas: Sequence[Rota]) -> list[Share]:
    """Everybody who carries anything, the heaviest load first."""
    totals: dict[str, timedelta] = {}
    for rota in rotas:
        for each in rota.checks.load.people:
            totals[each.user] = totals.get(each.user, timedelta()) + each.total
    heaviest = max(totals.values(), default=timedelta()) or timedelta(1)
    found = [Share(email, total, round(100 * (total / heaviest), 1)) for email, total in totals.items()]
    return sorted(found, key=lambda share: (-share.total, share.email))


def hours_text(team: TeamInfo) -> str:
    hours = team.hours()
    days = " ".join(_DAYS[day] for day in sorted(hours.days))
    return f"{days}, {hours.start:%H:%M}–{hours.end:%H:%M} ({hours.zone})"
