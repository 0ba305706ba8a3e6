"""What was changed shortly before an incident, in its service and in what that depends on; and the other way
round, what broke after a change.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tocsin.apps.alerts import change_queries
from tocsin.apps.alerts.change_queries import ChangeInfo
from tocsin.apps.catalog import queries as catalog
from tocsin.apps.incidents import queries
from tocsin.apps.incidents.models import Incident

_MOST: Final = 50


@dataclass(frozen=True)
class Following:
    """An incident that was detected after a change."""

    ref: str
    title: str
    severity: str
    status: str
    service: str
    detected_at: datetime


def changes_before(ref: str) -> tuple[ChangeInfo, ...]:
    """Within a day before it began, the newest first. Raises NotFound."""
    incident = Incident.objects.select_related("service").get(pk=queries.id_of(ref))
    needs = {each.name: each.depends_on for each in catalog.services()}
    seen = _reached(incident.service.name, needs)
    return change_queries.before(seen, max(incident.detected_at, incident.started_at or incident.detected_at))


def incidents_after(change: ChangeInfo, within: timedelta) -> tuple[Following, ...]:
    """Of its service and of what depends on that, or of any where it names none; the first come first."""
    end = change.occurred_at + within
    found = Incident.objects.filter(
        detected_at__gte=change.occurred_at, detected_at__lte=end, merged_into=None
    )
    if change.service is not None:
        serves: dict[str, list[str]] = {}
        for each in catalog.services():
            for name in each.depends_on:
                serves.setdefault(name, []).append(each.name)
        found = found.filter(service__name__in=_reached(change.service, serves))
    rows = found.select_related("service").order_by("detected_at", "pk")[:_MOST]
    return tuple(
        Following(row.ref, row.title, row.severity, row.status, row.service.name, row.detected_at)
        for row in rows
    )


def _reached(name: str, ways: Mapping[str, Iterable[str]]) -> set[str]:
    seen, todo = {name}, [name]
    while todo:
        fresh = set(ways.get(todo.pop(), ())) - seen
        seen |= fresh
        todo.extend(fresh)
    return seen
