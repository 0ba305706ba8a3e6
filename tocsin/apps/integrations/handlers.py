"""What integrations hears; `config.subscriptions` wires it."""

from dataclasses import replace

from tocsin.apps.integrations.forms import form_of, route_of
from tocsin.apps.integrations.models import RouteTree
from tocsin.domain.errors import Conflict
from tocsin.domain.routing import Route
from tocsin.ports.events import Going, Renamed


def on_renamed(news: Renamed) -> None:
    """Routes name services: they follow."""
    row = RouteTree.objects.select_for_update().order_by("pk").first() if news.kind == "service" else None
    if row is None:
        return
    tree = route_of(row.definition)
    if _names(tree, news.old):
        row.definition = form_of(_renamed(tree, news.old, news.new))
        row.save(update_fields=["definition"])


def on_going(news: Going) -> None:
    row = RouteTree.objects.order_by("pk").first() if news.kind == "service" else None
    if row is not None and _names(route_of(row.definition), news.name):
        raise Conflict(f"The routes still send alerts to the service “{news.name}”.")


def _names(route: Route, service: str) -> bool:
    return route.service == service or any(_names(below, service) for below in route.routes)


def _renamed(route: Route, old: str, new: str) -> Route:
    return replace(
        route,
        service=new if route.service == old else route.service,
        routes=tuple(_renamed(below, old, new) for below in route.routes),
    )
