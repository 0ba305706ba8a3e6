"""Groups of alerts in the database: one lock for each, the newest incident that it has, and what is in it."""

from collections.abc import Iterable
from datetime import datetime

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


def one_firing(incidents: Iterable[int]) -> list[tuple[int, int]]:
    """An alert of each that still fires, where there is one: a storm's incident has thousands. What ends or
    fires in this batch is written already, but not linked.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.id, f.alert_id FROM unnest(%s::bigint[]) AS i(id) CROSS JOIN LATERAL ("
            " SELECT l.alert_id FROM incidents_incidentalert l JOIN alerts_alert a ON a.id = l.alert_id"
            " WHERE l.incident_id = i.id AND a.status = %s ORDER BY l.id DESC LIMIT 1) AS f",
            [list(incidents), "firing"],
        )
        return [(row[0], row[1]) for row in cursor.fetchall()]


def link_alerts(pairs: Iterable[tuple[int, int]], now: datetime) -> None:
    """Each (incident, alert) that is not linked yet."""
    listed = list(pairs)
    if listed:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO incidents_incidentalert (incident_id, alert_id, joined_at)"
                " SELECT v.incident, v.alert, %s"
                " FROM unnest(%s::bigint[], %s::bigint[]) AS v(incident, alert)"
                " ON CONFLICT DO NOTHING",
                [now, [incident for incident, _ in listed], [alert for _, alert in listed]],
            )
