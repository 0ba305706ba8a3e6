"""What is doubtful about a schedule, and how its time is shared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from tocsin.apps.oncall import queries
from tocsin.domain.permissions import Permission
from tocsin.domain.schedule.checks import Check, Finding
from tocsin.domain.schedule.load import Load, PersonLoad
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.reader import Reader, zone
from tocsin.entrypoints.web.views import schedule as schedules
from tocsin.entrypoints.web.views.common import names, signed_in
from tocsin.lib.clock import now

DAYS = (30, 90, 180, 365)
_DEFAULT_DAYS = 90
_LONGEST = timedelta(days=400)


@dataclass(frozen=True)
class Kind:
    """How a kind of finding is shown, and what one does about it."""

    title: str
    icon: str
    tone: str
    advice: str


KINDS: Mapping[Check, Kind] = {
    Check.GAP: Kind(
        "Nobody on call", "triangle-alert", "bad", "Fill it: an override, another layer, a fallback."
    ),
    Check.FALLBACK: Kind(
        "Only the fallback", "life-buoy", "warn", "The fallback answers where no layer does."
    ),
    Check.DOUBLE: Kind(
        "Twice at once", "copy", "warn", "Somebody is on call for two things: ask for a swap."
    ),
    Check.NEVER: Kind(
        "Never on call", "user-round", "warn", "They stand in a rotation without a turn in a year."
    ),
    Check.UNREACHABLE: Kind("Cannot be reached", "bell-off", "bad", "They need a verified contact method."),
    Check.ABSENT: Kind("Away while on call", "sun", "warn", "Ask a colleague to take the shift."),
    Check.HOLIDAY: Kind("On call on a holiday", "calendar-days", "info", "Not wrong; it should be known."),
}


@dataclass(frozen=True)
class Fix:
    """A finding with the page where it is put right."""

    finding: Finding
    label: str
    url: str


@dataclass(frozen=True)
class CanDo:
    """What the reader may do about the schedule; the actions check again."""

    email: str
    override: bool
    edit: bool
    act_for_others: bool

    def swaps_for(self, email: str) -> bool:
        return self.act_for_others or email == self.email


@dataclass(frozen=True)
class Group:
    kind: Kind
    fixes: tuple[Fix, ...]


@dataclass(frozen=True)
class LoadRow:
    load: PersonLoad
    share: float  # of the heaviest, in percent: the length of the bar


@signed_in
@require_GET
def show(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:
    info = schedules.need(name)
    can_do = CanDo(
        email=reader.email,
        override=schedules.may(reader.actor, Permission.OVERRIDE, info),
        edit=schedules.may(reader.actor, Permission.EDIT_TEAM, info),
        act_for_others=queries.may_act_for(reader.actor, name),
    )
    found = queries.checks(name, now=now(), days=_days(request))
    home = zone(info.timezone)
    chosen = period(request, home)
    start, end = chosen or (found.start, found.end)
    load = queries.load(name, start, end) if chosen else found.load
    context = {
        "schedule": info,
        "checks": found,
        "percent": floor_percent(found.coverage.percent),
        "gap": found.coverage.total - found.coverage.covered,
        "groups": grouped(found.findings, can_do),
        "load": load,
        "load_rows": load_rows(load),
        "load_from": start.astimezone(home).date(),
        "load_until": (end - timedelta(minutes=1)).astimezone(home).date(),
        "days": _days(request),
        "spans": DAYS,
        "names": names(),
    }
    return render(request, "duty/checks.html", context)


def _days(request: HttpRequest) -> int:
    asked = request.GET.get("days", "")
    return int(asked) if asked.isdecimal() and int(asked[:4]) in DAYS else _DEFAULT_DAYS


def period(request: HttpRequest, home: ZoneInfo) -> tuple[datetime, datetime] | None:
    """The days `from` until and with `until`, on the schedule's wall; None unless both are given."""
    first, last = day_of(request, "from"), day_of(request, "until")
    if first is None or last is None or last < first:
        return None
    end = min(last, first + _LONGEST) + timedelta(days=1)
    return datetime.combine(first, time(), tzinfo=home), datetime.combine(end, time(), tzinfo=home)


def day_of(request: HttpRequest, field: str) -> date | None:
    try:
        found = date.fromisoformat(request.GET.get(field, ""))
    except ValueError:
        return None
    return found if found.year in forms.YEARS else None


def floor_percent(percent: float) -> str:
    """Never 100 while anything is missing."""
    if percent >= 100:  # noqa: PLR2004  (all of it)
        return "100"
    return f"{min(percent, 99.99):.2f}".rstrip("0").rstrip(".")


def grouped(findings: Sequence[Finding], can_do: CanDo) -> list[Group]:
    return [
        Group(kind, tuple(fix(each, can_do) for each in findings if each.check is check))
        for check, kind in KINDS.items()
        if any(each.check is check for each in findings)
    ]


def fix(finding: Finding, can_do: CanDo) -> Fix:
    """The form that puts it right, for who may send it; for others where to look."""
    page = reverse("schedule", args=[finding.schedule])
    start = finding.start
    match finding.check:
        case Check.UNREACHABLE if finding.user:
            return Fix(finding, "Contact methods", reverse("person", args=[finding.user]))
        case Check.GAP if can_do.override and start and finding.end:
            times = {"start": int(start.timestamp()), "end": int(finding.end.timestamp())}
            form = reverse("override_add", args=[finding.schedule])
            return Fix(finding, "Put somebody on call", f"{form}?{urlencode(times)}")
        case Check.ABSENT | Check.DOUBLE if start and finding.user and can_do.swaps_for(finding.user):
            shift = {"for": finding.user, "schedule": finding.schedule, "start": start.isoformat()}
            return Fix(finding, "Ask for a swap", f"{reverse('swap_new')}?{urlencode(shift)}")
        case Check.NEVER if can_do.edit:
            return Fix(finding, "The rotations", f"{reverse('schedules')}#rotations")
        case _:
            return Fix(finding, "Look at it", page + (f"?from={start.date().isoformat()}" if start else ""))


def load_rows(load: Load) -> list[LoadRow]:
    heaviest = max((each.total for each in load.people), default=timedelta()) or timedelta(1)
    return [LoadRow(each, round(100 * (each.total / heaviest), 1)) for each in load.people]
