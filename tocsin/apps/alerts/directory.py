"""Everything that routing an alert asks for, read once for a whole batch of events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from tocsin.apps.alerts import suppressing
from tocsin.apps.catalog import actions as catalog_actions
from tocsin.apps.catalog import queries as catalog
from tocsin.apps.catalog.types import ServiceInfo
from tocsin.apps.escalation import queries as escalation
from tocsin.apps.identity import queries as identity
from tocsin.apps.identity.types import TeamInfo
from tocsin.apps.integrations import queries as integrations
from tocsin.apps.integrations.types import IntegrationInfo
from tocsin.domain.deciding import Around
from tocsin.domain.routing import EMPTY, Names, Route, Tables
from tocsin.domain.severity import Severity, SeverityRow
from tocsin.domain.suppression import NOTHING, Rules
from tocsin.domain.urgency import UrgencyRule


@dataclass
class Directory:
    services: dict[str, ServiceInfo] = field(default_factory=dict)
    teams: Mapping[str, TeamInfo] = field(default_factory=dict)
    integrations: Mapping[int, IntegrationInfo] = field(default_factory=dict)
    table: Mapping[Severity, SeverityRow] = field(default_factory=dict)
    routes: Route = EMPTY
    tables: Tables = field(default_factory=dict)
    suppression: Rules = NOTHING

    @cached_property
    def around(self) -> Around[ServiceInfo]:
        """As deciding asks."""
        of_team: dict[str, list[str]] = {}
        for each in self.services.values():
            of_team.setdefault(each.team or "", []).append(each.name)
        return Around(
            self.services,
            lambda now: self.service(None, now),
            self.urgency_rule,
            self.table,
            self.routes,
            Names(
                lambda name: name in self.services,
                lambda team: tuple(sorted(of_team.get(team, ()))),
                self.tables,
            ),
        )

    def service(self, name: str | None, now: datetime) -> ServiceInfo:
        """The service of that name; the catch-all one when there is none."""
        found = self.services.get(name or "")
        if found is None:
            found = self.services.get(catalog_actions.UNROUTED) or catalog_actions.unrouted_service(now=now)
            self.services[found.name] = found
        return found

    def by_id(self, service_id: int) -> ServiceInfo:
        return next(each for each in self.services.values() if each.id == service_id)

    def urgency_rule(self, service: ServiceInfo) -> UrgencyRule:
        team = self.teams.get(service.team or "")
        if team is None:
            return service.urgency_rule()
        zone = team.lead.timezone if team.lead else "UTC"
        return service.urgency_rule(zone=zone, holidays=team.holidays)


def load() -> Directory:
    ours, way = catalog.canary(), integrations.canary()
    return Directory(
        services={each.name: each for each in (*catalog.services(), *((ours,) if ours else ()))},
        teams={each.name: each for each in identity.teams()},
        integrations={each.id: each for each in (*integrations.integrations(), *((way,) if way else ()))},
        table=escalation.severity_table(),
        routes=integrations.routes(),
        tables=integrations.tables(),
        suppression=suppressing.rules(),
    )
