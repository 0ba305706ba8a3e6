"""How loudly to call now: by the route, the service's rule, or the severity's row; softer outside support
hours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tocsin.domain.severity import Severity, SeverityRow, Urgency
from tocsin.domain.time.business import BusinessHours


@dataclass(frozen=True)
class UrgencyRule:
    """A service's rule. `fixed` None: by severity. `outside` None: outside support hours as inside."""

    fixed: Urgency | None = None
    support_hours: BusinessHours | None = None
    outside: Urgency | None = None
    raise_at_opening: bool = False


@dataclass(frozen=True)
class ChosenUrgency:
    """`raise_at` is when an unacknowledged low one becomes high: the next opening, in UTC."""

    urgency: Urgency
    reason: str
    raise_at: datetime | None = None


def choose(
    *,
    route: Urgency | None,
    rule: UrgencyRule,
    severity: Severity,
    table: Mapping[Severity, SeverityRow],
    now: datetime,
) -> ChosenUrgency:
    if route is not None:
        return ChosenUrgency(route, f"{route}: set by the route")
    inside = rule.fixed or table[severity].urgency
    because = "the service says so" if rule.fixed else f"by its severity, {severity}"
    hours = rule.support_hours
    if hours is None or rule.outside is None or hours.is_open(now):
        return ChosenUrgency(inside, f"{inside}: {because}")
    raise_at = hours.next_opening(now) if rule.raise_at_opening and rule.outside is Urgency.LOW else None
    return ChosenUrgency(rule.outside, f"{rule.outside}: outside the service's support hours", raise_at)
