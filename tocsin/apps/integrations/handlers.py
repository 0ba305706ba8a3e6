"""What integrations hears; `config.subscriptions` wires it."""

from dataclasses import replace

from tocsin.apps.integrations.forms import route_form, route_of
from tocsin.apps.integrations.models import RouteTree
from tocsin.domain.errors import Conflict
from tocsin.domain.routing import Route
from tocsin.ports.events import Going, Renamed


def on_renamed(news: Renamed) -> None:
    """Routes name services and teams: they follow."""
    wanted = news.kind in {"service", "team"}
    row = RouteTree.objects.select_for_update().order_by("pk").first() if wanted else None
    if row is None:
        return
    tree = route_of(row.definition)
    if _names(tree, news.old, news.kind):
        row.definition = route_form(_renamed(tree, news.old, news.new, news.kind))
        row.save(update_fields=["definition"])


def on_going(news: Going) -> None:
    row = RouteTree.objects.order_by("pk").first() if news.kind in {"service", "team"} else None
    if row is not None and _names(route_of(row.definition), news.name, news.kind):
        raise Conflict(f"The routes still send alerts to the {news.kind} “{news.name}”.")


def _names(route: Route, name: str, kind: str) -> bool:
    named = route.service if kind == "service" else route.team
    return named == name or any(_names(below, name, kind) for below in route.routes)


def _renamed(route: Route, old: str, new: str, kind: str) -> Route:
    return replace(
        route,
        service=new if kind == "service" and route.service == old else route.service,
        team=new if kind == "team" and route.team == old else route.team,
        routes=tuple(_renamed(below, old, new, kind) for below in route.routes),
    )
