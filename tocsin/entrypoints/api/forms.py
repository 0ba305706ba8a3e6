"""Bodies in the form of the configuration files, read by the files' own readers: one form, same words."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.db import connection

from tocsin.domain.configuration.nodes import from_plain
from tocsin.domain.configuration.problems import Report
from tocsin.domain.configuration.reader import Cursor
from tocsin.domain.errors import Conflict, FieldError, Invalid
from tocsin.lib import pg

T = TypeVar("T")


def read(reader: Callable[[Cursor], T | None], form: Mapping[str, Any], name: str) -> T:
    """The definition that `form` gives to `name`; raises Invalid with every wrong field."""
    report = Report()
    value = reader(Cursor(from_plain({**form, "name": name}, name), "", report))
    if report.errors or value is None:
        raise Invalid(*(FieldError(one.path.lstrip("."), one.message) for one in report.errors))
    return value


def check_unlocked(kind: str, name: str, *, from_file: bool) -> None:
    if from_file:
        message = f"The {kind} “{name}” is kept in a configuration file; unlock it to change it here."
        raise Conflict(message, ("unlock",))


def check_free(kind: str, name: str, find: Callable[[str], object | None]) -> None:
    """Raise Conflict when there is one of that name. Nobody else makes one until this request is answered."""
    with connection.cursor() as cursor:
        pg.lock(cursor, f"api create {kind} {name}")
    if find(name) is not None:
        raise Conflict(f"There is already the {kind} “{name}”.")
