"""What a call for help freezes: whom it asks, and who follows when it is all that the incident has."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from tocsin.apps.escalation import queries
from tocsin.apps.escalation.models import CallOut
from tocsin.apps.escalation.types import Start
from tocsin.apps.identity import queries as identity
from tocsin.apps.oncall import queries as oncall
from tocsin.domain.escalation.model import CallOutKind, Policy, Step, Target, TargetKind, TeamWho
from tocsin.domain.notification.model import Subject
from tocsin.domain.severity import SeverityRow, Urgency


def start_of(
    *,
    incident_id: int,
    target: Target,
    label: str,
    subject: Subject,
    severity_row: SeverityRow,
    urgency: Urgency,
    alone: bool,
    team: str | None,
) -> Start:
    """`alone`: no call-out of the service stands beside it, so the last line stands behind it: lead and
    manager of the target's own team, else of `team`, then the last resort.
    """
    given = Start(
        incident_id=incident_id,
        subject=subject,
        kind=CallOutKind.HELP,
        label=label,
        policy=Policy("asked to help", _steps(target, severity_row.respond_within)),
        severity_row=severity_row,
        urgency=urgency,
        alone=alone,
    )
    if not alone:
        return given
    teams = _teams_of(target) or ((team,) if team else ())
    return replace(
        given,
        lead=tuple(Target(TargetKind.TEAM, name, TeamWho.LEAD) for name in teams),
        management=tuple(Target(TargetKind.TEAM, name, TeamWho.MANAGER) for name in teams),
        last_resort=queries.last_resort(),
    )


def of_the_incident(rows: Sequence[CallOut]) -> list[CallOut]:
    """Those that call for the incident as such: the service's own; where it has none, the last call for help
    of each who was asked.
    """
    service = [row for row in rows if row.kind == CallOutKind.SERVICE]
    return service[-1:] or list({row.label: row for row in rows}.values())


def _steps(target: Target, wait: timedelta) -> tuple[Step, ...]:
    steps = [Step((target,), wait)]
    if target.kind is TargetKind.TEAM and target.who in {"", TeamWho.MEMBERS}:
        steps.append(Step((replace(target, who=TeamWho.LEAD),), wait))
    return tuple(steps)


def _teams_of(target: Target) -> tuple[str, ...]:
    if target.kind is TargetKind.TEAM:
        return (target.name,)
    if target.kind is TargetKind.SCHEDULE:
        schedule = oncall.schedule(target.name)
        return (schedule.team,) if schedule and schedule.team else ()
    teams = identity.teams()
    return tuple(team.name for team in teams if target.name in {person.email for person in team.members})
