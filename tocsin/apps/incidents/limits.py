"""How full the groups are whose routes set a limit."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max

from tocsin.apps.alerts.intake import Placement
from tocsin.apps.incidents.models import IncidentAlert


@dataclass
class Fill:
    """Of one incident: how many alerts it has, and when the last one joined."""

    alerts: int = 0
    last: datetime | None = None

    def joined(self, now: datetime) -> None:
        self.alerts += 1
        self.last = now


def limited(placement: Placement) -> bool:
    return placement.group_within is not None or placement.group_limit is not None


def fills(incidents: Iterable[int]) -> dict[int, Fill]:
    rows = IncidentAlert.objects.filter(incident_id__in=list(incidents)).values("incident_id")
    counted = rows.annotate(alerts=Count("id"), last=Max("joined_at")).order_by()
    return {row["incident_id"]: Fill(row["alerts"], row["last"]) for row in counted}
