"""Hours on call by month, for whoever pays them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from tocsin.apps.identity import queries as identity
from tocsin.apps.identity.types import Person
from tocsin.apps.oncall import actions, queries
from tocsin.apps.oncall.types import CorrectionInfo, PayRow
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.permissions import Permission, can
from tocsin.domain.schedule.hours import Kind
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import attempt, back, names, signed_in
from tocsin.entrypoints.web.views.myoncall import month_around
from tocsin.lib.clock import now

KINDS = {
    Kind.WEEKDAY: "Weekday",
    Kind.NIGHT: "Night",
    Kind.WEEKEND: "Weekend",
    Kind.HOLIDAY: "Holiday",
}


@dataclass(frozen=True)
class Line:
    row: PayRow
    minutes: tuple[tuple[str, int], ...]  # by class, corrections included


@dataclass(frozen=True)
class CorrectionRow:
    correction: CorrectionInfo
    may_withdraw: bool


@signed_in
@require_GET
def index(request: HttpRequest, reader: Reader) -> HttpResponse:
    today = timezone.localtime(now()).date()
    first, after = month_around(_month(request.GET.get("month", "")) or today)
    wanted = {
        "team": request.GET.get("team", ""),
        "schedule": request.GET.get("schedule", ""),
        "email": request.GET.get("person", "").lower(),
    }
    report = queries.pay(
        start=first,
        end=after,
        team=wanted["team"] or None,
        schedule=wanted["schedule"] or None,
        email=wanted["email"] or None,
        actor=reader.actor,
    )
    lines = [
        Line(row, tuple((KINDS[kind], each) for kind, each in _paid(row).items())) for row in report.rows
    ]
    seen = within(reader)
    mine = [each for each in seen if queries.may_correct(reader.actor, each.email)]
    correctable = {each.email for each in mine}
    context = {
        "first": first,
        "before": (first - timedelta(days=1)).replace(day=1),
        "after": after,
        "running": first <= today < after,
        "lines": lines,
        "kinds": list(KINDS.items()),
        "totals": _totals(report.rows),
        "corrections": [CorrectionRow(each, each.email in correctable) for each in report.corrections],
        "correctable": mine,
        "csv": _csv_url(first, after, wanted),
        "teams": [team.name for team in identity.teams()],
        "schedules": [info.name for info in queries.schedules()],
        "people": seen,
        "chosen": request.GET.get("person", "").lower(),
        "names": names(),
    }
    return render(request, "duty/pay.html", context)


def within(reader: Reader) -> list[Person]:
    """Whose hours the reader may see: their own, those of the teams they run, or everybody's."""
    if can(reader.actor, Permission.MANAGE_PEOPLE):
        return list(identity.people())
    seen = {
        member.email: member
        for team in identity.teams()
        if reader.email in {*team.admins, *(each.email for each in (team.lead, team.manager) if each)}
        for member in team.members
    }
    own = identity.person(reader.email)
    return sorted({**seen, reader.email: own}.values() if own else seen.values(), key=lambda each: each.label)


def _paid(row: PayRow) -> dict[Kind, int]:
    return {kind: minutes + row.corrected.get(kind, 0) for kind, minutes in row.computed.items()}


def _totals(rows: Iterable[PayRow]) -> tuple[int, ...]:
    """By class, then all of it, then the call-outs."""
    several = tuple(rows)
    classes = (sum(_paid(row)[kind] for row in several) for kind in KINDS)
    return (*classes, sum(row.total_min for row in several), sum(row.call_outs for row in several))


def _csv_url(first: date, after: date, wanted: dict[str, str]) -> str:
    """The API's own file: one form of it, for people and programs."""
    chosen = {key: value for key, value in wanted.items() if value}
    return "/api/v1/oncall/pay?" + urlencode(
        {"from": first.isoformat(), "until": after.isoformat(), "format": "csv", **chosen}
    )


def _month(text: str) -> date | None:
    """`2026-11`, as `<input type="month">` sends it."""
    try:
        found = date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
    return found if found.year in forms.YEARS else None


@signed_in
@require_POST
def correct(request: HttpRequest, reader: Reader) -> HttpResponse:
    def deed() -> object:
        return actions.add_correction(
            actor=reader.actor,
            email=forms.text(request.POST, "email", required=True),
            day=_day(forms.text(request.POST, "day", required=True)),
            kind=_kind(forms.text(request.POST, "kind", required=True)),
            minutes=minutes_of(forms.text(request.POST, "hours", required=True)),
            reason=forms.text(request.POST, "reason", required=True),
            now=now(),
        )

    attempt(request, deed, "Corrected.")
    return back(request, reverse("pay"))


@signed_in
@require_POST
def withdraw(request: HttpRequest, reader: Reader, correction_id: int) -> HttpResponse:
    def deed() -> object:
        return actions.withdraw_correction(actor=reader.actor, correction_id=correction_id, now=now())

    attempt(request, deed, "Withdrawn. It stays in the list and counts for nothing.")
    return back(request, reverse("pay"))


def _day(text: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = date.min
    if found.year not in forms.YEARS:
        raise Invalid(FieldError("day", f"“{text}” is not a date that anybody is paid for."))
    return found


def _kind(text: str) -> Kind:
    try:
        return Kind(text)
    except ValueError:
        raise Invalid(FieldError("kind", f"“{text}” is not a class of hours.")) from None


def minutes_of(text: str) -> int:
    """Hours as people type them: `1.5`, `-2`, `0,25`, `1:30`."""
    cleaned = text.replace("−", "-").replace(",", ".")
    whole, colon, part = cleaned.lstrip("+-").partition(":")
    try:
        minutes = int(whole) * 60 + int(part) if colon else round(float(whole) * 60)
    except (ValueError, OverflowError):
        raise Invalid(FieldError("hours", f"“{text}”: expected hours, such as 1.5, 1:30 or -2.")) from None
    return -minutes if cleaned.startswith("-") else minutes
