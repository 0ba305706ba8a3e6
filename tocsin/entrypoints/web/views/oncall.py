from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from tocsin.apps.catalog import queries as catalog
from tocsin.apps.escalation import queries as escalation
from tocsin.apps.notify import queries as notify
from tocsin.apps.oncall import queries
from tocsin.apps.oncall.types import ScheduleInfo
from tocsin.domain.errors import NotFound
from tocsin.domain.escalation.model import Policy
from tocsin.domain.schedule import Layer, Schedule, Shift, resolve
from tocsin.entrypoints.web.reader import Reader, zone
from tocsin.entrypoints.web.templatetags.tocsin import initials
from tocsin.entrypoints.web.views.common import names, signed_in
from tocsin.entrypoints.web.views.services import who_now
from tocsin.lib.clock import now

_WEEK = timedelta(days=7)
# In percent of the week: 17 h, 8 h and 4 h.
_FITS_NAME, _FITS_FIRST, _FITS_INITIALS = 10.0, 4.7, 2.3


@dataclass(frozen=True)
class Bar:
    """In percent of the week."""

    x: float
    width: float
    user: str | None
    label: str


@dataclass(frozen=True)
class Lane:
    label: str
    sub: str
    bars: tuple[Bar, ...]
    final: bool = False


@dataclass(frozen=True)
class Tick:
    x: float
    label: str


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
def schedule(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:  # noqa: ARG001  (same)
    info = queries.schedule(name)
    if info is None:
        raise NotFound("schedule", name)
    start = week_of(request.GET.get("week", ""), info)
    end = start + _WEEK
    last = end - timedelta(hours=1)
    shifts = queries.shifts(name, start, end)
    called = names()
    context = {
        "schedule": info,
        "week": f"{start.day} {start:%b} to {last.day} {last:%b %Y}",
        "before": (start - timedelta(days=4)).date(),
        "after": (end + timedelta(days=3)).date(),
        "ticks": ticks(start),
        "now_x": _percent(now(), start) if start <= now() < end else None,
        "lanes": lanes(info, shifts, start, called),
        "shifts": shifts,
        "overrides": queries.overrides(name, since=start),
        "names": called,
    }
    return render(request, "oncall/schedule.html", context)


def week_of(asked: str, info: ScheduleInfo) -> datetime:
    """Monday 00:00 of the week of that day (or of today), in the schedule's zone."""
    home = zone(info.timezone)
    try:
        day = date.fromisoformat(asked)
    except ValueError:
        day = now().astimezone(home).date()
    return datetime.combine(day - timedelta(days=day.weekday()), time(), tzinfo=home)


def ticks(start: datetime) -> tuple[Tick, ...]:
    days = (start + timedelta(days=count) for count in range(7))
    return tuple(Tick(round(count * 100 / 7, 3), f"{day:%a} {day.day}") for count, day in enumerate(days))


def lanes(info: ScheduleInfo, shifts: Sequence[Shift], start: datetime, called: dict[str, str]) -> list[Lane]:
    """The answer first, then one lane per rotation as it would be without overrides."""
    made = queries.book(since=start)
    found = [
        Lane("On call", "the answer", _bars(row, start, called), final=True)
        if number == 0
        else Lane("", "", _bars(row, start, called), final=True)
        for number, row in enumerate(apart(shifts))
    ]
    words = {each.name: each.summary for each in queries.rotations()}
    for layer in info.layers:
        alone = Schedule(info.name, zone(info.timezone), (Layer(layer.rotation, 0, layer.role),))
        turns = resolve(made, alone, start, start + _WEEK)
        there = [shift for shift in turns if shift.user is not None]
        found.append(Lane(layer.rotation, words.get(layer.rotation, ""), _bars(there, start, called)))
    return found


def apart(shifts: Sequence[Shift]) -> list[list[Shift]]:
    """In rows in which no two overlap: people who are on call together stand under one another."""
    rows: list[list[Shift]] = [[]]
    for shift in sorted(shifts, key=lambda each: each.start):
        free = next((row for row in rows if not row or row[-1].end <= shift.start), None)
        if free is None:
            rows.append([shift])
        else:
            free.append(shift)
    return rows


def _bars(shifts: Sequence[Shift], start: datetime, called: dict[str, str]) -> tuple[Bar, ...]:
    found = []
    for shift in shifts:
        x = _percent(shift.start, start)
        width = round(_percent(shift.end, start) - x, 3)
        name = called.get(shift.user, shift.user) if shift.user else "nobody"
        found.append(Bar(x, width, shift.user, fitting(name, width)))
    return tuple(found)


def fitting(name: str, width: float) -> str:
    """As much of a name as a bar of that width, in percent of the week, has room for."""
    if width >= _FITS_NAME:
        return name
    if width >= _FITS_FIRST:
        return name.split(maxsplit=1)[0]
    return initials(name) if width >= _FITS_INITIALS else ""


def _percent(moment: datetime, start: datetime) -> float:
    share = (moment - start.astimezone(timezone.get_default_timezone())) / _WEEK
    return round(min(max(share, 0.0), 1.0) * 100, 3)


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
