"""The routing tree and its tables between the values and the form in which they are stored, which is that of
the configuration files.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from tocsin.domain.configuration.nodes import from_plain
from tocsin.domain.configuration.problems import Report
from tocsin.domain.configuration.reader import Cursor
from tocsin.domain.configuration.routes import read_routes, read_tables, route_form, tables_form
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.routing import EMPTY, Route, Table

__all__ = ["read_form_of_tables", "read_tree", "route_form", "route_of", "tables_form", "tables_of"]


def read_tree(form: Any) -> Route:
    """Somebody's text. Raises Invalid, which names the node and the field."""
    report = Report()
    tree = read_routes(Cursor(from_plain(form, "routes"), "", report))
    if report.errors:
        raise Invalid(*(FieldError(one.path, one.message) for one in report.errors))
    return tree or EMPTY


def read_form_of_tables(form: Any) -> dict[str, Table]:
    """Somebody's text. Raises Invalid."""
    report = Report()
    tables = read_tables(Cursor(from_plain(form, "tables"), "tables", report))
    if report.errors:
        raise Invalid(*(FieldError(one.path, one.message) for one in report.errors))
    return tables or {}


def route_of(form: Mapping[str, Any]) -> Route:
    """What is stored. What it has worked out about itself (its index, its programs) is kept while the form
    stays as it is.
    """
    return _route(json.dumps(form)) if form else EMPTY


@lru_cache(maxsize=4)
def _route(text: str) -> Route:
    return read_tree(json.loads(text))


def tables_of(form: Sequence[Any]) -> dict[str, Table]:
    return dict(_tables(json.dumps(form))) if form else {}


@lru_cache(maxsize=4)
def _tables(text: str) -> Mapping[str, Table]:
    return read_tables(Cursor(from_plain(json.loads(text), "tables"), "", Report())) or {}
