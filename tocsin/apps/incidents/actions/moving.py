"""Status, severity, words."""

from datetime import datetime
from typing import Final

from tocsin.apps.alerts.models import Alert
from tocsin.apps.escalation import actions as escalation
from tocsin.apps.identity.models import User
from tocsin.apps.incidents import changes, queries, telling
from tocsin.apps.incidents.actions.common import Deed, deed
from tocsin.apps.incidents.following import carry_over
from tocsin.apps.incidents.models import Incident, IncidentAlert
from tocsin.apps.incidents.surroundings import (
    change_severity,
    has_call_out,
    loudness,
    start_call_outs,
    start_of,
    subject_of,
)
from tocsin.apps.incidents.types import IncidentDetail
from tocsin.domain import urgency
from tocsin.domain.errors import Conflict, FieldError, Invalid
from tocsin.domain.lifecycle import MOVES, OPEN, Status, move
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.severity import Severity, Urgency

_LONGEST_NOTE: Final = 20_000
_LONGEST_TITLE: Final = 255


def resolve(*, actor: Actor, ref: str, now: datetime) -> IncidentDetail:
    """While an alert still fires it is held: 15 minutes later it reopens, unless the alert has ended."""
    return set_status(actor=actor, ref=ref, status=Status.RESOLVED, now=now)


def reopen(*, actor: Actor, ref: str, now: datetime) -> IncidentDetail:
    """The ladder starts again from its first step; whoever was paged directly is called again."""
    require(actor, Permission.RESPOND)
    with deed(actor=actor, ref=ref, now=now) as this:
        if Status(this.incident.status) not in OPEN:
            move(Status(this.incident.status), Status.INVESTIGATING)
            _reopen(this)
    return queries.incident(ref, actor=actor)


def set_status(*, actor: Actor, ref: str, status: Status, now: datetime) -> IncidentDetail:
    """Raises Conflict with the allowed moves; the same status again changes nothing."""
    require(actor, Permission.RESPOND)
    with deed(actor=actor, ref=ref, now=now) as this:
        if status is Status.MERGED:
            raise Conflict("Say into which incident: merge it.", tuple(MOVES[Status(this.incident.status)]))
        before = Status(this.incident.status)
        if move(before, status):
            _move(this, before, status)
    return queries.incident(ref, actor=actor)


def set_severity(
    *, actor: Actor, ref: str, severity: Severity, reason: str = "", now: datetime
) -> IncidentDetail:
    """Raised: people are called again from the first step, and an acknowledgement given before is void."""
    require(actor, Permission.RESPOND)
    with deed(actor=actor, ref=ref, now=now) as this:
        this.require_open()
        incident = this.incident
        if severity != incident.severity:
            service = this.around.directory.by_id(incident.service_id)
            loud = urgency.choose(
                route=None,
                rule=this.around.directory.urgency_rule(service),
                severity=severity,
                table=this.around.directory.table,
                now=now,
            )
            this.name, this.data = "severity_changed", {"from": incident.severity, "to": severity}
            why = reason.strip()[:1000] or f"set by {actor.label}"
            changes.set_severity(incident, severity, loud.urgency, this.diary, why, raise_at=loud.raise_at)
            incident.save()
            change_severity(incident, service, this.around, now=now)
            incident.refresh_from_db()  # what others are no longer awaited for may be acknowledged now
    return queries.incident(ref, actor=actor)


def mitigate(*, actor: Actor, ref: str, now: datetime) -> IncidentDetail:
    """Users no longer feel it; the cause is still there."""
    require(actor, Permission.RESPOND)
    with deed(actor=actor, ref=ref, now=now) as this:
        this.require_open()
        if this.incident.mitigated_at is None:
            this.incident.mitigated_at = now
            this.incident.moved = True
            this.did("mitigated", "mitigated", f"{actor.label}: mitigated")
    return queries.incident(ref, actor=actor)


def note(*, actor: Actor, ref: str, text: str, update: bool = False, now: datetime) -> IncidentDetail:
    """`update`: said to everybody who follows it too, and so a person's to close."""
    require(actor, Permission.RESPOND)
    said = text.strip().replace("\0", "")
    if not said or len(said) > _LONGEST_NOTE:
        raise Invalid(FieldError("text", f"expected 1 to {_LONGEST_NOTE} characters"))
    with deed(actor=actor, ref=ref, now=now) as this:
        if update:
            this.incident.moved = True
            this.did("update_published", "update", said)
        else:
            this.did("noted", "note", said)
    return queries.incident(ref, actor=actor)


def edit(
    *, actor: Actor, ref: str, title: str | None = None, summary: str | None = None, now: datetime
) -> IncidentDetail:
    require(actor, Permission.RESPOND)
    with deed(actor=actor, ref=ref, now=now) as this:
        if title is not None and title.strip() != this.incident.title:
            cleaned = title.strip().replace("\0", "")
            if not cleaned or len(cleaned) > _LONGEST_TITLE:
                raise Invalid(FieldError("title", f"expected 1 to {_LONGEST_TITLE} characters"))
            this.did("edited", "edited", f"Title: {cleaned}", before=this.incident.title)
            this.incident.title = cleaned
        if summary is not None and summary.strip() != this.incident.summary:
            this.did("edited", "edited", "The summary was changed", before=this.incident.summary)
            this.incident.summary = summary.strip().replace("\0", "")[:_LONGEST_NOTE]
    return queries.incident(ref, actor=actor)


def merge(*, actor: Actor, ref: str, into: str, now: datetime) -> IncidentDetail:
    """Its alerts go to the other one, its calls end. Returns the other one.

    Nobody has this one yet and it is worse: the other one is raised, so that its people are called.
    """
    require(actor, Permission.RESPOND)
    with deed(actor=actor, ref=ref, also=into, now=now) as this:
        if this.incident.merged_into_id != this.other.pk:
            _merge(this, this.other)
    return queries.incident(into, actor=actor)


def _move(this: Deed, before: Status, status: Status) -> None:
    incident, actor = this.incident, this.actor
    if status is Status.RESOLVED:
        _resolve(this)
        return
    if before not in OPEN and status is Status.INVESTIGATING:
        _reopen(this)
        return
    incident.status = status
    incident.moved = True
    this.did(
        "status_changed", "status_changed", f"{actor.label}: {before} → {status}", before=before, to=status
    )
    if status is Status.CLOSED:
        incident.closed_at = this.now  # what held it still fires, whoever closes it
    elif status not in OPEN:
        incident.held_until = None
    if status not in OPEN:
        incident.snoozed_until = incident.raise_at = None
        escalation.end(incident_id=incident.pk, reason=f"{status} by {actor.label}", now=this.now)


def _resolve(this: Deed) -> None:
    incident, actor = this.incident, this.actor
    firing = Alert.objects.filter(incident_links__incident=incident, status="firing").exists()
    user = User.objects.filter(email=actor.email).first() if actor.email else None
    changes.resolve(
        incident, how=changes.BY_PERSON, user_id=user.pk if user else None, now=this.now, still_firing=firing
    )
    text = f"Resolved by {actor.label}"
    if firing:
        text += "; an alert still fires: it reopens in 15 minutes unless the alert ends"
    this.did("resolved", "resolved", text)
    subject = subject_of(incident, this.around.directory.by_id(incident.service_id))
    telling.resolved(incident, subject, f"by {actor.label}", this.now, skip=actor.email or "")


def _reopen(this: Deed) -> None:
    incident = this.incident
    changes.reopen(incident)
    this.did("reopened", "reopened", f"Reopened by {this.actor.label}")
    service = this.around.directory.by_id(incident.service_id)
    if incident.urgency == Urgency.LOW and this.has_call_out():
        # Support hours may have begun since. What has ended only takes note, so it calls nobody twice.
        loud = loudness(incident, this.around, this.now)
        incident.urgency, incident.raise_at = loud.urgency, loud.raise_at
        change_severity(incident, service, this.around, now=this.now)
    subject = subject_of(incident, service)
    reason = f"Reopened by {this.actor.label}"
    escalation.restart(incident_id=incident.pk, subject=subject, now=this.now, reason=reason)


def _merge(this: Deed, other: Incident) -> None:
    incident = this.incident
    if other.pk == incident.pk:
        raise Invalid(FieldError("into", "an incident cannot be merged into itself"))
    if Status(other.status) not in OPEN:
        raise Conflict(
            f"{other.ref} is {other.status}; merge into an open incident.", tuple(MOVES[Status(other.status)])
        )
    waits = Status(incident.status) in OPEN and incident.acknowledged_at is None
    move(Status(incident.status), Status.MERGED)
    already = IncidentAlert.objects.filter(incident=other).values("alert_id")
    IncidentAlert.objects.filter(incident=incident).exclude(alert_id__in=already).update(incident=other)
    worse = Severity(incident.severity).worse_than(Severity(other.severity))
    raise_at = incident.raise_at
    incident.status, incident.merged_into = Status.MERGED, other
    incident.held_until = incident.snoozed_until = incident.raise_at = None
    this.did("merged", "merged", f"Merged into {other.ref} by {this.actor.label}", into=other.ref)
    carry_over(incident, other)
    this.diary.note(other, "merged", f"{incident.ref} was merged into this one by {this.actor.label}")
    escalation.end(incident_id=incident.pk, reason=f"Merged into {other.ref}", now=this.now)
    if waits and worse:
        _raise_to(this, other, raise_at)


def _raise_to(this: Deed, other: Incident, raise_at: datetime | None) -> None:
    """The one merged away is worse and nobody has it: its calls go on as the other one's."""
    incident, service = this.incident, this.around.directory.by_id(other.service_id)
    severity, urgency_ = Severity(incident.severity), Urgency(incident.urgency)
    why = f"{incident.ref}, which was merged into it, is worse"
    changes.set_severity(other, severity, urgency_, this.diary, why, raise_at=raise_at)
    other.version += 1
    other.save()
    change_severity(other, service, this.around, now=this.now)
    if not has_call_out(other):
        start_call_outs([start_of(other, service, this.around)], this.around, now=this.now)
