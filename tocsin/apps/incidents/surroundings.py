"""What opening an incident and calling for it asks for, read once for a batch or an action."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from tocsin.apps.alerts import directory as directories
from tocsin.apps.alerts.directory import Directory
from tocsin.apps.audit.fresh import Fresh
from tocsin.apps.catalog.types import ServiceInfo
from tocsin.apps.escalation import actions as escalation
from tocsin.apps.escalation import queries as escalation_queries
from tocsin.apps.escalation.models import CallOut
from tocsin.apps.escalation.roster import Roster
from tocsin.apps.escalation.types import Start
from tocsin.apps.incidents.models import Incident
from tocsin.domain import canary, urgency
from tocsin.domain.configuration.model import default_policy
from tocsin.domain.escalation.model import CallOutKind, Policy, Target, TargetKind, TeamWho
from tocsin.domain.notification.model import Subject
from tocsin.domain.severity import Severity, Urgency
from tocsin.domain.time.business import BusinessHours
from tocsin.domain.urgency import ChosenUrgency

HELP: Final = "help: "  # begins the label of a call for help


@dataclass
class Surroundings:
    directory: Directory
    policies: Mapping[str, Policy]
    last_resort: tuple[Target, ...]
    now: datetime
    _roster: Roster | None = None

    @property
    def roster(self) -> Roster:
        if self._roster is None:
            self._roster = Roster(self.now)
        return self._roster

    def policy_of(self, service: ServiceInfo) -> Policy:
        if service.canary:
            return canary.POLICY
        found = self.policies.get(service.escalation_policy or "")
        return found or default_policy(service.team)

    def hours_of(self, service: ServiceInfo) -> BusinessHours:
        team = self.directory.teams.get(service.team or "")
        return team.hours() if team else BusinessHours()


def _read(_at: datetime) -> tuple[Directory, Mapping[str, Policy], tuple[Target, ...]]:
    return (
        directories.load(),
        {policy.name: policy for policy in escalation_queries.policies()},
        escalation_queries.last_resort(),
    )


_stored = Fresh(_read)


def load(now: datetime) -> Surroundings:
    directory, policies, last_resort = _stored.get(now)
    # A batch may add a service to its directory and then be rolled back: each has a copy of its own.
    return Surroundings(replace(directory, services=dict(directory.services)), policies, last_resort, now)


def subject_of(incident: Incident, service: ServiceInfo, alerts: int = 0) -> Subject:
    return Subject(
        incident_id=incident.pk,
        ref=incident.ref,
        title=incident.title,
        severity=Severity(incident.severity),
        service=service.name,
        summary=incident.summary[:1000],
        alerts=alerts,
    )


def start_of(
    incident: Incident,
    service: ServiceInfo,
    around: Surroundings,
    *,
    alerts: int = 0,
    first_targets: tuple[Target, ...] = (),
) -> Start:
    """The service's own call-out, with everything frozen that it may need."""
    return Start(
        incident_id=incident.pk,
        subject=subject_of(incident, service, alerts),
        kind=CallOutKind.SERVICE,
        label=service.name,
        policy=around.policy_of(service),
        severity_row=around.directory.table[Severity(incident.severity)],
        urgency=Urgency(incident.urgency),
        lead=_of_team(service, TeamWho.LEAD),
        management=_of_team(service, TeamWho.MANAGER),
        last_resort=() if service.canary else around.last_resort,
        hours=around.hours_of(service),
        ack_timeout=service.ack_timeout,
        first_targets=first_targets,
        support=around.directory.urgency_rule(service).support_hours,
    )


def start_call_outs(starts: Sequence[Start], around: Surroundings, *, now: datetime) -> None:
    escalation.start_many(starts=starts, now=now, roster=around.roster)


def has_call_out(incident: Incident) -> bool:
    """Whether the service's own call-out exists; somebody paged directly has none."""
    return CallOut.objects.filter(incident_id=incident.pk, kind=CallOutKind.SERVICE).exists()


def label_of(asked: str) -> str:
    """What the call-out of a call for help is called: as escalation keeps it."""
    return f"{HELP}{asked}"[:255]


def call_again(
    incident: Incident,
    service: ServiceInfo,
    around: Surroundings,
    *,
    reason: str,
    now: datetime,
    bundle: str = "",
) -> None:
    """The service's own call-out from its first step; its first one where there was none."""
    if has_call_out(incident):
        escalation.restart(
            incident_id=incident.pk,
            subject=subject_of(incident, service),
            reason=reason,
            now=now,
            bundle=bundle,
        )
    else:
        start = replace(start_of(incident, service, around), bundle=bundle)
        start_call_outs([start], around, now=now)


def change_severity(
    incident: Incident, service: ServiceInfo, around: Surroundings, *, now: datetime, bundle: str = ""
) -> None:
    """Tell the call-outs of the incident's severity and urgency. `bundle`: what this makes them say to one
    person leaves together with what others say under the same word.
    """
    escalation.change_severity(
        incident_id=incident.pk,
        row=around.directory.table[Severity(incident.severity)],
        urgency=Urgency(incident.urgency),
        hours=around.hours_of(service),
        now=now,
        roster=around.roster,
        bundle=bundle,
    )


def loudness(incident: Incident, around: Surroundings, now: datetime) -> ChosenUrgency:
    """How loudly to call for it now, by its service and severity."""
    directory = around.directory
    rule = directory.urgency_rule(directory.by_id(incident.service_id))
    severity = Severity(incident.severity)
    return urgency.choose(route=None, rule=rule, severity=severity, table=directory.table, now=now)


def nobody_has(incident: Incident, around: Surroundings, now: datetime) -> None:
    """An acknowledgement was given up: what is not urgent becomes so when support hours open, as before."""
    if incident.urgency == Urgency.LOW:
        incident.raise_at = loudness(incident, around, now).raise_at


def _of_team(service: ServiceInfo, who: TeamWho) -> tuple[Target, ...]:
    return (Target(TargetKind.TEAM, service.team, who),) if service.team else ()
