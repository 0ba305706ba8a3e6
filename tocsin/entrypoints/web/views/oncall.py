from collections.abc import Sequence
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tocsin.apps.notify import queries as notify
from tocsin.apps.oncall import queries
from tocsin.apps.oncall.types import ScheduleInfo
from tocsin.domain.schedule import Book, Shift, resolve
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import names, portion, signed_in
from tocsin.entrypoints.web.views.rota import may_make
from tocsin.lib.clock import now

_LOOK = timedelta(days=14)  # how far the list of schedules looks for a time without anybody


@signed_in
@require_GET
def now_board(request: HttpRequest, reader: Reader) -> HttpResponse:
    every = queries.schedules()
    parts = parts_of(every)
    rows = queries.now_board(now(), [info.name for info in every if info.name not in parts])
    people = {shift.user for row in rows for shift in row.now if shift.user}
    reachable = notify.deliverable(people)
    context = {
        "rows": rows,
        "mine": [row.schedule for row in rows if any(shift.user == reader.email for shift in row.now)],
        "names": names(),
        "unreachable_people": {email: not reachable.get(email, False) for email in people},
    }
    return render(request, "oncall/now.html", context)


def parts_of(schedules: Sequence[ScheduleInfo]) -> frozenset[str]:
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
def schedules(request: HttpRequest, reader: Reader) -> HttpResponse:
    at, asked = now(), request.GET.get("q", "").strip()
    every = queries.schedules()
    parts = parts_of(every)
    found = [info for info in every if info.name not in parts and asked.lower() in info.name.lower()]
    shown, cursor = portion(request, found)
    board = {row.schedule: row for row in queries.now_board(at, [info.name for info in shown])}
    made = queries.book(since=at)
    context = {
        "rows": [(info, board.get(info.name), _first_gap(made, info, at)) for info in shown],
        "cursor": cursor,
        "now": at,
        "q": asked,
        "any": bool(every),
        "rotations": [
            (each, [info.name for info in every if info.name not in parts and _has(info, each.name)])
            for each in queries.rotations()
            if asked.lower() in each.name.lower()
        ],
        "may_make": may_make(reader),
        "names": names(),
    }
    return render(request, "oncall/schedules.html", context)


def _has(info: ScheduleInfo, rotation: str) -> bool:
    return any(layer.rotation == rotation for layer in info.layers)


def _first_gap(made: Book, info: ScheduleInfo, at: datetime) -> Shift | None:
    """The first time of the coming two weeks in which nobody is on call."""
    plan = made.schedule(info.name)
    coming = resolve(made, plan, at, at + _LOOK) if plan else []
    return next((shift for shift in coming if shift.user is None), None)
