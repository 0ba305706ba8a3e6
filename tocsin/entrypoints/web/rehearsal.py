"""“If this fired at T: who is called when”, for a policy that may not be saved yet."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.http import QueryDict

from tocsin.apps.escalation import queries
from tocsin.domain.errors import Invalid, NotFound
from tocsin.domain.escalation.model import Policy
from tocsin.domain.severity import Severity, Urgency
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
    info: Any = None
    problem: str = ""

    @property
    def rows(self) -> list[tuple[datetime, Any]]:
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
    urgency = question.urgency or queries.severity_table()[question.severity].urgency
    fire = getattr(queries, "fire", None)
    if fire is None:
        return question
    try:
        info = fire(
            policy,
            question.at,
            severity=question.severity,
            urgency=Urgency(urgency),
            service=question.service or None,
        )
    except (Invalid, NotFound) as error:
        return replace(question, problem=str(error))
    return replace(question, info=info)
