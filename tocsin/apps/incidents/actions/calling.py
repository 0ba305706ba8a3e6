"""Who has it, and who is called."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from tocsin.apps.escalation import actions as escalation
from tocsin.apps.identity.models import User
from tocsin.apps.incidents import changes, queries
from tocsin.apps.incidents.actions.common import Deed, deed
from tocsin.apps.incidents.models import TimelineEntry
from tocsin.apps.incidents.types import IncidentDetail
from tocsin.domain.errors import Conflict, FieldError, Invalid
from tocsin.domain.escalation.machine import AckKind
from tocsin.domain.escalation.model import Target, TargetKind
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.severity import Severity
from tocsin.domain.time import format_duration

LONGEST_SNOOZE: Final = timedelta(days=7)
LONGEST_SNOOZE_SEV1: Final = timedelta(hours=1)
_LONGEST_TEXT: Final = 10_000


def acknowledge(*, actor: Actor, ref: str, now: datetime, responding: bool = False) -> IncidentDetail:
    """End the call-out that called the actor. Raises Conflict for somebody it did not call: they may
    `respond`.

    A stakeholder's acknowledgement is Seen. A token, which is nobody's target, acknowledges as the
    service's responder.
    """
    require(actor, Permission.RESPOND)
    with deed(actor=actor, ref=ref, now=now) as this:
        this.require_open()
        if this.actor.email is None:
            _acknowledge_as_machine(this)
        else:
            _acknowledge_as_person(this, this.actor.email, responding=responding)
    return queries.incident(ref, actor=actor)


def respond(*, actor: Actor, ref: str, now: datetime) -> IncidentDetail:
    """I am responding: whoever says so takes the service's call-out."""
    return acknowledge(actor=actor, ref=ref, now=now, responding=True)


def seen(*, actor: Actor, ref: str, now: datetime) -> IncidentDetail:
    """End the actor's own reminders; the responders are still called."""
    require(actor, Permission.READ)
    with deed(actor=actor, ref=ref, now=now) as this:
        this.require_open()
        _see(this)
    return queries.incident(ref, actor=actor)


def take_over(*, actor: Actor, ref: str, now: datetime) -> IncidentDetail:
    """What somebody else has acknowledged is the actor's now; nobody is called, and the acknowledge time-out
    starts anew. Raises Conflict while nobody has it, and for a token, which can have nothing.
    """
    require(actor, Permission.RESPOND)
    with deed(actor=actor, ref=ref, now=now) as this:
        this.require_open()
        incident = this.incident
        if actor.email is None or actor.id is None:
            raise Conflict("Only a person can take an incident over.", ())
        if incident.acknowledged_at is None:
            raise Conflict(f"Nobody has {ref} yet. Say “I am responding” to take it.", ("respond",))
        if incident.acknowledged_by_id != actor.id:
            former = incident.acknowledged_by
            giver = former.email if former else ""
            incident.acknowledged_by_id, incident.joined_told = actor.id, False
            text = f"Handed over{f' by {former}' if former else ''} to {actor.label}"
            this.did("handed_over", "handed_over", text, giver=giver, taker=actor.email)
            escalation.hand_over(incident_id=incident.pk, giver=giver, taker=actor.email, now=now)
    return queries.incident(ref, actor=actor)


def reassign(*, actor: Actor, ref: str, emails: Sequence[str], now: datetime) -> IncidentDetail:
    """They are called first, then the policy."""
    require(actor, Permission.RESPOND)
    with deed(actor=actor, ref=ref, now=now) as this:
        this.require_open()
        people = people_named(emails, "emails")
        this.give_up()
        names = ", ".join(str(person) for person in people)
        this.did("reassigned", "reassigned", f"Reassigned to {names}", to=[person.email for person in people])
        targets = tuple(Target(TargetKind.USER, person.email) for person in people)
        if this.has_call_out():
            escalation.reassign(incident_id=this.incident.pk, targets=targets, by=actor.label, now=now)
        else:
            this.call_out(first=targets)
    return queries.incident(ref, actor=actor)


def escalate(*, actor: Actor, ref: str, now: datetime) -> IncidentDetail:
    """The next step at once. An acknowledgement is given up."""
    require(actor, Permission.RESPOND)
    with deed(actor=actor, ref=ref, now=now) as this:
        this.require_open()
        this.give_up()
        this.did("escalated", "escalated", f"{actor.label} escalated: the next step is called now")
        if this.has_call_out():
            escalation.escalate_now(incident_id=this.incident.pk, by=actor.label, now=now)
        else:
            this.call_out()
    return queries.incident(ref, actor=actor)


def snooze(*, actor: Actor, ref: str, until: datetime, now: datetime) -> IncidentDetail:
    """Silence until `until`: a week at most, an hour for SEV1. Then the snoozer is called if on call, else
    whoever is.
    """
    require(actor, Permission.RESPOND)
    with deed(actor=actor, ref=ref, now=now) as this:
        this.require_open()
        most = LONGEST_SNOOZE_SEV1 if this.incident.severity == Severity.SEV1 else LONGEST_SNOOZE
        if not now < until <= now + most:
            limit = format_duration(most)
            raise Invalid(FieldError("until", f"expected a time after now and at most {limit} away"))
        if this.incident.snoozed_until != until:
            this.incident.snoozed_until = until
            this.did("snoozed", "snoozed", f"Snoozed until {until:%H:%M} UTC", until=until.isoformat())
            by = actor.email or ""
            escalation.snooze(incident_id=this.incident.pk, email=by, until=until, now=now)
    return queries.incident(ref, actor=actor)


def unsnooze(*, actor: Actor, ref: str, now: datetime) -> IncidentDetail:
    require(actor, Permission.RESPOND)
    with deed(actor=actor, ref=ref, now=now) as this:
        this.require_open()
        if this.incident.snoozed_until is not None:
            this.incident.snoozed_until = None
            this.did("unsnoozed", "unsnoozed", "The snooze was ended early")
            reason = f"{actor.label} ended the snooze"
            escalation.unsnooze(incident_id=this.incident.pk, reason=reason, now=now)
    return queries.incident(ref, actor=actor)


def _acknowledge_as_machine(this: Deed) -> None:
    if this.incident.acknowledged_at is not None:
        return
    changes.acknowledge(this.incident, None, this.now)
    this.did("acknowledged", "acknowledged", f"Acknowledged by {this.actor.label}")
    escalation.acknowledge(
        incident_id=this.incident.pk, email="", via=this.actor.label, responding=True, now=this.now
    )


def _acknowledge_as_person(this: Deed, email: str, *, responding: bool) -> None:
    incident, actor = this.incident, this.actor
    outcome = escalation.acknowledge(
        incident_id=incident.pk, email=email, via=str(actor.kind), responding=responding, now=this.now
    )
    free = outcome.kind in {AckKind.NOT_CALLED, AckKind.ENDED} and incident.acknowledged_at is None
    if free and responding:  # no call-out of the service runs, as when somebody was paged directly
        changes.acknowledge(incident, actor.id, this.now)
        this.did("acknowledged", "acknowledged", f"{actor.label} is responding", responding=True)
        return
    if outcome.kind is AckKind.NOT_CALLED and free:
        raise Conflict(
            f"You were not called for {incident.ref}, so there is nothing of yours to acknowledge."
            " Say “I am responding” to take it.",
            ("respond",),
        )
    if outcome.kind is AckKind.SEEN:
        this.did("seen", "seen", f"{actor.label} has seen it; the responders are still called")
    elif outcome.kind is AckKind.COUNTED and outcome.changed:  # the timeline has it from the call-out
        this.name, this.data = "acknowledgement_noted", {"via": str(actor.kind)}
    elif outcome.kind is AckKind.ACKNOWLEDGED:
        incident.refresh_from_db()  # the news of the call-out's end has changed the row
        this.name = "acknowledged"
        this.data = {"responding": responding, "via": str(actor.kind)}


def _see(this: Deed) -> None:
    incident, actor = this.incident, this.actor
    if actor.email is None or not escalation.seen(incident_id=incident.pk, email=actor.email, now=this.now):
        raise Conflict(
            f"You were not called for {incident.ref}, so there is nothing to have seen.", ("respond",)
        )
    before = TimelineEntry.objects.filter(incident=incident, kind="seen", actor_label=actor.label[:255])
    if not before.filter(occurred_at__gte=incident.declared_at).exists():
        this.did("seen", "seen", f"{actor.label} has seen it; the responders are still called")


def people_named(emails: Sequence[str], field: str) -> list[User]:
    wanted = [email.strip().lower() for email in emails if email.strip()]
    found = {user.email: user for user in User.objects.filter(email__in=wanted).exclude(state="left")}
    unknown = [email for email in wanted if email not in found]
    if not wanted or unknown:
        raise Invalid(
            FieldError(field, f"there is no {unknown[0]}" if unknown else "expected at least one person")
        )
    return [found[email] for email in dict.fromkeys(wanted)]
