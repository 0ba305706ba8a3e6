"""Names in a tree that stand for nothing."""

from collections.abc import Iterator, Mapping

from tocsin.apps.catalog.models import Service
from tocsin.domain.configuration.reader import did_you_mean
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.routing import Route, Table


def check_names(tree: Route, tables: Mapping[str, Table]) -> None:
    """Raises Invalid for services, teams with none, and tables that do not exist."""
    services = dict(Service.objects.values_list("name", "team__name"))
    errors = tuple(_wrong(tree, tables, services, ""))
    if errors:
        raise Invalid(*errors)


def _wrong(
    route: Route, tables: Mapping[str, Table], services: Mapping[str, str | None], path: str
) -> Iterator[FieldError]:
    at = f"{path}." if path else ""
    if route.service is not None and route.service_template is None and route.service not in services:
        hint = did_you_mean(route.service, services) if services else ""
        yield FieldError(f"{at}service", f"there is no service {route.service!r}{hint}")
    if route.team is not None and route.team not in services.values():
        yield FieldError(f"{at}team", f"no service belongs to a team {route.team!r}")
    for lookup in route.lookup:
        if lookup.table not in tables:
            yield FieldError(f"{at}lookup", f"there is no table {lookup.table!r}")
    for number, below in enumerate(route.routes):
        yield from _wrong(below, tables, services, f"{at}routes[{number}]")
