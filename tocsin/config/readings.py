"""Numbers that all processes share, read from the database when `/metrics` is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, LiteralString

from prometheus_client import Gauge

from tocsin.lib import metrics


@dataclass(frozen=True)
class Reading:
    """`query` gives rows of (label values…, number); labels that are not there any more read 0."""

    gauge: Gauge
    query: LiteralString

    def show(self, rows: Sequence[Sequence[Any]]) -> None:
        if self.gauge._labelnames:  # noqa: SLF001 - prometheus_client offers no other way to ask
            self.gauge.clear()
        for *labels, number in rows:
            (self.gauge.labels(*labels) if labels else self.gauge).set(number or 0)


READINGS: Final = (
    Reading(
        metrics.gauge("incidents_open", "Incidents that are not resolved", ("severity",)),
        "SELECT severity, count(*) FROM incidents_incident WHERE resolved_at IS NULL GROUP BY severity",
    ),
    Reading(
        metrics.gauge("events_waiting", "Accepted events that no worker has taken yet"),
        "SELECT count(*) FROM integrations_event WHERE processed_at IS NULL",
    ),
    Reading(
        metrics.gauge("escalation_late_seconds", "How late the latest due escalation step is"),
        "SELECT greatest(0, extract(epoch FROM now() - min(due_at))) FROM escalation_callout"
        " WHERE due_at IS NOT NULL",
    ),
    Reading(
        metrics.gauge("notification_late_seconds", "How late the latest due notification is"),
        "SELECT greatest(0, extract(epoch FROM now() - min(due_at))) FROM notify_notification"
        " WHERE state IN ('planned', 'claimed')",
    ),
    Reading(
        metrics.gauge("notifications", "Messages of the last 24 hours, by outcome", ("via", "state")),
        "SELECT via, state, count(*) FROM notify_notification WHERE due_at > now() - interval '24 hours'"
        " GROUP BY via, state",
    ),
    Reading(
        metrics.gauge("workers", "Workers whose heart beat in the last 4 seconds"),
        "SELECT count(*) FROM notify_workerprocess WHERE heartbeat_at > now() - interval '4 seconds'",
    ),
)
