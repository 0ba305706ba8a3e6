"""An incident as JSON: a row of the list, and everything about it."""

from datetime import datetime
from typing import Any

from ninja import Schema

from tocsin.apps.escalation.types import CallOutInfo, StepInfo
from tocsin.apps.incidents.types import TimelineInfo
from tocsin.domain.configuration.ladder import target_form
from tocsin.domain.lifecycle import Status
from tocsin.domain.severity import Severity, Urgency
from tocsin.entrypoints.api.resources.alerts import AlertDetail
from tocsin.entrypoints.api.shapes import duration_text


class WhyMessage(Schema):
    """`at`: when it left, or will; null: it never does. `text`: every reason."""

    id: int
    via: str
    address: str
    state: str
    at: datetime | None
    text: str
    attempts: int


class WhyCall(Schema):
    at: datetime
    kind: str
    text: str
    ended: str
    messages: list[WhyMessage]


class WhyDecision(Schema):
    at: datetime
    kind: str
    text: str
    step: int | None


class PersonWhy(Schema):
    """`verdict`: one line; `reasons`: what else bears on somebody who was not called."""

    email: str
    name: str
    called: bool
    verdict: str
    reasons: list[str]
    decisions: list[WhyDecision]
    calls: list[WhyCall]


class IncidentRow(Schema):
    ref: str
    title: str
    status: Status
    severity: Severity
    urgency: Urgency
    service: str
    team: str | None
    declared_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None
    snoozed_until: datetime | None
    alert_count: int
    version: int


class TimelineEntry(Schema):
    """`at` is when it happened, `recorded_at` when it was learnt of."""

    id: int
    at: datetime
    recorded_at: datetime
    kind: str
    actor_kind: str
    actor_label: str
    text: str
    data: dict[str, Any]

    @staticmethod
    def resolve_at(entry: TimelineInfo) -> datetime:
        return entry.occurred_at


class Attempt(Schema):
    at: datetime
    result: str
    detail: str


class Notification(Schema):
    """One message over one contact method, with the trail of its attempts."""

    id: int
    via: str
    address: str
    state: str
    reason: str
    due_at: datetime
    sent_at: datetime | None
    receipt: str
    hold: str
    carried_by: int | None
    vendor: str
    attempts: int
    trail: list[Attempt]


class Page(Schema):
    """One person being called, and why."""

    id: int
    call_out_id: int | None
    email: str
    name: str
    kind: str
    urgency: Urgency
    step: int | None
    reason: str
    headline: str
    started_at: datetime
    ended_at: datetime | None
    end_reason: str
    notifications: list[Notification]


class CallOutStep(Schema):
    """`state`: done, current, next, ahead or never."""

    number: int
    targets: list[dict[str, Any]]
    wait: str | None
    state: str
    called: list[str]
    fired_at: datetime | None
    due_at: datetime | None

    @staticmethod
    def resolve_targets(step: StepInfo) -> list[dict[str, Any]]:
        return [dict(target_form(target)) for target in step.targets]

    @staticmethod
    def resolve_wait(step: StepInfo) -> str | None:
        return duration_text(step.wait)


class CallOutDecision(Schema):
    at: datetime
    kind: str
    text: str
    email: str
    step: int | None


class CallOut(Schema):
    """One ladder climbing: who is called when, and every decision with its reason."""

    id: int
    kind: str
    label: str
    status: str
    policy: str
    passing: int
    passes: int
    due_at: datetime | None
    ack_deadline: datetime
    breached: bool
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    snoozed_until: datetime | None
    targets: list[str]
    stakeholders: list[str]
    steps: list[CallOutStep]
    decisions: list[CallOutDecision]

    @staticmethod
    def resolve_kind(info: CallOutInfo) -> str:
        return str(info.kind)


class Incident(IncidentRow):
    """`allowed` are the statuses it may move to; `my_role` is the asker's: target, stakeholder or none.
    `noted`: what the asker's acknowledgement came to where those of others are awaited.
    """

    summary: str
    initial_severity: Severity
    peak_severity: Severity
    opened_by: str
    declared_by: str | None
    started_at: datetime | None
    detected_at: datetime
    first_acknowledged_at: datetime | None
    mitigated_at: datetime | None
    resolved_how: str
    resolved_by: str | None
    closed_at: datetime | None
    held_until: datetime | None
    reopen_count: int
    commander: str | None
    merged_into: str | None
    follows: str | None
    assigned: list[str]
    responders: list[str]
    allowed: list[Status]
    my_role: str
    noted: str
    timeline: list[TimelineEntry]
    alerts: list[AlertDetail]
    pages: list[Page]
    call_outs: list[CallOut]
