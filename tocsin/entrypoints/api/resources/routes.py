"""The routing tree as one object, and the event log that it is tried on."""

from datetime import timedelta
from typing import Any, Final

from ninja import Field, Query, Router, Schema

from tocsin.apps.integrations import actions, history, queries
from tocsin.apps.integrations.forms import read_form_of_tables, read_tree, route_form, tables_form
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.simulation.rows import row_of
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.shapes import In, Instant

router = Router()
events = Router()

_DAY: Final = timedelta(days=1)


class Routes(Schema):
    """`tree` and `tables` as in a configuration file."""

    tree: dict[str, Any]
    tables: list[dict[str, Any]]
    from_file: bool


class RoutesIn(In):
    """`tables` null: as they are."""

    tree: dict[str, Any] | list[Any]
    tables: list[dict[str, Any]] | None = None


class Period(Schema):
    """`from` absent: a day before `until`; `until` absent: now."""

    start: Instant | None = Field(None, alias="from")
    until: Instant | None = None
    cursor: str | None = Field(None, max_length=200)
    limit: int = Field(200, ge=1, le=500)


class EventRows(Schema):
    """Rows as in the events file of `tocsin simulate`."""

    items: list[dict[str, Any]]
    next_cursor: str | None


@router.get("", response=Routes)
def show_routes(request: ApiRequest) -> Any:  # noqa: ARG001 - ninja's
    return _shown()


@router.put("", response=Routes)
def replace_routes(request: ApiRequest, body: RoutesIn) -> Any:
    """The whole tree. A service, team or table that does not exist is refused."""
    tables = None if body.tables is None else read_form_of_tables(body.tables)
    actions.save_routes(actor=request.actor, tree=read_tree(body.tree), tables=tables, now=request.now)
    return _shown()


@events.get("", response=EventRows)
def list_logged_events(request: ApiRequest, period: Query[Period]) -> Any:
    """What came in, as a replay plays it, in the order in which it came."""
    until = period.until or request.now
    since = period.start or until - _DAY
    if since >= until:
        raise Invalid(FieldError("until", "is not after `from`"))
    found = history.happenings(
        actor=request.actor, since=since, until=until, cursor=period.cursor, limit=period.limit
    )
    return {"items": [row_of(one) for one in found.items], "next_cursor": found.next_cursor}


def _shown() -> dict[str, Any]:
    return {
        "tree": route_form(queries.routes()),
        "tables": tables_form(queries.tables()),
        "from_file": queries.routes_from_file(),
    }
