"""The noise report: which kinds of alert called people most, and whether anybody did anything about it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from tocsin.domain.noise import Noisy, Suggestion, suggestions
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.severity import Severity

# An incident counts for the alert that opened it. Alerts are of one kind by their alertname; without one by
# their summary, its numbers left out.
_SQL: Final = """
WITH mine AS (
    SELECT i.id, i.severity, i.declared_at, i.resolved_at, i.service_id,
           i.touched OR i.first_acknowledged_at IS NOT NULL OR i.resolved_how = 'person' AS acted,
           i.resolved_how = 'alert' AND NOT i.touched AND i.first_acknowledged_at IS NULL AS itself
    FROM incidents_incident i
    JOIN catalog_service s ON s.id = i.service_id
    WHERE i.declared_at >= %(since)s AND i.declared_at < %(until)s AND i.number > 0
      AND (%(service)s = '' OR s.name = %(service)s)
      AND (%(team)s = '' OR s.team_id = (SELECT id FROM identity_team WHERE name = %(team)s))
), opened AS (
    SELECT mine.*, n.name AS integration, a.id AS alert,
           COALESCE(NULLIF(a.labels->>'alertname', ''),
                    regexp_replace(a.summary, '[0-9]+([.,:][0-9]+)*', '…', 'g')) AS kind
    FROM mine
    JOIN LATERAL (SELECT alert_id FROM incidents_incidentalert l WHERE l.incident_id = mine.id
                  ORDER BY l.id LIMIT 1) AS first ON true
    JOIN alerts_alert a ON a.id = first.alert_id
    JOIN integrations_integration n ON n.id = a.integration_id
), neighbours AS (
    SELECT id, LEAST(
        declared_at - lag(declared_at) OVER w, lead(declared_at) OVER w - declared_at) AS gap
    FROM opened WINDOW w AS (PARTITION BY kind, integration, service_id ORDER BY declared_at)
), called AS (
    SELECT p.incident_id, count(*) AS pages, array_agg(DISTINCT p.user_id) AS people,
           count(*) FILTER (WHERE EXTRACT(hour FROM p.started_at AT TIME ZONE
               CASE WHEN u.timezone = '' THEN 'UTC' ELSE u.timezone END) NOT BETWEEN 7 AND 21) AS night
    FROM notify_page p JOIN identity_user u ON u.id = p.user_id
    WHERE p.kind = 'page' AND p.incident_id IN (SELECT id FROM mine)
    GROUP BY p.incident_id
)
SELECT o.kind, s.name, o.integration, min(o.severity), count(*), COALESCE(sum(c.pages), 0),
       (SELECT count(DISTINCT person) FROM opened x JOIN called y ON y.incident_id = x.id
            CROSS JOIN LATERAL unnest(y.people) AS person
        WHERE x.kind = o.kind AND x.integration = o.integration AND x.service_id = o.service_id),
       count(*) FILTER (WHERE o.acted), count(*) FILTER (WHERE o.itself), COALESCE(sum(c.night), 0),
       count(*) FILTER (WHERE g.gap <= interval '1 hour'),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY o.resolved_at - o.declared_at),
       (array_agg(o.alert ORDER BY o.declared_at DESC))[1]
FROM opened o
JOIN catalog_service s ON s.id = o.service_id
JOIN neighbours g ON g.id = o.id
LEFT JOIN called c ON c.incident_id = o.id
GROUP BY o.kind, s.name, o.integration, o.service_id
ORDER BY 6 DESC, 5 DESC, 1
LIMIT %(limit)s
"""


@dataclass(frozen=True)
class NoiseRow:
    """`alert_id`: the one that called last."""

    alert_id: int
    noisy: Noisy
    suggestions: tuple[Suggestion, ...]


@dataclass(frozen=True)
class NoiseReport:
    """`rows`: those that called most come first. Totals are over the rows."""

    rows: tuple[NoiseRow, ...]

    @property
    def incidents(self) -> int:
        return sum(row.noisy.incidents for row in self.rows)

    @property
    def pages(self) -> int:
        return sum(row.noisy.pages for row in self.rows)

    @property
    def nobody_acted(self) -> int:
        return sum(row.noisy.incidents - row.noisy.acted_on for row in self.rows)

    @property
    def at_night(self) -> int:
        return sum(row.noisy.at_night for row in self.rows)


def report(
    *, actor: Actor, since: datetime, until: datetime, service: str = "", team: str = "", limit: int = 50
) -> NoiseReport:
    require(actor, Permission.READ)
    given: dict[str, datetime | str | int] = {
        "since": since,
        "until": until,
        "service": service,
        "team": team,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SQL, given)
        found = cursor.fetchall()
    rows = ((alert_id, _row_of(*each)) for *each, alert_id in found)
    return NoiseReport(tuple(NoiseRow(alert_id, row, suggestions(row)) for alert_id, row in rows))


def _row_of(*row: Any) -> Noisy:
    name, service, integration, severity, incidents, pages, people, acted, itself, night, crowd, typical = row
    worst = Severity(severity) if severity else None
    seen = (incidents, int(pages), people, acted, itself, int(night), crowd)
    return Noisy(name, service, integration, worst, *seen, typical)
