from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any

from tocsin.apps.identity.types import business_hours
from tocsin.domain.severity import Severity, Urgency
from tocsin.domain.urgency import UrgencyRule


@dataclass(frozen=True)
class ServiceSpec:
    """What is to be saved. `support_hours` is `{timezone, days, start, end}`; `ack_timeout_s` None: by
    severity, 0: off.
    """

    name: str
    team: str | None = None
    escalation_policy: str | None = None
    severity: Severity | None = None
    urgency: str = "by_severity"  # high | low | by_severity
    support_hours: Mapping[str, Any] | None = None
    outside: str | None = None
    raise_at_opening: bool = False
    ack_timeout_s: int | None = None
    reopen_window_s: int = 300
    tier: int | None = None
    description: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class ServiceInfo(ServiceSpec):
    id: int = 0
    team_id: int | None = None
    dependents: tuple[str, ...] = ()
    from_file: bool = False
    canary: bool = False

    @property
    def spec(self) -> ServiceSpec:
        return ServiceSpec(**{each.name: getattr(self, each.name) for each in fields(ServiceSpec)})

    @property
    def reopen_window(self) -> timedelta:
        return timedelta(seconds=self.reopen_window_s)

    @property
    def ack_timeout(self) -> timedelta | None:
        return None if self.ack_timeout_s is None else timedelta(seconds=self.ack_timeout_s)

    def urgency_rule(self, *, zone: str = "UTC", holidays: tuple[str, ...] = ()) -> UrgencyRule:
        """`zone` and `holidays` are the owning team's."""
        hours = None
        if self.support_hours is not None:
            hours = business_hours(dict(self.support_hours), holidays, zone=zone)
        return UrgencyRule(
            None if self.urgency == "by_severity" else Urgency(self.urgency),
            hours,
            Urgency(self.outside) if self.outside else None,
            self.raise_at_opening,
        )

    @property
    def missing(self) -> tuple[str, ...]:
        """What a complete entry of the directory would also have."""
        wanted = {
            "a team": self.team,
            "an escalation policy": self.escalation_policy,
            "a tier": self.tier is not None,
            "a description": self.description,
            "a link to its runbook": self.links.get("runbook"),
            "a link to its dashboard": self.links.get("dashboard"),
            "a link to its repository": self.links.get("repository"),
        }
        return tuple(what for what, there in wanted.items() if not there)

    @property
    def completeness(self) -> int:
        """Per cent."""
        return round(100 * (7 - len(self.missing)) / 7)
