"""The rules of everybody who has none of their own: all see them, administrators change them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from tocsin.apps.notify import actions, queries
from tocsin.domain.errors import Conflict, Invalid
from tocsin.domain.notification.model import Occasion, Rule
from tocsin.domain.notification.plan import GROUPS, group_name
from tocsin.domain.permissions import Permission, can, require
from tocsin.entrypoints.web import forms, reach
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views import rules
from tocsin.entrypoints.web.views.common import signed_in
from tocsin.lib.clock import now


@dataclass(frozen=True)
class Group:
    """`rows` as they are typed, `saved` as they hold; `without`: what happens when there are none."""

    name: str
    title: str
    about: str
    saved: tuple[Rule, ...]
    rows: tuple[reach.Row, ...]
    without: str


@signed_in
@require_GET
def show(request: HttpRequest, reader: Reader) -> HttpResponse:
    return _page(request, reader)


@signed_in
@require_POST
def save(request: HttpRequest, reader: Reader, group: str) -> HttpResponse:
    """Those of one urgency or occasion; the others stay."""
    require(reader.actor, Permission.CONFIGURE)
    rules.require_known(group)
    if any(info.from_file for info in queries.default_rules()):
        raise Conflict("A configuration file owns these rules: change them there, or unlock them first.", ())
    rows = [] if "reset" in request.POST else rules.rows_of(request)
    wrong = next((row.error for row in rows if row.error), "")
    if wrong:
        return _page(request, reader, group, rows, {"rules": wrong})
    others = [rules.rule_of(info) for info in queries.default_rules() if rules.name_of(info) != group]
    wanted = [*others, *rules.rules_of(group, rows)]
    try:
        actions.set_default_rules(actor=reader.actor, rules=wanted, now=now())
    except Invalid as error:
        return _page(request, reader, group, rows, forms.errors_of(error))
    messages.success(request, "Everybody’s rules are saved.")
    return redirect(f"{reverse('default_rules')}#rules-{group}")


def _page(
    request: HttpRequest,
    reader: Reader,
    refused: str = "",
    rows: Sequence[reach.Row] = (),
    errors: Mapping[str, str] | None = None,
) -> HttpResponse:
    ways = reach.ways(())
    locked = any(info.from_file for info in queries.default_rules())
    context = {
        "groups": [_group(name, tuple(rows) if name == refused else None) for name in _names()],
        "ways": ways,
        "known": {way.type for way in ways},
        "titles": reach.titles(),
        "may_edit": can(reader.actor, Permission.CONFIGURE) and not locked,
        "locked": locked,
        "form": refused,
        "errors": errors or {},
    }
    return render(request, "delivery/rules.html", context, status=422 if errors else 200)


def _names() -> list[str]:
    return [group_name(*each) for each in GROUPS]


def _group(name: str, typed: tuple[reach.Row, ...] | None) -> Group:
    urgency, occasion = reach.group_of(name)
    infos = [info for info in queries.default_rules() if rules.name_of(info) == name]
    saved = tuple(sorted(map(rules.rule_of, infos), key=lambda rule: rule.after))
    rows = tuple(reach.Row(reach.typed(info.after_s), info.via) for info in infos)
    title, about = reach.TITLES[name]
    page = occasion is Occasion.PAGE
    without = "every method of a person in its turn" if page else f"as {urgency} urgency"
    shown = rows if typed is None else typed
    return Group(name, title, about, saved, shown, without)
