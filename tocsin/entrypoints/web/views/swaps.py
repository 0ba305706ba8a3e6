from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import signed_in


@signed_in
@require_GET
def index(request: HttpRequest, reader: Reader) -> HttpResponse:  # noqa: ARG001
    return redirect("oncall")


@signed_in
def new(request: HttpRequest, reader: Reader) -> HttpResponse:  # noqa: ARG001
    return redirect("oncall")


@signed_in
@require_POST
def take(request: HttpRequest, reader: Reader) -> HttpResponse:  # noqa: ARG001
    return redirect("oncall")


@signed_in
@require_GET
def show(request: HttpRequest, reader: Reader, swap_id: int) -> HttpResponse:  # noqa: ARG001
    return redirect("oncall")
