from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import signed_in


@signed_in
@require_GET
def of_schedule(request: HttpRequest, reader: Reader, name: str) -> HttpResponse:  # noqa: ARG001
    return redirect("schedule", name)


@signed_in
@require_GET
def of_person(request: HttpRequest, reader: Reader, email: str) -> HttpResponse:  # noqa: ARG001
    return redirect("person", email)


@signed_in
@require_POST
def add(request: HttpRequest, reader: Reader) -> HttpResponse:  # noqa: ARG001
    return redirect("oncall")


@signed_in
@require_POST
def act(request: HttpRequest, reader: Reader, calendar_id: int, deed: str) -> HttpResponse:  # noqa: ARG001
    return redirect("oncall")
