"""The routing tree: drawn, changed a node at a time, tried on events, and undone."""

import json
from dataclasses import replace
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from tocsin.apps.alerts import directory
from tocsin.apps.alerts import queries as alerts
from tocsin.apps.alerts.types import AlertInfo
from tocsin.apps.integrations import actions, history, queries
from tocsin.domain import deciding
from tocsin.domain.errors import FieldError, Invalid, NotFound, TocsinError
from tocsin.domain.permissions import Permission, can
from tocsin.domain.routing import Route
from tocsin.domain.signal import EventAction, Signal
from tocsin.entrypoints.web import forms, routetree
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import attempt, signed_in
from tocsin.lib.clock import now

_TRIED: Final = 300  # recent events that a draft is compared on
_SHOWN: Final = 20
_RECENT: Final = 8
_LOOKED_AT: Final = 60


@signed_in
@require_GET
def index(request: HttpRequest, reader: Reader) -> HttpResponse:
    """`node` is open for editing; `alert`, or what was typed, is tried."""
    return _page(request, reader)


def _page(request: HttpRequest, reader: Reader, **more: Any) -> HttpResponse:
    tree = queries.routes()
    tried = _tried(request, reader)
    path = forms.text(request.GET, "node")
    node = None
    if tried["placements"] and request.GET.get("new"):
        labels = tried["placements"][0].labels
        node = {"path": "root", "text": routetree.text_for(labels), "root": True, "adding": True}
    elif path:
        node = {
            "path": path,
            "text": routetree.text_of(routetree.node_at(tree, path)),
            "root": path == "root",
        }
    visits = {visit.path: visit for visit in tried["placements"][0].visited} if tried["placements"] else {}
    from_file = queries.routes_from_file()
    context = {
        "tree": routetree.drawn(tree, visits),
        "node": node,
        "empty": not tree.routes and tree == Route(),
        "tried": tried,
        "recent": _recent(reader),
        "integrations": queries.integrations(),
        "from_file": from_file,
        "may_edit": can(reader.actor, Permission.CONFIGURE) and not from_file,
        "may_undo": can(reader.actor, Permission.CONFIGURE) and queries.routes_before() is not None,
        "whole": routetree.whole_text(tree),
        **more,
    }
    return render(request, "routing/index.html", context, status=422 if more.get("error") else 200)


def _recent(reader: Reader) -> list[AlertInfo]:
    """The newest of each name: what flaps fills the list with itself otherwise."""
    rows = alerts.alerts(actor=reader.actor, limit=_LOOKED_AT).items
    newest: dict[tuple[str, str], AlertInfo] = {}
    for each in rows:
        newest.setdefault((each.integration, each.labels.get("alertname") or each.summary), each)
    return list(newest.values())[:_RECENT]


# ---- the tester ----


def _tried(request: HttpRequest, reader: Reader) -> dict[str, Any]:
    """What was asked, and what becomes of it; with the error where it cannot be read."""
    asked = {
        name: forms.text(request.GET, name) for name in ("labels", "summary", "severity", "way", "alert")
    }
    found: dict[str, Any] = {"placements": (), "error": "", "at": now()}
    try:
        signal, way = _asked(asked, reader)
        if signal is not None:
            around = directory.load().around
            found["placements"] = deciding.decide(signal, way, around, now(), trace=True)
    except TocsinError as error:
        found["error"] = str(error)
    return {**asked, **found}  # of an alert that was picked, its labels stand in the form


def _asked(asked: dict[str, str], reader: Reader) -> tuple[Signal | None, Any]:
    if asked["alert"].isascii() and asked["alert"].isdecimal():
        found = alerts.alert(int(asked["alert"][:18]), actor=reader.actor)
        if found is None:
            raise NotFound("alert", asked["alert"])
        asked["labels"] = "\n".join(f"{name}={value}" for name, value in found.labels.items())
        asked["summary"], asked["way"] = found.summary, found.integration
        asked["severity"] = found.labels.get("severity", "")
        return _signal_of(found), _way(found.integration)
    if not asked["labels"] and not asked["summary"]:
        return None, None
    labels, details = _labels(asked["labels"])
    signal = Signal(
        EventAction.TRIGGER,
        "tried",
        summary=asked["summary"],
        severity=asked["severity"] or None,
        labels=labels,
        details=details,
    )
    return signal, _way(asked["way"])


def _signal_of(alert: AlertInfo) -> Signal:
    severity = alert.labels.get("severity")
    return Signal(
        EventAction.TRIGGER,
        alert.dedup_key,
        summary=alert.summary,
        severity=severity or (str(alert.severity) if alert.severity else None),
        source=alert.source,
        labels=alert.labels,
    )


def _way(name: str) -> Any:
    every = {one.name: one for one in queries.integrations()}
    if name in every:
        return every[name]
    if not every:
        raise Invalid(FieldError("way", "There is no integration yet through which an event could come."))
    return next(iter(every.values()))


def _labels(text: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Lines of `name=value`; or JSON: its single values are labels, and all of it is the payload."""
    if text.startswith("{"):
        try:
            payload = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Invalid(FieldError("labels", f"This is not JSON: {error}")) from None
        given = payload.get("labels", payload)
        pairs = given.items() if isinstance(given, dict) else ()
        return {
            str(name): str(value) for name, value in pairs if isinstance(value, str | int | float)
        }, payload
    labels = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, sign, value = (part.strip() for part in line.partition("="))
        if line.strip() and not (sign and name):
            raise Invalid(FieldError("labels", f"Line {number}: expected name=value, as in team=payments."))
        if name:
            labels[name] = value.strip('"')
    return labels, {}


# ---- changes ----


@signed_in
@require_POST
def change(request: HttpRequest, reader: Reader) -> HttpResponse:
    """One node: saved, added below, moved, or removed."""
    tree, path = queries.routes(), forms.text(request.POST, "path", required=True)
    deed = forms.text(request.POST, "deed", required=True)
    try:
        wanted = _wanted(request, tree, path, deed)
        actions.save_routes(actor=reader.actor, tree=wanted, now=now())
    except Invalid as error:
        text = request.POST.get("text", "")
        node = {"path": path, "text": text, "root": path == "root", "adding": deed == "add"}
        return _page(request, reader, node=node, error=routetree.said(error))
    except TocsinError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Saved. The next event is routed by it; Undo takes it back.")
    return HttpResponseRedirect(reverse("routing"))


def _wanted(request: HttpRequest, tree: Route, path: str, deed: str) -> Route:
    if deed in {"up", "down"}:
        return routetree.moved(tree, path, -1 if deed == "up" else 1)
    if deed == "remove":
        return routetree.removed(tree, path)
    node = routetree.read_text(request.POST.get("text", ""))
    if deed == "add":
        return routetree.added(tree, path, node)
    return routetree.changed(tree, path, lambda old: replace(node, routes=node.routes or old.routes))


@signed_in
@require_POST
def draft(request: HttpRequest, reader: Reader) -> HttpResponse:
    """The whole tree as text: tried on recent events first, then saved."""
    text = request.POST.get("text", "")
    try:
        wanted = routetree.read_text(text)
        if request.POST.get("deed") == "save":
            actions.save_routes(actor=reader.actor, tree=wanted, now=now())
            messages.success(request, "Saved. The next event is routed by it; Undo takes it back.")
            return HttpResponseRedirect(reverse("routing"))
        around = directory.load().around
        events = history.latest(actor=reader.actor, limit=_TRIED)
        ways = {one.name: one for one in queries.integrations()}
        found = routetree.differences(events, ways, around, replace(around, routes=wanted))
    except TocsinError as error:
        return _page(request, reader, whole=text, error=routetree.said(error), drafting=True)
    compared = {"tried": len(events), "differ": sum(one.times for one in found), "examples": found[:_SHOWN]}
    return _page(request, reader, whole=text, compared=compared, drafting=True)


@signed_in
@require_POST
def undo(request: HttpRequest, reader: Reader) -> HttpResponse:
    def deed() -> object:
        return actions.undo_routes(actor=reader.actor, now=now())

    attempt(request, deed, "The routes are as they were before the last change.")
    return HttpResponseRedirect(reverse("routing"))
