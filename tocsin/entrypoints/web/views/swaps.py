"""Asking a colleague to take a shift, and taking one."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tocsin.apps.audit import queries as audit
from tocsin.apps.audit.types import AuditFilter
from tocsin.apps.identity import queries as identity
from tocsin.apps.oncall import actions, queries
from tocsin.apps.oncall.types import SwapInfo
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound
from tocsin.domain.permissions import SYSTEM, Actor
from tocsin.domain.schedule.swapping import SwapState
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import attempt, back, names, portion, signed_in
from tocsin.entrypoints.web.views.duty import (
    OwnShift,
    instant,
    manages,
    overlap,
    own_shifts,
    person_in_charge,
)
from tocsin.lib.clock import now

TABS = ("open", "mine", "all")
_LISTED = 400
_ON_THEN = 20
ANSWERS = frozenset({"accept", "approve"})


@dataclass(frozen=True)
class SwapRow:
    swap: SwapInfo
    may: tuple[str, ...]
    mine: bool


@signed_in
@require_GET
def index(request: HttpRequest, reader: Reader) -> HttpResponse:
    at = now()
    asked = request.GET.get("tab", "")
    tab = asked if asked in TABS else "open"
    schedule = request.GET.get("schedule", "")
    found = queries.swaps(
        schedule=schedule or None,
        email=reader.email if tab == "mine" else None,
        states=_states(request.GET.get("state", "")),
    )
    rows = [row_of(swap, reader, at) for swap in found]
    if tab == "open":
        rows = for_me(rows, reader)
    else:
        rows.sort(key=lambda row: row.swap.created_at, reverse=True)
    shown, following = portion(request, rows)
    context = {
        "tab": tab,
        "rows": shown,
        "next_cursor": following,
        "names": names(),
        "schedules": [each.name for each in queries.schedules()],
        "states": list(SwapState),
    }
    return render(request, "duty/swaps.html", context)


def row_of(swap: SwapInfo, reader: Reader, at: datetime) -> SwapRow:
    mine = reader.email in {swap.requester, swap.taker}
    return SwapRow(swap, queries.may_do(swap, reader.actor, at), mine)


def for_me(rows: Iterable[SwapRow], reader: Reader) -> list[SwapRow]:
    """What waits for the reader's word. A manager may take any; they are shown those that ask for them or for
    anybody on their own rota.
    """
    rotas = {info.name for info in queries.schedules() if reader.email in info.people}
    return [row for row in rows if _waits(row, reader, rotas)]


def _waits(row: SwapRow, reader: Reader, rotas: Collection[str]) -> bool:
    if not ANSWERS.isdisjoint(row.may):
        return True
    if "take" not in row.may or row.swap.requester == reader.email:
        return False
    return row.swap.asked == reader.email or (row.swap.asked is None and row.swap.schedule in rotas)


def _states(asked: str) -> tuple[SwapState, ...] | None:
    return (SwapState(asked),) if asked in set(SwapState) else None


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, reader: Reader) -> HttpResponse:
    if request.method != "POST":
        return _form(request, reader)
    try:
        made = _request(request, reader)
    except Invalid as error:
        return _form(request, reader, errors=forms.errors_of(error), status=422)
    except (Conflict, NotFound) as error:
        return _form(request, reader, problem=str(error), status=409)
    messages.success(request, "Asked. The shift stays where it is until somebody takes it.")
    return redirect("swap", made.id)


def _request(request: HttpRequest, reader: Reader) -> SwapInfo:
    schedule, start, end = _chosen(request)
    return actions.request_swap(
        actor=reader.actor,
        schedule=schedule,
        start=start,
        end=end,
        requester=person_in_charge(reader, request.POST, "for"),
        asked=forms.text(request.POST, "asked").lower() or None,
        note=forms.text(request.POST, "note"),
        now=now(),
    )


def _chosen(request: HttpRequest) -> tuple[str, datetime, datetime]:
    """The shift that was picked, or the part of it that was typed."""
    schedule, start, end = picked(forms.text(request.POST, "shift"))
    return (
        schedule,
        forms.local_time(request.POST, "start") or start,
        forms.local_time(request.POST, "end") or end,
    )


def picked(key: str) -> tuple[str, datetime, datetime]:
    """The schedule and the times of a shift, as `OwnShift.key` wrote them."""
    name, _, period = key.partition("|")
    start, _, end = period.partition("|")
    if not name:
        raise Invalid(FieldError("shift", "Please choose a shift."))
    return name, instant(start, "shift"), instant(end, "shift")


def _form(
    request: HttpRequest,
    reader: Reader,
    *,
    errors: Mapping[str, str] | None = None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    data = request.POST or request.GET
    at, whom = now(), person_in_charge(reader, data, "for")
    shifts = own_shifts(whom, at, swaps=queries.swaps(email=whom))[:_LISTED]
    called = names()
    context = {
        "shifts": shifts,
        "chosen": data.get("shift", "") or _meant(data.get("schedule", ""), data.get("start", ""), shifts),
        "whom": whom,
        "own": whom == reader.email,
        "manages": manages(reader),
        "people": identity.people(),
        "colleagues": _colleagues({shift.schedule for shift in shifts} or {""}, whom, called),
        "names": called,
        "form": data,
        "errors": errors or {},
        "problem": problem,
    }
    return render(request, "duty/swap_new.html", context, status=status)


def _meant(schedule: str, start: str, shifts: list[OwnShift]) -> str:
    """Which of one's shifts a link from a schedule's page means."""
    try:
        moment = instant(start.replace(" ", "+"), "start")
    except Invalid:
        return ""
    found = (each for each in shifts if each.schedule == schedule and each.end > moment)
    return next((each.key for each in found), "")


def _colleagues(schedules: set[str], whom: str, called: Mapping[str, str]) -> list[tuple[str, str]]:
    """Who is in the same rotas, by name: (e-mail, name)."""
    there = {
        email
        for info in queries.schedules()
        if info.name in schedules
        for email in info.people
        if email != whom
    }
    return sorted(((email, called.get(email, email)) for email in there), key=lambda each: each[1].lower())


@signed_in
@require_POST
def take(request: HttpRequest, reader: Reader) -> HttpResponse:
    """A colleague's shift, without having been asked."""
    made: list[SwapInfo] = []

    def deed() -> str:
        swap = actions.take_shift(
            actor=reader.actor,
            schedule=forms.text(request.POST, "schedule", required=True),
            of=forms.text(request.POST, "of", required=True).lower(),
            start=instant(forms.text(request.POST, "start"), "start"),
            end=instant(forms.text(request.POST, "end"), "end"),
            taker=person_in_charge(reader, request.POST, "for"),
            note=forms.text(request.POST, "note"),
            now=now(),
        )
        made.append(swap)
        return swap_said(swap, reader)

    if attempt(request, deed, str):
        return redirect("swap", made[0].id)
    return back(request, reverse("swaps"))


def swap_said(swap: SwapInfo, reader: Reader) -> str:
    """What a swap came to, for who did it."""
    who = "you are" if swap.taker == reader.email else f"{names().get(swap.taker or '', swap.taker)} is"
    if swap.state is SwapState.TAKEN:
        twice = ", and for something else at the same time" if swap.doubled else ""
        return f"Taken: {who} on call for it{twice}."
    if swap.state is SwapState.OFFERED:
        return "Offered. Nothing changes until it is accepted."
    return ""


@signed_in
@require_GET
def show(request: HttpRequest, reader: Reader, swap_id: int) -> HttpResponse:
    swap = queries.swap(swap_id)
    if swap is None:
        raise NotFound("swap", swap_id)
    at = now()
    may = queries.may_do(swap, reader.actor, at)
    called = names()
    # The audit log is for administrators; the part about one swap is for everyone who may read the swap.
    history = audit.entries(
        actor=SYSTEM, filters=AuditFilter(target_kind="swap", target_id=str(swap.id)), limit=100
    )
    there = queries.schedule(swap.schedule) is not None
    own_answer = "take" in may and swap.requester != reader.email
    own = own_shifts(reader.email, at)[:_LISTED] if own_answer else []
    context = {
        "swap": swap,
        "may": may,
        "names": called,
        "history": tuple(reversed(history.items)),
        "clashes": [each for each in own if overlap(each, swap)],
        "away": queries.absences(email=reader.email, start=swap.start, end=swap.end) if own_answer else (),
        "in_return": [each for each in own if each.schedule == swap.schedule],
        "colleagues": _colleagues({swap.schedule}, swap.requester, called)
        if queries.may_act_for(reader.actor, swap.schedule)
        else (),
        "on_then": queries.shifts(swap.schedule, swap.start, swap.end)[:_ON_THEN] if there else (),
    }
    return render(request, "duty/swap.html", context)


Deed = Callable[[Actor, int, datetime], SwapInfo]
_DEEDS: Mapping[str, tuple[Deed, str]] = {
    "accept": (lambda actor, swap_id, at: actions.accept_swap(actor=actor, swap_id=swap_id, now=at), ""),
    "approve": (lambda actor, swap_id, at: actions.approve_swap(actor=actor, swap_id=swap_id, now=at), ""),
    "decline": (
        lambda actor, swap_id, at: actions.decline_swap(actor=actor, swap_id=swap_id, now=at),
        "Declined. The swap is open again.",
    ),
    "withdraw": (
        lambda actor, swap_id, at: actions.withdraw_swap(actor=actor, swap_id=swap_id, now=at),
        "Taken back. The swap is open again, and the shift is where it was.",
    ),
    "cancel": (
        lambda actor, swap_id, at: actions.cancel_swap(actor=actor, swap_id=swap_id, now=at),
        "Cancelled. The shift stays where it is.",
    ),
}


@signed_in
@require_POST
def act(request: HttpRequest, reader: Reader, swap_id: int, deed: str) -> HttpResponse:
    if deed == "take":
        attempt(request, lambda: _take(request, reader, swap_id), lambda swap: swap_said(swap, reader))
    elif deed in _DEEDS:
        run, said = _DEEDS[deed]
        attempt(
            request,
            lambda: run(reader.actor, swap_id, now()),
            lambda swap: said or swap_said(swap, reader),
        )
    else:
        raise NotFound("deed", deed)
    return back(request, reverse("swap", args=[swap_id]))


def _take(request: HttpRequest, reader: Reader, swap_id: int) -> SwapInfo:
    wanted = forms.text(request.POST, "return")
    _, start, end = picked(wanted) if wanted else ("", None, None)
    return actions.take_swap(
        actor=reader.actor,
        swap_id=swap_id,
        taker=person_in_charge(reader, request.POST, "for"),
        return_start=start,
        return_end=end,
        now=now(),
    )
