"""What calls people for nothing, and what to do about it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tocsin.apps.catalog import queries as catalog
from tocsin.apps.identity import queries as identity
from tocsin.apps.incidents import noise
from tocsin.domain.noise import Advice
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import signed_in
from tocsin.lib.clock import now
from tocsin.lib.csvfile import written

DAYS: Final = (7, 28, 90)


COLUMNS: Final = (
    "alert", "service", "integration", "severity", "incidents", "pages", "pages_at_night", "people",
    "acted_on", "over_by_itself", "typical_minutes", "suggestions",
)  # fmt: skip
# Where a suggestion is followed: on the routes that the alert takes, or on its service.
ROUTED: Final = frozenset({Advice.PAUSE, Advice.GROUP, Advice.LOWER})


@signed_in
@require_GET
def index(request: HttpRequest, reader: Reader) -> HttpResponse:
    asked = forms.text(request.GET, "days")
    days = int(asked) if asked in {str(each) for each in DAYS} else DAYS[0]
    service, team, until = forms.text(request.GET, "service"), forms.text(request.GET, "team"), now()
    found = noise.report(
        actor=reader.actor, since=until - timedelta(days=days), until=until, service=service, team=team
    )
    if request.GET.get("format") == "csv":
        return _file(found, f"noise-{days}-days-{until:%Y-%m-%d}.csv")
    context = {
        "report": found,
        "days": days,
        "choices": DAYS,
        "service": service,
        "services": catalog.services(),
        "team": team,
        "teams": identity.teams(),
        "routed": ROUTED,
        "hours": Advice.HOURS,
    }
    return render(request, "alerts/noise.html", context)


def _file(report: noise.NoiseReport, name: str) -> HttpResponse:
    text = written([COLUMNS, *map(_cells, report.rows)])
    answer = HttpResponse(text, content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _cells(row: noise.NoiseRow) -> Sequence[object]:
    it = row.noisy
    return (
        it.name,
        it.service,
        it.integration,
        it.severity or "",
        it.incidents,
        it.pages,
        it.at_night,
        it.people,
        it.acted_on,
        it.by_itself,
        "" if it.typical is None else round(it.typical.total_seconds() / 60, 1),
        "; ".join(each.text for each in row.suggestions),
    )
