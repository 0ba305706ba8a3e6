"""What a file owns is read-only on the pages; this gives it to the people."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from tocsin.apps.configuration import actions
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import attempt, back, signed_in
from tocsin.lib.clock import now


@signed_in
@require_POST
def unlock(request: HttpRequest, reader: Reader) -> HttpResponse:
    kind = forms.text(request.POST, "kind", required=True)
    name = forms.text(request.POST, "name", required=True)

    def deed() -> object:
        return actions.unlock(actor=reader.actor, kind=kind, name=name, now=now())

    attempt(request, deed, f"“{name}” is yours to change here. A file that names it may take it back.")
    return back(request, "/")
