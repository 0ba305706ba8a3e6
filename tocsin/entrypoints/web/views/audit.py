from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tocsin.apps.audit import queries
from tocsin.apps.audit.types import AuditFilter
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import signed_in


@signed_in
def index(request: HttpRequest, reader: Reader) -> HttpResponse:
    filters = AuditFilter(
        action=forms.text(request.GET, "action"),
        target_kind=forms.text(request.GET, "kind"),
        by=forms.text(request.GET, "by"),
        since=forms.local_time(request.GET, "since"),
        until=forms.local_time(request.GET, "until"),
    )
    found = queries.entries(actor=reader.actor, filters=filters, cursor=request.GET.get("cursor"))
    return render(request, "audit/index.html", {"entries": found.items, "next_cursor": found.next_cursor})
