"""The Organisation: everything that configuration files say, as values.

People are named by e-mail in lower case, everything else by its name. The values hold what was written or its
default; what depends on other objects (the ring of a rotation that follows another, a team's hours in its
lead's zone) is worked out by the methods below, so that text, database and export all come back to the same
Organisation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from tocsin.domain.configuration.beats import Heartbeat
from tocsin.domain.configuration.throttles import Throttle
from tocsin.domain.escalation.model import Policy, Step, Target, TargetKind, TeamWho
from tocsin.domain.notification.model import Rule
from tocsin.domain.notification.plan import together
from tocsin.domain.permissions import Role
from tocsin.domain.routing import EMPTY, Matcher, Names, Route
from tocsin.domain.routing import Table as LookupTable
from tocsin.domain.schedule import Book, Schedule
from tocsin.domain.schedule.definition import RotationDefinition, ScheduleDefinition, make_book
from tocsin.domain.severity import SHIPPED_TABLE, Severity, SeverityRow, Urgency
from tocsin.domain.suppression import Inhibition, Storm
from tocsin.domain.time import BusinessHours, parse_zone

UTC_ZONE: Final = ZoneInfo("UTC")
BY_SEVERITY: Final = "by_severity"
DEFAULT_REOPEN_WINDOW: Final = timedelta(minutes=5)
# A service without a policy calls its team: the members, then the lead, then the manager.
DEFAULT_WAIT: Final = timedelta(minutes=10)


@dataclass(frozen=True)
class ContactMethod:
    """`config` holds what the channel needs besides an address, such as the secret that signs a webhook."""

    type: str
    address: str
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Hours:
    """A stretch of the week as written; `zone` None: the zone of whoever it belongs to."""

    zone: ZoneInfo | None
    hours: BusinessHours

    def within(self, default: ZoneInfo, holidays: frozenset[date], country: str | None) -> BusinessHours:
        given = self.hours
        return BusinessHours(self.zone or default, given.days, given.start, given.end, holidays, country)


@dataclass(frozen=True)
class User:
    """`declared` False: only an address that something names; such a person is invited."""

    email: str
    name: str = ""
    timezone: str = "UTC"
    role: Role | None = None
    contact_methods: tuple[ContactMethod, ...] = ()
    notification_rules: tuple[Rule, ...] = ()
    quiet_hours: Hours | None = None
    declared: bool = True

    @property
    def methods(self) -> tuple[ContactMethod, ...]:
        """Nobody is without a way to be reached: the address that names them is one."""
        return self.contact_methods or (ContactMethod("email", self.email),)


@dataclass(frozen=True)
class Team:
    name: str
    description: str = ""
    members: tuple[str, ...] = ()
    admins: tuple[str, ...] = ()
    lead: str | None = None
    manager: str | None = None
    business_hours: Hours | None = None
    holidays: tuple[date, ...] = ()
    country: str | None = None  # whose public holidays count: "DE", "US-CA"


@dataclass(frozen=True)
class Service:
    """`ack_timeout` None: by severity; zero: off. `outside` None: urgency outside support hours as inside."""

    name: str
    team: str | None = None
    escalation_policy: str | None = None
    severity: Severity | None = None
    urgency: str = BY_SEVERITY
    support_hours: Hours | None = None
    outside: Urgency | None = None
    raise_at_opening: bool = False
    ack_timeout: timedelta | None = None
    reopen_window: timedelta = DEFAULT_REOPEN_WINDOW
    depends_on: tuple[str, ...] = ()
    tier: int | None = None
    description: str = ""
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Integration:
    """`key` None: made when applied. `severity_map`: the tool's word → severity."""

    name: str
    kind: str
    service: str | None = None
    key: str | None = None
    severity_map: Mapping[str, Severity] = field(default_factory=dict)
    enabled: bool = True
    config: Mapping[str, Any] | None = None  # what its kind asks for; None: as it is
    silent_after: timedelta | None = None  # None: as it is; zero: it may be silent for ever
    heartbeats: tuple[Heartbeat, ...] = ()


@dataclass(frozen=True)
class Silence:
    """A silence or a maintenance window. `start` and `end` are of the first time, where it recurs by `rrule`
    on the clock of `zone`.
    """

    name: str
    start: datetime
    end: datetime
    matchers: tuple[Matcher, ...] = ()
    services: tuple[str, ...] = ()
    rrule: str = ""
    zone: ZoneInfo = UTC_ZONE
    comment: str = ""
    notice: timedelta | None = None


@dataclass(frozen=True)
class Organisation:
    """`kept` holds keys that are read but not applied yet, as canonical JSON text of each entry."""

    users: Mapping[str, User] = field(default_factory=dict)
    teams: Mapping[str, Team] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    integrations: Mapping[str, Integration] = field(default_factory=dict)
    rotations: Mapping[str, RotationDefinition] = field(default_factory=dict)
    schedules: Mapping[str, ScheduleDefinition] = field(default_factory=dict)
    escalation_policies: Mapping[str, Policy] = field(default_factory=dict)
    routes: Route = EMPTY
    tables: Mapping[str, LookupTable] = field(default_factory=dict)  # what routes look labels up in
    severities: Mapping[Severity, SeverityRow] = field(default_factory=dict)  # only the changed rows
    notification_rules: tuple[Rule, ...] = ()  # of everybody who has none of their own
    throttles: tuple[Throttle, ...] = ()
    last_resort: tuple[str, ...] = ()
    silences: Mapping[str, Silence] = field(default_factory=dict)
    maintenance: Mapping[str, Silence] = field(default_factory=dict)
    inhibitions: tuple[Inhibition, ...] = ()
    storm: Storm | None = None
    kept: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def severity_table(self) -> Mapping[Severity, SeverityRow]:
        return MappingProxyType({**SHIPPED_TABLE, **self.severities})

    def book(self) -> Book:
        """All schedules, complete. Raises DefinitionError where a rotation cannot be completed."""
        return make_book(self.rotations, self.schedules)

    def schedule(self, name: str) -> Schedule | None:
        return self.book().schedule(name)

    def zone_of(self, email: str | None) -> ZoneInfo:
        user = self.users.get(email or "")
        return parse_zone(user.timezone) if user else ZoneInfo("UTC")

    def hours_of(self, team_name: str | None) -> BusinessHours:
        """The team's business hours: by default Monday to Friday, 09:00 to 17:00, in the lead's zone, else
        UTC.
        """
        team = self.teams.get(team_name or "")
        if team is None:
            return BusinessHours()
        hours = team.business_hours or Hours(None, BusinessHours())
        return hours.within(self.zone_of(team.lead), frozenset(team.holidays), team.country)

    def support_hours_of(self, service: Service) -> BusinessHours | None:
        """With the holidays of the team that owns the service; None: always."""
        if service.support_hours is None:
            return None
        team = self.hours_of(service.team)
        return service.support_hours.within(team.zone, team.holidays, team.country)

    def policy_of(self, service: Service) -> Policy:
        if service.escalation_policy is not None:
            return self.escalation_policies[service.escalation_policy]
        return default_policy(service.team)

    def rules_of(self, email: str) -> tuple[Rule, ...]:
        user = self.users.get(email)
        return together(user.notification_rules if user else (), self.notification_rules)

    @property
    def names(self) -> Names:
        """What names in the routes stand for."""
        of_team: dict[str, list[str]] = {}
        for service in self.services.values():
            of_team.setdefault(service.team or "", []).append(service.name)
        return Names(
            lambda name: name in self.services,
            lambda team: tuple(sorted(of_team.get(team, ()))),
            self.tables,
        )

    @property
    def owners(self) -> tuple[str, ...]:
        return tuple(user.email for user in self.users.values() if user.role is Role.OWNER)


def default_policy(team: str | None) -> Policy:
    """What a service without a policy does: call its team's members, then the lead, then the manager."""
    if team is None:
        return Policy("", ())
    steps = tuple(
        Step((Target(TargetKind.TEAM, team, who),), DEFAULT_WAIT)
        for who in (TeamWho.MEMBERS, TeamWho.LEAD, TeamWho.MANAGER)
    )
    return Policy(f"{team} (default)", steps)
