"""Silences and maintenance windows: listed, tried out before they are made, ended."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from tocsin.apps.alerts import actions, silenced
from tocsin.apps.alerts.types import Planned, SilenceFilter, SilenceInfo, SilencePreview, SilenceSpec
from tocsin.apps.catalog import queries as catalog
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.permissions import Permission, can
from tocsin.domain.suppression import SilenceKind
from tocsin.domain.time import format_duration, parse_duration, to_wall, zone_or_utc
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import attempt, signed_in
from tocsin.lib.clock import now

_AHEAD = timedelta(days=28)
_STATES = ("active", "scheduled", "expired")
_MANY = 25  # alerts that one silence holds at once: more are asked about first
_FEW = 4
DAYS = (
    ("MO", "Mon"),
    ("TU", "Tue"),
    ("WE", "Wed"),
    ("TH", "Thu"),
    ("FR", "Fri"),
    ("SA", "Sat"),
    ("SU", "Sun"),
)
_ON_DAYS = "FREQ=WEEKLY;BYDAY="
RECURRENCES = (
    ("", "Once"),
    ("FREQ=DAILY", "Every day"),
    ("FREQ=WEEKLY", "Every week"),
    ("FREQ=MONTHLY", "Every month, on the same day"),
)


@signed_in
@require_GET
def index(request: HttpRequest, reader: Reader) -> HttpResponse:
    asked = request.GET
    state = forms.text(asked, "state")
    filters = SilenceFilter(
        kind=forms.text(asked, "kind"),
        state=state if state in _STATES else "",
        search=forms.text(asked, "q"),
    )
    found = silenced.silences(
        actor=reader.actor, now=now(), filters=filters, cursor=asked.get("cursor") or None
    )
    context = {
        "rows": found.items,
        "next_cursor": found.next_cursor,
        "filters": filters,
        "may_edit": can(reader.actor, Permission.RESPOND),
    }
    return render(request, "silences/index.html", context)


@signed_in
def edit(request: HttpRequest, reader: Reader, uid: str = "") -> HttpResponse:
    """The form; what it would hit is shown before anything is saved."""
    at = now()
    known = silenced.silence(uid, actor=reader.actor, now=at) if uid else None
    given = request.POST if request.method == "POST" else _prefilled(request.GET, known, at)
    errors: dict[str, str] = {}
    preview, doubtful = None, False
    try:
        spec = replace(_spec(given, at), uid=uid)
        saving = given.get("deed") == "save" and can(reader.actor, Permission.RESPOND)
        if saving and not given.get("sure"):
            preview = silenced.preview(actor=reader.actor, spec=spec, now=at)
            doubtful = _broad(preview)
        if given.get("deed") == "save" and not doubtful:
            made = actions.save_silence(actor=reader.actor, spec=spec, now=at)
            messages.success(request, "It holds from now on." if made.state == "active" else "Saved.")
            return redirect("silences")
        if spec.matchers or spec.services:
            preview = silenced.preview(actor=reader.actor, spec=spec, now=at)
    except Invalid as error:
        errors = dict(forms.errors_of(error))
    context = {
        "known": known,
        "given": given,
        "errors": errors,
        "preview": preview,
        "doubtful": doubtful,
        "days": DAYS,
        "on_days": given.getlist("days"),
        "recurrences": RECURRENCES,
        "services": [each.name for each in catalog.services()],
        "chosen": given.getlist("services"),
        "may_edit": can(reader.actor, Permission.RESPOND),
    }
    return render(request, "silences/edit.html", context, status=400 if errors else 200)


@signed_in
@require_GET
def calendar(request: HttpRequest, reader: Reader) -> HttpResponse:
    """The maintenance of the next four weeks, day by day in the reader's zone."""
    planned = silenced.planned(actor=reader.actor, now=now(), ahead=_AHEAD)
    zone = zone_or_utc(reader.timezone or "UTC")
    days: dict[date, list[Planned]] = {}
    for one in planned:
        days.setdefault(to_wall(one.start, zone).date(), []).append(one)
    context = {
        "days": list(days.items()),
        "zone": str(zone),
        "may_edit": can(reader.actor, Permission.RESPOND),
    }
    return render(request, "silences/calendar.html", context)


@signed_in
@require_POST
def expire(request: HttpRequest, reader: Reader, uid: str) -> HttpResponse:
    attempt(
        request,
        lambda: actions.expire_silence(actor=reader.actor, uid=uid, now=now()),
        "It has ended: what still fires is told within a second.",
    )
    return redirect("silences")


@signed_in
@require_POST
def extend(request: HttpRequest, reader: Reader, uid: str) -> HttpResponse:
    attempt(
        request,
        lambda: actions.extend_silence(actor=reader.actor, uid=uid, by=timedelta(hours=1), now=now()),
        "It lasts an hour longer.",
    )
    return redirect("silences")


def _broad(seen: SilencePreview) -> bool:
    """Whether it would hold so much of what fires now that a slip of the pen is likely."""
    return seen.now > _MANY or (seen.firing >= _FEW and seen.now * 2 > seen.firing)


def _prefilled(asked: QueryDict, known: SilenceInfo | None, at: datetime) -> QueryDict:
    """From the one that is changed, else from the address: `match` once for each matcher."""
    given = QueryDict(mutable=True)
    zone_name = known.zone if known else asked.get("zone") or timezone.get_current_timezone_name()
    given["zone"] = zone_name
    zone = zone_or_utc(zone_name)
    begins, ends = (known.starts_at, known.ends_at) if known else (at, at + timedelta(hours=2))
    given["starts"] = f"{to_wall(begins, zone):%Y-%m-%dT%H:%M}"
    given["ends"] = f"{to_wall(ends, zone):%Y-%m-%dT%H:%M}"
    given["kind"] = known.kind if known else asked.get("kind", SilenceKind.SILENCE)
    given["matchers"] = "\n".join(known.matchers if known else asked.getlist("match"))
    given["comment"] = known.comment if known else ""
    rule = known.rrule if known else ""
    days = rule.removeprefix(_ON_DAYS).split(",") if rule.startswith(_ON_DAYS) else []
    if {code for code, _ in DAYS}.issuperset(days):
        given.setlist("days", days)
    given["rrule"] = "" if given.getlist("days") else rule
    given["notice"] = format_duration(known.notice) if known and known.notice else ""
    given.setlist("services", list(known.services if known else asked.getlist("service")))
    return given


def _rule(given: QueryDict) -> str:
    rule, days = forms.text(given, "rrule"), given.getlist("days")
    if rule and days:
        raise Invalid(FieldError("rrule", "either tick days or say a rule, not both"))
    chosen = [code for code, _ in DAYS if code in days]
    return _ON_DAYS + ",".join(chosen) if chosen else rule


def _spec(given: QueryDict, at: datetime) -> SilenceSpec:
    zone = zone_or_utc(forms.text(given, "zone"))
    times = {name: _time(given, name, zone_name=str(zone)) for name in ("starts", "ends")}
    starts = times["starts"]
    notice = forms.text(given, "notice")
    try:
        before = parse_duration(notice) if notice else None
    except ValueError as error:
        raise Invalid(FieldError("notice", str(error))) from None
    return SilenceSpec(
        matchers=tuple(line.strip() for line in given.get("matchers", "").splitlines() if line.strip()),
        # What begins in this minute begins now.
        starts_at=at if starts <= at < starts + timedelta(minutes=1) else starts,
        ends_at=times["ends"],
        comment=forms.text(given, "comment"),
        kind=forms.text(given, "kind"),
        services=tuple(each for each in given.getlist("services") if each),
        rrule=_rule(given),
        zone=forms.text(given, "zone") or "UTC",
        notice=before,
    )


def _time(given: QueryDict, field: str, *, zone_name: str) -> datetime:
    try:
        return forms.instant(forms.text(given, field, required=True), zone_or_utc(zone_name))
    except ValueError as error:
        raise Invalid(FieldError(field, str(error))) from None
