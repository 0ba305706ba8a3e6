"""One schedule: the lanes and their table, for any stretch of time in any zone."""

from datetime import timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode
from zoneinfo import available_timezones

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from tocsin.apps.identity import queries as identity
from tocsin.apps.oncall import queries
from tocsin.apps.oncall.types import ScheduleInfo
from tocsin.domain.errors import NotFound
from tocsin.domain.permissions import Actor, Permission, can
from tocsin.domain.schedule import current, following
from tocsin.entrypoints.web import window
from tocsin.entrypoints.web.lanes import ink
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.sheet import plan_of, sheet
from tocsin.entrypoints.web.views.common import names, signed_in
from tocsin.lib.clock import now

_KEPT = timedelta(days=16)


@signed_in
@require_GET
def show(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    at = now()
    info = need(name)
    seen = window.asked(request.GET, info.timezone, reader.timezone, at)
    made = queries.book(since=min(seen.start, at) - _KEPT, of=(name,))
    plan, colours = plan_of(made, name), ink(info.people, names())
    drawn = sheet(made, info, seen, colours)
    on_now = [shift for shift in current(made, plan, at) if shift.user is not None]
    context: dict[str, Any] = {
        "schedule": info,
        "window": seen,
        "sheet": drawn,
        "picture": drawn.picture,
        "now_shifts": [(shift, seen.said(shift.end)) for shift in on_now],
        "next_shifts": [(shift, seen.said(shift.start)) for shift in following(made, plan, at)],
        "ink": colours,
        "names": colours.called,
        "mine": reader.timezone,
        "zones": zones(),
        "may_override": may(reader.actor, Permission.OVERRIDE, info),
        "may_edit": may(reader.actor, Permission.EDIT_TEAM, info),
        "people": identity.people(),
        "dialog_values": {"zone": seen.zone.key, "next": f"{request.path}{seen.here}"},
        "add_url": urlencode({"back": f"{request.path}{seen.here}"}),
    }
    return render(request, "oncall/schedule.html", context)


def need(name: str) -> ScheduleInfo:
    info = queries.schedule(name)
    if info is None:
        raise NotFound("schedule", name)
    return info


def may(actor: Actor, permission: Permission, info: ScheduleInfo) -> bool:
    """For showing or hiding a button; the actions check again."""
    team = identity.team(info.team) if info.team else None
    return can(actor, permission, [team.id] if team else ())


@lru_cache(maxsize=1)
def zones() -> SafeString:
    """The options of a `<datalist>`: every zone that there is."""
    places = sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
    return format_html_join("", '<option value="{}">', ((name,) for name in ["UTC", *places]))
