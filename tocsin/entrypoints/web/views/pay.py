from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import signed_in


@signed_in
@require_GET
def index(request: HttpRequest, reader: Reader) -> HttpResponse:  # noqa: ARG001
    return redirect("oncall")
