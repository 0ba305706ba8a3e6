"""An Organisation as the deciding code wants to ask it: who, where, how loud, by which way."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final

from tocsin.domain import deciding
from tocsin.domain.configuration.model import BY_SEVERITY, Integration, Organisation, Service, default_policy
from tocsin.domain.deciding import Around
from tocsin.domain.escalation.fallbacks import followed
from tocsin.domain.escalation.model import (
    CallOutKind,
    Policy,
    Snapshot,
    Target,
    TargetKind,
    TeamWho,
)
from tocsin.domain.escalation.model import Resolve as ResolveTarget
from tocsin.domain.escalation.resolving import Faces, TeamPeople, make_resolve
from tocsin.domain.notification.model import Method, Planned
from tocsin.domain.notification.plan import plan
from tocsin.domain.schedule import Book
from tocsin.domain.severity import Severity, SeverityRow, Urgency
from tocsin.domain.signal import Signal
from tocsin.domain.urgency import ChosenUrgency, UrgencyRule

UNROUTED: Final = "unrouted"


Placement = deciding.Placement[Service]


@dataclass
class World:
    organisation: Organisation
    book: Book = field(init=False)
    faces: Faces = field(init=False)

    def __post_init__(self) -> None:
        self.book = self.organisation.book()
        org = self.organisation
        self.faces = Faces(
            {team.name: TeamPeople(team.members, team.lead, team.manager) for team in org.teams.values()},
            self._reachable,
            org.owners,
            {user.email: user.timezone for user in org.users.values()},
            _not_in_files,
        )

    # ---- where an alert goes ----

    @cached_property
    def around(self) -> Around[Service]:
        """As deciding asks."""
        org = self.organisation
        return Around(
            org.services,
            lambda _now: org.services.get(UNROUTED) or Service(UNROUTED),
            self._urgency_rule,
            org.severity_table,
            org.routes,
            org.names,
        )

    def place(
        self, integration: Integration, signal: Signal, now: datetime, *, trace: bool = False
    ) -> tuple[Placement, ...]:
        return deciding.decide(signal, integration, self.around, now, trace=trace)

    def key(self, integration: Integration, signal: Signal, now: datetime) -> str:
        return deciding.key_of(signal, integration, self.around, now)

    def urgency(self, service: Service, level: Severity, now: datetime) -> ChosenUrgency:
        return self.around.urgency(service, level, now)

    def _urgency_rule(self, service: Service) -> UrgencyRule:
        return UrgencyRule(
            fixed=None if service.urgency == BY_SEVERITY else Urgency(service.urgency),
            support_hours=self.organisation.support_hours_of(service),
            outside=service.outside,
            raise_at_opening=service.raise_at_opening,
        )

    # ---- whom it calls ----

    def row(self, level: Severity) -> SeverityRow:
        return self.organisation.severity_table[level]

    def policy(self, service: Service) -> Policy:
        name = service.escalation_policy or ""
        return self.organisation.escalation_policies.get(name) or default_policy(service.team)

    def snapshot(self, service: Service, level: Severity, loud: Urgency) -> Snapshot:
        """What is frozen when the service's call-out begins."""
        org, row = self.organisation, self.row(level)
        last, policy = org.last_resort or org.owners, self.policy(service)
        return Snapshot(
            kind=CallOutKind.SERVICE,
            policy=policy,
            severity=level,
            urgency=loud,
            ladder=row.ladder,
            respond_within=row.respond_within,
            escalate=row.escalate,
            lead=_of_team(service, TeamWho.LEAD),
            management=_of_team(service, TeamWho.MANAGER),
            last_resort=tuple(Target(TargetKind.USER, email) for email in last),
            hours=org.hours_of(service.team),
            ack_timeout=service.ack_timeout,
            support=org.support_hours_of(service),
            fallbacks=followed(policy, org.escalation_policies.get),
        )

    def resolver(self, now: datetime) -> ResolveTarget:
        return make_resolve(self.book, self.faces, now)

    def _reachable(self, email: str) -> bool:
        user = self.organisation.users.get(email)
        return user is not None and bool(user.methods)

    # ---- by which way ----

    def messages(
        self, email: str, loud: Urgency, now: datetime, ack_deadline: datetime
    ) -> tuple[Planned, ...]:
        """The messages that calling a person means, by their rules. Every kind of method counts as set up."""
        user = self.organisation.users.get(email)
        if user is None:
            return ()
        methods = [Method(number, method.type, method.address) for number, method in enumerate(user.methods)]
        quiet = (
            user.quiet_hours.within(self.organisation.zone_of(email), frozenset(), None)
            if user.quiet_hours
            else None
        )
        rules = self.organisation.rules_of(email)
        return plan(methods, rules, loud, now, quiet=quiet, ack_deadline=ack_deadline)


def _not_in_files(machine: Target) -> str:
    """Rooms and web hooks count as set up, as every kind of contact method does."""
    return "runbooks are not set up" if machine.kind is TargetKind.RUNBOOK else ""


def _of_team(service: Service, who: TeamWho) -> tuple[Target, ...]:
    return (Target(TargetKind.TEAM, service.team, who),) if service.team else ()
