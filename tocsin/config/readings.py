"""Numbers that all processes share, read from the database when `/metrics` is asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString

from django.db import connection
from prometheus_client import Gauge

from tocsin.apps.oncall import queries as oncall
from tocsin.apps.oncall.types import Cover
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
        "SELECT severity, count(*) FROM incidents_incident WHERE resolved_at IS NULL AND number > 0"
        " GROUP BY severity",
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
        " AND via <> 'canary'"
        " GROUP BY via, state",
    ),
    Reading(
        metrics.gauge("notifications_held", "Messages that wait for a throttle or a vendor now", ("via",)),
        "SELECT via, count(*) FROM notify_notification"
        " WHERE state = 'planned' AND hold <> '' AND due_at > now() GROUP BY via",
    ),
    Reading(
        metrics.gauge("canary_seconds", "From door to channel: the last journey of the canary that arrived"),
        "SELECT coalesce((SELECT extract(epoch FROM arrived_at - begun_at)::float8 FROM incidents_canaryrun"
        " WHERE arrived_at IS NOT NULL ORDER BY begun_at DESC LIMIT 1), 'NaN')",
    ),
    Reading(
        metrics.gauge("canary_age_seconds", "Since the last canary that arrived in time took off; NaN: none"),
        "SELECT coalesce((SELECT extract(epoch FROM now() - max(begun_at))::float8 FROM incidents_canaryrun"
        " WHERE arrived_at - begun_at <= interval '30 seconds'), 'NaN')",
    ),
    Reading(
        metrics.gauge("vendor_failing", "1 while a vendor takes nothing of what it is given", ("vendor",)),
        "SELECT vendor, (failing_since IS NOT NULL)::int FROM notify_vendorstate",
    ),
    Reading(
        metrics.gauge("unwell", "1 for each matter of which the administrators are told", ("matter",)),
        "SELECT name, 1 FROM notify_matter WHERE since IS NOT NULL",
    ),
    Reading(
        metrics.gauge("workers_silent", "Workers silent for a minute that said no goodbye"),
        "SELECT count(*) FROM notify_workerprocess WHERE heartbeat_at < now() - interval '1 minute'",
    ),
    Reading(
        metrics.gauge("workers", "Workers whose heart beat in the last 4 seconds"),
        "SELECT count(*) FROM notify_workerprocess WHERE heartbeat_at > now() - interval '4 seconds'",
    ),
)


_Rows = Sequence[Sequence[Any]]


class Worked:
    """What no query gives: it is worked out by `find`, which may take a while, and at most once in `every_s`
    seconds; each gauge takes its rows from what was found.
    """

    def __init__(
        self,
        find: Callable[[datetime], Any],
        gauges: Sequence[tuple[Gauge, Callable[[Any], _Rows]]],
        *,
        every_s: float,
    ) -> None:
        self._find, self._gauges, self._every_s = find, gauges, every_s
        self._due = 0.0

    def is_due(self, monotonic: float) -> bool:
        """Whether it is time again; who asks works it out."""
        if monotonic < self._due:
            return False
        self._due = monotonic + self._every_s
        return True

    def work(self, now: datetime) -> Any:
        """In a thread of its own: `find` asks the database."""
        try:
            return self._find(now)
        finally:
            connection.close()

    def show(self, found: Any) -> None:
        for gauge, rows in self._gauges:
            gauge.clear()
            for *labels, number in rows(found):
                gauge.labels(*labels).set(number)


def _gaps(found: Sequence[Cover]) -> _Rows:
    return [(one.schedule, one.gap.total_seconds()) for one in found]


def _covered(found: Sequence[Cover]) -> _Rows:
    return [(one.schedule, int(one.covered)) for one in found]


def _current(found: Sequence[Cover]) -> _Rows:
    return [(one.schedule, role, user, 1) for one in found for role, user in one.now]


WORKED: Final = (
    Worked(
        oncall.cover,
        (
            (
                metrics.gauge(
                    "oncall_gap_seconds", "Seconds of the coming 7 days with nobody on call", ("schedule",)
                ),
                _gaps,
            ),
            (metrics.gauge("oncall_covered", "1 while anybody is on call", ("schedule",)), _covered),
            (
                metrics.gauge("oncall_current", "Who is on call", ("schedule", "role", "user")),
                _current,
            ),
        ),
        every_s=30,
    ),
)
