"""Being away: it warns, and takes nobody off call."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from tocsin.apps.oncall import actions
from tocsin.apps.oncall.types import AbsenceInfo
from tocsin.domain.errors import FieldError, Invalid
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import attempt, back, signed_in
from tocsin.entrypoints.web.views.duty import person_in_charge
from tocsin.lib.clock import now


@signed_in
@require_POST
def add(request: HttpRequest, reader: Reader) -> HttpResponse:
    made: list[AbsenceInfo] = []

    def deed() -> AbsenceInfo:
        start, end = forms.local_time(request.POST, "start"), forms.local_time(request.POST, "end")
        if start is None or end is None:
            field = "start" if start is None else "end"
            raise Invalid(FieldError(field, "Please say from when until when."))
        made.append(
            actions.add_absence(
                actor=reader.actor,
                email=person_in_charge(reader, request.POST, "for"),
                start=start,
                end=end,
                note=forms.text(request.POST, "note"),
                now=now(),
            )
        )
        return made[0]

    if attempt(request, deed, "Noted.") and made[0].clashes:
        several = len(made[0].clashes)
        shifts = "a shift" if several == 1 else f"{several} shifts"
        messages.warning(request, f"There is still {shifts} in that time: ask a colleague for a swap below.")
    return back(request, f"{reverse('my_oncall')}#away")


@signed_in
@require_POST
def remove(request: HttpRequest, reader: Reader, absence_id: int) -> HttpResponse:
    def deed() -> object:
        return actions.remove_absence(actor=reader.actor, absence_id=absence_id, now=now())

    attempt(request, deed, "Removed.")
    return back(request, f"{reverse('my_oncall')}#away")
