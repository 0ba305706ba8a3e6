"""Many rows changed by one statement whose length does not grow with them: Django's own `bulk_update`
writes a CASE for every row and field, which is most of what a storm costs.
"""

from collections.abc import Collection, Sequence

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
