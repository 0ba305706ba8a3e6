"""Groups of alerts in the database: one lock for each, and the newest incident that it has."""

from collections.abc import Iterable

from django.db import connection

from tocsin.lib import ids

Group = tuple[int, str]  # of a service: its id and the group's key


def lock_groups(groups: Iterable[Group]) -> None:
    """Two workers never open two incidents for one group; in one order, so that they never wait for each
    other.
    """
    keys = sorted({ids.number_key(f"group:{service}:{key}") for service, key in groups})
    if keys:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(k) FROM unnest(%s::bigint[]) AS k", [keys])


def newest_ids(groups: Iterable[Group]) -> dict[Group, int]:
    pairs = list(groups)
    if not pairs:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT g.service_id, g.key, i.id FROM unnest(%s::bigint[], %s::text[]) AS g(service_id, key)"
            " CROSS JOIN LATERAL (SELECT id FROM incidents_incident"
            " WHERE service_id = g.service_id AND group_key = g.key"
            " ORDER BY declared_at DESC, id DESC LIMIT 1) AS i",
            [[service for service, _ in pairs], [key for _, key in pairs]],
        )
        return {(row[0], row[1]): row[2] for row in cursor.fetchall()}
