"""“If this fired at T: who is called when”, for a policy that may not be saved yet."""

from dataclasses import dataclass, replace
from datetime import datetime

from django.http import QueryDict

from tocsin.apps.catalog import queries as catalog
from tocsin.apps.escalation import queries
from tocsin.apps.identity import queries as identity
from tocsin.domain.errors import Invalid
from tocsin.domain.escalation.model import Policy
from tocsin.domain.escalation.rehearsal import FireInfo, FireRow
from tocsin.domain.severity import Severity, Urgency
from tocsin.domain.urgency import UrgencyRule, choose
from tocsin.entrypoints.web import forms
from tocsin.lib.clock import now


@dataclass(frozen=True)
class Rehearsal:
    """What was asked, and what would happen; `info` None: nothing can be said, `problem` may say why.
    `urgency` "": that of the severity.
    """

    at: datetime
    given: str  # the time as it was typed; "": now
    severity: Severity
    urgency: str
    service: str
    info: FireInfo | None = None
    problem: str = ""

    @property
    def rows(self) -> list[tuple[datetime, FireRow]]:
        return [(self.at + row.offset, row) for row in self.info.rows] if self.info else []


def asked(data: QueryDict) -> Rehearsal:
    severity = forms.text(data, "fire_severity")
    urgency = forms.text(data, "fire_urgency")
    given = forms.text(data, "fire_at")
    at, problem = now(), ""
    try:
        at = forms.local_time(data, "fire_at") or at
    except Invalid as error:
        problem = str(error)
    return Rehearsal(
        at,
        given,
        Severity(severity) if severity in set(Severity) else Severity.SEV2,
        urgency if urgency in set(Urgency) else "",
        forms.text(data, "fire_service"),
        problem=problem,
    )


def play(policy: Policy, data: QueryDict) -> Rehearsal:
    question = asked(data)
    if question.problem:
        return question
    service = catalog.service(question.service) if question.service else None
    team = identity.team(service.team) if service is not None and service.team else None
    rule = UrgencyRule()
    if service is not None:
        zone = team.lead.timezone if team and team.lead else "UTC"
        rule = service.urgency_rule(zone=zone, holidays=team.holidays if team else ())
    chosen = choose(
        route=Urgency(question.urgency) if question.urgency else None,
        rule=rule,
        severity=question.severity,
        table=queries.severity_table(),
        now=question.at,
    )
    info = queries.fire(
        policy,
        question.at,
        severity=question.severity,
        urgency=chosen.urgency,
        service=question.service or None,
        team=team.name if team else None,
        hours=team.hours() if team else None,
        support=rule.support_hours,
    )
    return replace(question, info=info)
