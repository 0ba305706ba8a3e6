from typing import Self

from ninja import Field, Query, Router, Schema, Status
from pydantic import model_validator

from tocsin.apps.audit.types import Slice
from tocsin.apps.incidents import actions, queries
from tocsin.apps.incidents import why as explain
from tocsin.apps.incidents.types import IncidentDetail
from tocsin.apps.incidents.types import IncidentRow as Row
from tocsin.domain.escalation.model import Target, TargetKind
from tocsin.domain.lifecycle import Status as Stage
from tocsin.domain.severity import Severity, Urgency
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.resources.incident_shapes import Incident, IncidentRow, PersonWhy
from tocsin.entrypoints.api.shapes import Duration, Email, In, Instant, Listed, Name, Text, duration

router = Router()
pages = Router()


class Incidents(Schema):
    items: list[IncidentRow]
    next_cursor: str | None


class IncidentFilter(Listed):
    status: str = Field("", description="open, triggered, acknowledged, all, or one status")
    severity: str = ""
    service: str = ""
    team: str = ""
    assigned: str = Field("", description="An e-mail: what this person has, or is called for")
    search: str = ""


class Declaration(In):
    title: str = Field(min_length=1, max_length=1024)
    service: Name
    severity: Severity
    summary: Text = ""
    started_at: Instant | None = None


class IncidentEdit(In):
    title: str | None = Field(None, min_length=1, max_length=1024)
    summary: Text | None = None


class StatusIn(In):
    status: Stage


class SeverityIn(In):
    severity: Severity
    reason: str = Field("", max_length=1000)


class People(In):
    emails: list[Email] = Field(min_length=1, max_length=100)


class Note(In):
    text: Text
    update: bool = Field(False, description="Also said to everybody who follows it")


class Answer(In):
    reason: str = Field("", max_length=500, description="What is said to it")


class Snooze(In):
    """Until an instant, or for a while."""

    until: Instant | None = None
    duration: Duration | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.until is None) == (self.duration is None):
            message = "give `until` or `duration`"
            raise ValueError(message)
        return self


class Into(In):
    into: Name = Field(examples=["INC-7"])


class WhoIn(In):
    """Exactly one of the three."""

    user: Email | None = None
    team: Name | None = None
    schedule: Name | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(bool(name) for name in (self.user, self.team, self.schedule)) != 1:
            message = "give one of `user`, `team` and `schedule`"
            raise ValueError(message)
        return self

    def target(self) -> Target:
        if self.user:
            return Target(TargetKind.USER, self.user.lower())
        if self.team:
            return Target(TargetKind.TEAM, self.team, "members")
        return Target(TargetKind.SCHEDULE, self.schedule or "", "current")


class Help(WhoIn):
    text: Text = ""
    urgency: Urgency = Urgency.HIGH


class DirectPage(Help):
    title: str = Field(min_length=1, max_length=1024)
    service: Name | None = None


class Why(Schema):
    items: list[PersonWhy]


@router.get("", response=Incidents)
def list_incidents(request: ApiRequest, filters: Query[IncidentFilter]) -> Slice[Row]:
    """The newest first."""
    return queries.incidents(
        actor=request.actor,
        status=filters.status or None,
        severity=filters.severity or None,
        service=filters.service or None,
        team=filters.team or None,
        assigned=filters.assigned or None,
        search=filters.search,
        cursor=filters.cursor,
        limit=filters.limit,
    )


@router.post("", response={201: Incident})
def declare(request: ApiRequest, body: Declaration) -> Status[IncidentDetail]:
    """Open an incident by hand: the service's on-call is called as for an alert."""
    made = actions.declare(
        actor=request.actor,
        title=body.title,
        service=body.service,
        severity=body.severity,
        summary=body.summary,
        started_at=body.started_at,
        now=request.now,
    )
    return Status(201, made)


@router.get("/{ref}", response=Incident)
def read_incident(request: ApiRequest, ref: str) -> IncidentDetail:
    """With its timeline, alerts, pages and call-outs."""
    return queries.incident(ref, actor=request.actor)


@router.patch("/{ref}", response=Incident)
def edit_incident(request: ApiRequest, ref: str, body: IncidentEdit) -> IncidentDetail:
    return actions.edit(actor=request.actor, ref=ref, title=body.title, summary=body.summary, now=request.now)


@router.post("/{ref}/acknowledge", response=Incident)
def acknowledge(request: ApiRequest, ref: str) -> IncidentDetail:
    """End the call-out that called you; a stakeholder's is Seen. Not called: 409, and you may `respond`."""
    return actions.acknowledge(actor=request.actor, ref=ref, now=request.now)


@router.post("/{ref}/respond", response=Incident)
def respond(request: ApiRequest, ref: str) -> IncidentDetail:
    """“I am responding”: take it, called or not."""
    return actions.respond(actor=request.actor, ref=ref, now=request.now)


@router.post("/{ref}/seen", response=Incident)
def seen(request: ApiRequest, ref: str) -> IncidentDetail:
    """End your own reminders; the responders are still called."""
    return actions.seen(actor=request.actor, ref=ref, now=request.now)


@router.post("/{ref}/take-over", response=Incident)
def take_over(request: ApiRequest, ref: str) -> IncidentDetail:
    """It is yours instead of theirs who acknowledged it; nobody is called."""
    return actions.take_over(actor=request.actor, ref=ref, now=request.now)


@router.post("/{ref}/resolve", response=Incident)
def resolve(request: ApiRequest, ref: str) -> IncidentDetail:
    return actions.resolve(actor=request.actor, ref=ref, now=request.now)


@router.post("/{ref}/reopen", response=Incident)
def reopen(request: ApiRequest, ref: str) -> IncidentDetail:
    return actions.reopen(actor=request.actor, ref=ref, now=request.now)


@router.post("/{ref}/escalate", response=Incident)
def escalate(request: ApiRequest, ref: str) -> IncidentDetail:
    """The next step at once; an acknowledgement is given up."""
    return actions.escalate(actor=request.actor, ref=ref, now=request.now)


@router.post("/{ref}/mitigate", response=Incident)
def mitigate(request: ApiRequest, ref: str) -> IncidentDetail:
    """Users no longer feel it; the cause is still there."""
    return actions.mitigate(actor=request.actor, ref=ref, now=request.now)


@router.post("/{ref}/status", response=Incident)
def set_status(request: ApiRequest, ref: str, body: StatusIn) -> IncidentDetail:
    """A move that is not allowed is a 409 that lists those that are."""
    return actions.set_status(actor=request.actor, ref=ref, status=body.status, now=request.now)


@router.post("/{ref}/severity", response=Incident)
def set_severity(request: ApiRequest, ref: str, body: SeverityIn) -> IncidentDetail:
    """Raised: the ladder begins again, and an acknowledgement given before is void."""
    return actions.set_severity(
        actor=request.actor, ref=ref, severity=body.severity, reason=body.reason, now=request.now
    )


@router.post("/{ref}/reassign", response=Incident)
def reassign(request: ApiRequest, ref: str, body: People) -> IncidentDetail:
    """They are called first, then the policy."""
    return actions.reassign(actor=request.actor, ref=ref, emails=body.emails, now=request.now)


@router.post("/{ref}/help", response=Incident)
def ask_help(request: ApiRequest, ref: str, body: Help) -> IncidentDetail:
    """Call a person, a team or a schedule beside those who have it."""
    return actions.ask_help(
        actor=request.actor,
        ref=ref,
        target=body.target(),
        text=body.text,
        urgency=body.urgency,
        now=request.now,
    )


@router.post("/{ref}/accept", response=Incident)
def accept_help(request: ApiRequest, ref: str, body: Answer | None = None) -> IncidentDetail:
    """Join: ends the call for help that called you, and nothing else. Not asked: 409."""
    said = body.reason if body else ""
    return actions.accept_help(actor=request.actor, ref=ref, reason=said, now=request.now)


@router.post("/{ref}/decline", response=Incident)
def decline_help(request: ApiRequest, ref: str, body: Answer | None = None) -> IncidentDetail:
    """You cannot: you hear no more of it, whoever asked is told, and the next one is called. Not called:
    409.
    """
    said = body.reason if body else ""
    return actions.decline_help(actor=request.actor, ref=ref, reason=said, now=request.now)


@router.get("/{ref}/why", response=Why)
def why(request: ApiRequest, ref: str, person: Email | None = None) -> dict[str, object]:
    """Why each person was, or was not, called, and what became of each message; `person`: only this one,
    also somebody nobody thought of.
    """
    if person:
        return {"items": [explain.person(ref, person, actor=request.actor, now=request.now)]}
    found = queries.incident(ref, actor=request.actor)
    return {"items": explain.everybody(found, request.now)}


@router.post("/{ref}/note", response=Incident)
def note(request: ApiRequest, ref: str, body: Note) -> IncidentDetail:
    return actions.note(actor=request.actor, ref=ref, text=body.text, update=body.update, now=request.now)


@router.post("/{ref}/snooze", response=Incident)
def snooze(request: ApiRequest, ref: str, body: Snooze) -> IncidentDetail:
    """A week at most, an hour for SEV1."""
    span = duration(body.duration, "duration")
    until = body.until if body.until is not None else request.now + span if span else request.now
    return actions.snooze(actor=request.actor, ref=ref, until=until, now=request.now)


@router.post("/{ref}/unsnooze", response=Incident)
def unsnooze(request: ApiRequest, ref: str) -> IncidentDetail:
    return actions.unsnooze(actor=request.actor, ref=ref, now=request.now)


@router.post("/{ref}/merge", response=Incident)
def merge(request: ApiRequest, ref: str, body: Into) -> IncidentDetail:
    """Its alerts go to the other one, its calls end. Answers with the other one."""
    return actions.merge(actor=request.actor, ref=ref, into=body.into, now=request.now)


@pages.post("", response={201: Incident})
def page(request: ApiRequest, body: DirectPage) -> Status[IncidentDetail]:
    """Call a person, a team or a schedule directly: an incident for which only they are called."""
    made = actions.page(
        actor=request.actor,
        target=body.target(),
        title=body.title,
        text=body.text,
        service=body.service,
        urgency=body.urgency,
        now=request.now,
    )
    return Status(201, made)
