"""`/my-on-call`: everything about one's own being on call, on one page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from tocsin.apps.identity import queries as identity
from tocsin.apps.notify import queries as notify
from tocsin.apps.oncall import actions, queries
from tocsin.apps.oncall.types import AbsenceInfo, PayRow, SwapInfo
from tocsin.domain.schedule import PRIMARY, Book, Shift, current, following, preceding
from tocsin.domain.schedule.swapping import SwapState
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import attempt, names, signed_in
from tocsin.entrypoints.web.views.duty import (
    AHEAD,
    PENDING,
    OwnShift,
    own_shift,
    own_shifts,
)
from tocsin.entrypoints.web.views.notices import notice_form
from tocsin.entrypoints.web.views.swaps import SwapRow, for_me, row_of
from tocsin.lib.clock import now

_BACK = timedelta(days=2)
_MINUTE = timedelta(minutes=1)
_MONTHS = 3
_WEEK = 7
_LISTED = 200
_NEAR = timedelta(weeks=4)
_FEWEST, _MOST = 3, 30


@dataclass(frozen=True)
class OnCall:
    """A shift that holds now, with its real ends, and whom one has it from and hands it to."""

    shift: OwnShift
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True)
class Day:
    day: date
    on: str  # "" | "some" | "today"
    today: bool
    away: bool
    inside: bool  # of its month


@dataclass(frozen=True)
class Month:
    first: date
    weeks: tuple[tuple[Day, ...], ...]


@dataclass(frozen=True)
class AbsenceRow:
    absence: AbsenceInfo
    shifts: tuple[OwnShift, ...]


@signed_in
@require_GET
def index(request: HttpRequest, reader: Reader) -> HttpResponse:
    at = now()
    swaps = queries.swaps(email=reader.email, since=at - _BACK)
    absences = queries.absences(email=reader.email, start=at, end=at + AHEAD)
    shifts = own_shifts(reader.email, at, swaps=swaps, absences=absences)
    waiting = for_me((row_of(swap, reader, at) for swap in queries.swaps(states=PENDING)), reader)
    seen = {row.swap.id for row in waiting}
    mine = [swap for swap in swaps if swap.state in PENDING and swap.id not in seen]
    # Few weeks are read at a glance; the rest is folded away.
    near = min(max(sum(shift.start < at + _NEAR for shift in shifts), _FEWEST), _MOST)
    context = {
        "on_now": on_now(reader.email, at),
        "upcoming": next((shift for shift in shifts if not shift.now), None),
        "shifts": shifts[:near],
        "later": shifts[near:_LISTED],
        "left_out": max(len(shifts) - _LISTED, 0),
        "months": months(shifts, absences, timezone.localtime(at).date()),
        "mine": [row_of(swap, reader, at) for swap in mine],
        "given": given_away(swaps, reader, at),
        "for_me": waiting,
        "absences": [
            AbsenceRow(each, tuple(shift for shift in shifts if each in shift.away)) for each in absences
        ],
        "readiness": [
            each
            for each in queries.readiness(email=reader.email, since=at - _BACK)
            if each.confirmed_at is None and each.shift_end > at
        ],
        "feeds": queries.feeds(reader.email),
        "feed_schedules": sorted({info.name for info in queries.schedules() if reader.email in info.people}),
        "notices": notice_form(reader.email),
        "this_month": hours_of(reader.email, timezone.localtime(at).date()),
        "reachable": notify.deliverable([reader.email]).get(reader.email, False),
        "person": identity.person(reader.email),
        "names": names(),
    }
    return render(request, "duty/mine.html", context)


def on_now(email: str, at: datetime) -> list[OnCall]:
    """Only the schedules that have this person on call at this minute are looked at more closely."""
    names = dict.fromkeys(name for name, _ in queries.shifts_of(email, at, at + _MINUTE))
    made = queries.book(since=at - _BACK) if names else Book()
    found = []
    for name in names:
        plan = made.schedule(name)
        if plan is None:
            continue
        for shift in current(made, plan, at):
            if shift.user == email:
                role = shift.role or PRIMARY
                before = _people(preceding(made, plan, at, role))
                after = _people(following(made, plan, at, role))
                found.append(OnCall(own_shift(name, shift, at, (), ()), before, after))
    return found


def _people(shifts: Iterable[Shift]) -> tuple[str, ...]:
    return tuple(shift.user for shift in shifts if shift.user)


def given_away(swaps: Iterable[SwapInfo], reader: Reader, at: datetime) -> list[SwapRow]:
    """Shifts to come that a colleague took."""
    return [
        row_of(swap, reader, at)
        for swap in swaps
        if swap.state is SwapState.TAKEN and swap.requester == reader.email and swap.end > at
    ]


def hours_of(email: str, today: date) -> PayRow | None:
    """The month so far and to come, as the pay report counts it."""
    start, end = month_around(today)
    rows = queries.pay(start=start, end=end, email=email).rows
    return rows[0] if rows else None


def month_around(day: date) -> tuple[date, date]:
    """Its first day and that of the month after it."""
    first = day.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1)


def months(shifts: Sequence[OwnShift], absences: Sequence[AbsenceInfo], today: date) -> list[Month]:
    """Small calendars: the days of which any part is on call, in the reader's zone."""
    on = {day for shift in shifts for day in days_of(shift.start, shift.end)}
    away = {day for absence in absences for day in days_of(absence.start, absence.end)}
    found = []
    first = today.replace(day=1)
    for _ in range(_MONTHS):
        after = month_around(first)[1]
        day = first - timedelta(days=first.weekday())
        weeks = []
        while day < after:
            dates = [day + timedelta(days=count) for count in range(_WEEK)]
            weeks.append(
                tuple(
                    Day(
                        each,
                        on="some" if each in on else "",
                        today=each == today,
                        away=each in away,
                        inside=each.month == first.month,
                    )
                    for each in dates
                )
            )
            day += timedelta(days=_WEEK)
        found.append(Month(first, tuple(weeks)))
        first = after
    return found


def days_of(start: datetime, end: datetime) -> list[date]:
    """The days on the reader's wall that [start, end) touches."""
    first = timezone.localtime(start).date()
    last = timezone.localtime(end - timedelta(microseconds=1)).date()
    return [first + timedelta(days=count) for count in range((last - first).days + 1)]


@signed_in
@require_POST
def ready(request: HttpRequest, reader: Reader, readiness_id: int) -> HttpResponse:
    def deed() -> object:
        return actions.confirm_readiness(actor=reader.actor, readiness_id=readiness_id, now=now())

    attempt(request, deed, "Thank you: you are ready.")
    return redirect("my_oncall")
