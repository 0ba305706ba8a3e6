"""Many rows written at once, for what a storm writes. Django's own `bulk_update` makes a CASE of every row
and field, and its `bulk_create` asks every field of every row for a value; COPY and arrays cost a tenth.
"""

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from django.db import connection, models
from psycopg import sql

# Of a limited column the limit is checked as the value is stored; a cast to it would cut silently.
_TEXT = (models.CharField, models.TextField)


def update_rows(rows: Collection[models.Model], names: Sequence[str]) -> None:
    """Store the fields `names` of the rows, which are all of one model."""
    if not rows:
        return
    about = type(next(iter(rows)))._meta  # noqa: SLF001 - public, whatever its name says
    fields = [about.get_field(name) for name in names]
    arrays, casts = [[row.pk for row in rows]], ["bigint[]"]
    for field in fields:
        assert isinstance(field, models.Field)  # noqa: S101 - a column, not a relation from elsewhere
        arrays.append([field.get_db_prep_save(getattr(row, field.attname), connection) for row in rows])
        kind = "text" if isinstance(field, _TEXT) else field.db_type(connection)
        casts.append(f"{kind}[]")
    columns = [sql.Identifier(field.column) for field in fields if isinstance(field, models.Field)]
    statement = sql.SQL(
        "UPDATE {table} t SET {sets} FROM unnest({given}) AS v(id, {columns}) WHERE t.id = v.id"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            statement.format(
                table=sql.Identifier(about.db_table),
                sets=sql.SQL(", ").join(sql.SQL("{0} = v.{0}").format(column) for column in columns),
                given=sql.SQL(", ").join(sql.SQL(f"%s::{cast}") for cast in casts),
                columns=sql.SQL(", ").join(columns),
            ).as_string(cursor.connection),
            arrays,
        )


def append_rows(model: type[models.Model], names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Add rows of which nobody needs the ids: their `names` (attributes, such as `alert_id`), in order.

    JSON comes as text. The columns that are not named must have defaults in the database.
    """
    about = model._meta  # noqa: SLF001 - public, whatever its name says
    columns = [field.column for field in about.concrete_fields if field.attname in names]
    assert columns == list(names), "in the order of the model"  # noqa: S101 - of our own callers
    if listed := list(rows):
        _copy(about.db_table, columns, listed)


def create_rows(rows: Sequence[models.Model]) -> None:
    """Store new rows, all of one model, and give them their ids."""
    if not rows:
        return
    about = type(rows[0])._meta  # noqa: SLF001 - public, whatever its name says
    fields = about.concrete_fields
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(s.name) FROM generate_series(1, %s),"
            " (SELECT pg_get_serial_sequence(%s, %s)::regclass AS name OFFSET 0) AS s",
            [len(rows), about.db_table, about.pk.column],
        )
        for row, (number,) in zip(rows, cursor.fetchall(), strict=True):
            row.pk = number
    readers = [(field.attname, _plain(field)) for field in fields]
    values = ([make(row.__dict__[name]) for name, make in readers] for row in rows)
    _copy(about.db_table, [field.column for field in fields], values)
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias  # noqa: SLF001 - as Django does


def _copy(table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(statement.as_string(cursor.connection)) as copy,
    ):
        for row in rows:
            copy.write_row(row)


def _plain(field: models.Field[Any, Any]) -> Callable[[Any], object]:
    """As COPY has it: a member of an enumeration is its text."""
    if isinstance(field, models.JSONField):
        return _json
    return str if isinstance(field, _TEXT) else _same


def _json(value: Any) -> str:
    return json.dumps(value) if value or not isinstance(value, dict | list) else repr(value)


def _same(value: object) -> object:
    return value
