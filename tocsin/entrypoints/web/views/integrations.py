"""The ways in: all of them with their health, and the gallery from which one is added."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from tocsin.apps.catalog import queries as catalog
from tocsin.apps.integrations import actions, queries
from tocsin.apps.integrations import settings as configs
from tocsin.apps.integrations.health import Health, Traffic, health_of, traffic
from tocsin.apps.integrations.types import IntegrationInfo, IntegrationSpec
from tocsin.domain.errors import Invalid
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.configfields import drawn
from tocsin.entrypoints.web.gallery import groups, title_of
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import signed_in
from tocsin.lib.clock import now
from tocsin.lib.spoollevel import level
from tocsin.ports import registry

TAKEN: Final = "There is one of that name already."
HEALTH: Final[Mapping[Health, str]] = {
    Health.WORKS: "Works",
    Health.WAITING: "Waiting for its first event",
    Health.SILENT: "Silent",
    Health.ERRORS: "Errors",
    Health.OFF: "Switched off",
}
_HEIGHT: Final = 20  # of the small picture


@dataclass(frozen=True)
class Row:
    info: IntegrationInfo
    title: str
    health: Health
    traffic: Traffic

    @property
    def last_hour(self) -> int:
        return self.traffic.hours[-1]

    @property
    def bars(self) -> Sequence[tuple[int, int, int]]:
        return bars(self.traffic)


def bars(found: Traffic) -> Sequence[tuple[int, int, int]]:
    """(x, y, height) of each hour's bar; one that had anything is seen."""
    most = max(found.hours)
    heights = [max(2, amount * _HEIGHT // most) if amount else 0 for amount in found.hours]
    return [(place * 4, _HEIGHT - height, height) for place, height in enumerate(heights)]


@signed_in
@require_GET
def index(request: HttpRequest, reader: Reader) -> HttpResponse:  # noqa: ARG001  (the door's signature)
    search, wanted = request.GET.get("q", "").strip(), request.GET.get("health", "")
    infos = queries.integrations()
    found = traffic((info.id for info in infos), now=now())
    rows = [Row(i, title_of(i.kind), health_of(i, found[i.id]), found[i.id]) for i in infos]
    low = search.casefold()
    shown = [
        row
        for row in rows
        if (not wanted or row.health == wanted)
        and low in f"{row.info.name} {row.title} {row.info.service or ''}".casefold()
    ]
    context = {
        "rows": shown,
        "any": bool(rows),
        "spool": level(settings.TOCSIN.spool_dir, settings.TOCSIN.spool_mb * 1024 * 1024),
        "search": search,
        "wanted": wanted,
        "healths": [(str(each), word) for each, word in HEALTH.items()],
    }
    return render(request, "integrations/index.html", context)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest, reader: Reader) -> HttpResponse:
    """The gallery; with a kind, its form."""
    if request.method != "POST":
        kind = request.GET.get("kind", "")
        if kind in registry.sources:
            return _form(request, kind, {"name": _free(kind)}, {})
        search = request.GET.get("q", "").strip()
        return render(request, "integrations/gallery.html", {"groups": groups(search), "search": search})
    kind = request.POST.get("kind", "")
    try:
        spec = IntegrationSpec(
            name=forms.text(request.POST, "name", required=True),
            kind=forms.text(request.POST, "kind", required=True),
            service=forms.text(request.POST, "service") or None,
            config=configs.filled_in(configs.fields_of(kind, {}), {}, request.POST.dict()),
        )
        if queries.integration(spec.name) is not None:
            return _form(request, kind, request.POST, {"name": TAKEN})
        made = actions.save_integration(actor=reader.actor, spec=spec, now=now())
    except Invalid as error:
        return _form(request, kind, request.POST, forms.errors_of(error))
    messages.success(request, f"{made.name} is ready. Paste the lines below into your tool.")
    return redirect("integration", made.name)


def _form(
    request: HttpRequest, kind: str, values: Mapping[str, object], errors: Mapping[str, str]
) -> HttpResponse:
    about = {card.kind: card.about for _, cards in groups() for card in cards}
    context = {
        "kind": kind,
        "title": title_of(kind),
        "about": about.get(kind, ""),
        "services": [service.name for service in catalog.services()],
        "values": values,
        "errors": errors,
        **drawn(kind, {}, values, errors),
    }
    return render(request, "integrations/add.html", context, status=422 if errors else 200)


def _free(kind: str) -> str:
    names = {info.name for info in queries.integrations()}
    return next(name for n in count(1) if (name := kind if n == 1 else f"{kind}-{n}") not in names)
