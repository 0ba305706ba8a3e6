"""Incidents of the past that look like one, with who ended them and how.

First the service's own, then others': by trigrams of the title and by its words, and more so where the group
or the labels are the same. Each of the three looks is bounded by an index, whatever the history.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection

from tocsin.apps.alerts.models import Alert
from tocsin.apps.incidents import queries
from tocsin.apps.incidents.models import Incident, TimelineEntry

_MOST: Final = 5
_WORDS: Final = ("note", "update")
_NOTES: Final = 3

# The service's newest, those whose title is nearest (GiST), and those that have all its words (GIN).
_FIND: Final = """
WITH own AS (
    SELECT id FROM incidents_incident
    WHERE service_id = %(service)s AND id <> %(id)s AND number > 0 AND resolved_at IS NOT NULL
    ORDER BY declared_at DESC LIMIT 1000),
near AS (
    SELECT id FROM incidents_incident
    WHERE id <> %(id)s AND number > 0 ORDER BY title <-> %(title)s LIMIT 50),
worded AS (
    SELECT id FROM incidents_incident
    WHERE to_tsvector('simple', title || ' ' || summary) @@ plainto_tsquery('simple', %(title)s) LIMIT 200)
SELECT i.id,
    similarity(i.title, %(title)s)
    + 0.5 * ts_rank(to_tsvector('simple', i.title || ' ' || i.summary),
                    plainto_tsquery('simple', %(title)s), 1)
    + CASE WHEN i.group_key <> '' AND i.group_key = %(group)s THEN 1 ELSE 0 END
    + CASE WHEN i.service_id = %(service)s THEN 0.5 ELSE 0 END AS score
FROM incidents_incident i
WHERE i.id IN (SELECT id FROM own UNION SELECT id FROM near UNION SELECT id FROM worded)
    AND i.id <> %(id)s AND i.number > 0 AND i.resolved_at IS NOT NULL AND i.status <> 'merged'
    AND (similarity(i.title, %(title)s) >= 0.3 OR (i.group_key <> '' AND i.group_key = %(group)s)
         OR to_tsvector('simple', i.title || ' ' || i.summary) @@ plainto_tsquery('simple', %(title)s))
ORDER BY score DESC, i.resolved_at DESC LIMIT 20
"""


@dataclass(frozen=True)
class Similar:
    """`notes`: the last words on its timeline, the newest last. `resolved_by` None: its alerts ended it."""

    ref: str
    title: str
    service: str
    severity: str
    resolved_at: datetime
    took: timedelta
    resolved_by: str | None
    notes: tuple[str, ...]
    score: float


def similar(ref: str, *, limit: int = _MOST) -> tuple[Similar, ...]:
    """The likest first. Raises NotFound."""
    incident = Incident.objects.get(pk=queries.id_of(ref))
    asked: dict[str, str | int] = {
        "id": incident.pk,
        "service": incident.service_id,
        "title": incident.title,
        "group": incident.group_key,
    }
    with connection.cursor() as cursor:
        cursor.execute(_FIND, asked)
        scores = {row[0]: float(row[1]) for row in cursor.fetchall()}
    ours = _labels([incident.pk]).get(incident.pk, frozenset())
    theirs = _labels(scores)
    for number in scores:
        both = ours | theirs.get(number, frozenset())
        scores[number] += len(ours & theirs.get(number, frozenset())) / len(both) if both else 0.0
    best = sorted(scores, key=lambda number: -scores[number])[:limit]
    rows = Incident.objects.select_related("service", "resolved_by").in_bulk(best)
    said = _said(best)
    return tuple(_similar_of(rows[number], said.get(number, []), scores[number]) for number in best)


def _similar_of(row: Incident, said: list[str], score: float) -> Similar:
    at = row.resolved_at or row.declared_at
    return Similar(
        ref=row.ref,
        title=row.title,
        service=row.service.name,
        severity=row.severity,
        resolved_at=at,
        took=at - row.declared_at,
        resolved_by=row.resolved_by.email if row.resolved_by else None,
        notes=tuple(said[-_NOTES:]),
        score=round(score, 3),
    )


def _labels(ids: Iterable[int]) -> dict[int, frozenset[tuple[str, str]]]:
    pairs = Alert.objects.filter(incident_links__incident_id__in=list(ids))
    found: dict[int, set[tuple[str, str]]] = {}
    for number, labels in pairs.values_list("incident_links__incident_id", "labels")[:1000]:
        found.setdefault(number, set()).update((name, str(value)) for name, value in labels.items())
    return {number: frozenset(labels) for number, labels in found.items()}


def _said(ids: list[int]) -> dict[int, list[str]]:
    rows = TimelineEntry.objects.filter(incident_id__in=ids, kind__in=_WORDS).order_by("occurred_at", "id")
    said: dict[int, list[str]] = {}
    for number, text in rows.values_list("incident_id", "text"):
        said.setdefault(number, []).append(text[:500])
    return said
