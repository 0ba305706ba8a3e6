"""Asking somebody beside those who have it: a person, a team or a schedule, and their yes or no."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.db import transaction

from tocsin.apps.escalation import actions as escalation
from tocsin.apps.escalation.types import AckOutcome
from tocsin.apps.identity.models import Team
from tocsin.apps.incidents import queries
from tocsin.apps.incidents.actions.calling import people_named
from tocsin.apps.incidents.actions.common import Deed, deed
from tocsin.apps.incidents.actions.declaring import open_by_hand
from tocsin.apps.incidents.surroundings import label_of, subject_of
from tocsin.apps.incidents.types import IncidentDetail
from tocsin.apps.oncall import queries as oncall
from tocsin.domain.errors import Conflict, FieldError, Invalid
from tocsin.domain.escalation.machine import AckKind
from tocsin.domain.escalation.model import CallOutKind, Target, TargetKind
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.severity import Severity, Urgency

_LONGEST_TEXT: Final = 10_000
_LONGEST_REASON: Final = 500
# What a direct page is, by how urgent it is: the pace of its ladder.
_SEVERITIES: Final = {Urgency.HIGH: Severity.SEV2, Urgency.LOW: Severity.SEV3}


def ask_help(
    *,
    actor: Actor,
    ref: str,
    target: Target,
    text: str = "",
    urgency: Urgency = Urgency.HIGH,
    now: datetime,
) -> IncidentDetail:
    """Call a person, team or schedule beside those who have it; a call-out of its own."""
    require(actor, Permission.PAGE)
    with deed(actor=actor, ref=ref, now=now) as this:
        this.require_open()
        _call_for_help(this, target, text, urgency)
    return queries.incident(ref, actor=actor)


@transaction.atomic
def page(
    *,
    actor: Actor,
    target: Target,
    title: str,
    text: str = "",
    service: str | None = None,
    urgency: Urgency = Urgency.HIGH,
    now: datetime,
) -> IncidentDetail:
    """Call somebody directly: an incident that only they are called for, SEV2 when it is urgent, else SEV3.

    Whoever can reach nobody at all says so on the timeline, and the last line is called.
    """
    require(actor, Permission.PAGE)
    ref = open_by_hand(
        actor=actor,
        title=title,
        service=service,
        severity=_SEVERITIES[urgency],
        summary=text,
        urgency_=urgency,
        now=now,
        calls=False,
    )
    with deed(actor=actor, ref=ref, now=now) as this:
        _call_for_help(this, target, text or title, urgency)
    return queries.incident(ref, actor=actor)


def accept_help(*, actor: Actor, ref: str, reason: str = "", now: datetime) -> IncidentDetail:
    """Join: ends the calls for help that called the actor, and nothing else. `reason`: what they say to it.

    Raises Conflict for somebody who was not asked. Asked together with others who were faster: no change.
    """
    require(actor, Permission.RESPOND)
    with deed(actor=actor, ref=ref, now=now) as this:
        this.require_open()
        outcome = _answer(this, accept=_accepting(this))
        if outcome.kind is AckKind.ACKNOWLEDGED:
            this.incident.refresh_from_db()  # the news of the call-out's end has changed the row
            this.name, this.data = "help_accepted", {"via": str(actor.kind)}
            if said := _said(reason):
                this.diary.note(this.incident, "note", said)
        elif outcome.kind is AckKind.SEEN:
            this.did("seen", "seen", f"{actor.label} has seen it")
    return queries.incident(ref, actor=actor)


def decline_help(*, actor: Actor, ref: str, reason: str = "", now: datetime) -> IncidentDetail:
    """The actor cannot: they hear no more of it, and whoever comes next is called. Raises Conflict for
    somebody who was not called, or whose call-out is over.
    """
    require(actor, Permission.READ)
    with deed(actor=actor, ref=ref, now=now) as this:
        this.require_open()
        email, said = _person(this), _said(reason)
        if not escalation.decline(incident_id=this.incident.pk, email=email, reason=said, now=now):
            raise Conflict(f"You are not being called for {ref}, so there is nothing to decline.", ())
        this.incident.refresh_from_db()
        this.name, this.data = "help_declined", {"reason": said}
    return queries.incident(ref, actor=actor)


def _accepting(this: Deed) -> Callable[[str], AckOutcome]:
    return lambda email: escalation.acknowledge(
        incident_id=this.incident.pk,
        email=email,
        via=str(this.actor.kind),
        only=CallOutKind.HELP,
        now=this.now,
    )


def _answer(this: Deed, accept: Callable[[str], AckOutcome]) -> AckOutcome:
    outcome = accept(_person(this))
    if outcome.kind in {AckKind.NOT_CALLED, AckKind.ENDED}:
        raise Conflict(
            f"You were not asked to help with {this.incident.ref}."
            " Say “I am responding” to take it, or write a note.",
            ("respond",),
        )
    return outcome


def _person(this: Deed) -> str:
    if this.actor.email is None:
        raise Conflict("Only a person can answer a call for help.", ())
    return this.actor.email


def _said(reason: str) -> str:
    return reason.strip().replace("\0", "")[:_LONGEST_REASON]


def _call_for_help(this: Deed, target: Target, text: str, urgency: Urgency) -> None:
    _check_target(target)
    label = target.name if target.kind is TargetKind.USER else f"{target.kind} {target.name}"
    service = this.around.directory.by_id(this.incident.service_id)
    escalation.ask_help(
        incident_id=this.incident.pk,
        target=target,
        label=label_of(label),
        subject=subject_of(this.incident, service),
        text=text[:500],
        urgency=urgency,
        severity_row=this.around.directory.table[Severity(this.incident.severity)],
        team=service.team or None,
        now=this.now,
    )
    said = f": {text[:_LONGEST_TEXT]}" if text else ""
    this.did(
        "help_asked",
        "help_asked",
        f"{this.actor.label} asked {label} for help{said}",
        target=label,
        by=this.actor.email or "",
    )


def _check_target(target: Target) -> None:
    if target.kind is TargetKind.USER:
        people_named([target.name], "target")
    elif target.kind is TargetKind.TEAM and not Team.objects.filter(name=target.name).exists():
        raise Invalid(FieldError("target", f"there is no team “{target.name}”"))
    elif target.kind is TargetKind.SCHEDULE and oncall.schedule(target.name) is None:
        raise Invalid(FieldError("target", f"there is no schedule “{target.name}”"))
