"""From a claimed message to what a channel sends: the words and the buttons."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Q

from tocsin.apps.identity.actions import invitation_link
from tocsin.apps.notify.models import Notification, NotificationState
from tocsin.apps.notify.types import Job
from tocsin.domain.escalation.codec import load
from tocsin.domain.notification.model import MessageKind, Subject
from tocsin.ports import registry
from tocsin.ports.channel import Action, Listed, Message

_ACKNOWLEDGE = ("acknowledge", "Acknowledge")
_VIEW = ("view", "Open the incident")
_DECLINE = ("decline", "Decline")
# Of calls for help: beside those who have it, and where whoever answers has it.
_HELP = {
    "beside": (("accept", "Accept"), _DECLINE, _VIEW),
    "alone": (_ACKNOWLEDGE, _DECLINE, _VIEW),
}
_BUTTONS = {
    MessageKind.PAGE: (_ACKNOWLEDGE, ("escalate", "Escalate"), _VIEW),
    MessageKind.STAKEHOLDER: (("seen", "Seen"), _VIEW),
    MessageKind.NUDGE: (("acknowledge", "Still on it"), ("resolve", "Resolve"), _VIEW),
    MessageKind.JOINED: (_VIEW,),
    MessageKind.NOTICE: (_VIEW,),
    MessageKind.RESOLVED: (_VIEW,),
    MessageKind.TEST: (),
    MessageKind.INVITATION: (),
    MessageKind.DUTY: (),
    MessageKind.UPDATE: (),
    MessageKind.CODE: (),
    MessageKind.ADMIN: (),
}


@dataclass(frozen=True)
class Beside:
    """A page that another one's message lists too."""

    page_id: int
    incident_id: int
    subject: Subject


def listed(job: Job) -> tuple[Beside, ...]:
    """What a message says, or said, besides its own incident."""
    rows = (
        Notification.objects.filter(
            Q(page__ended_at=None) | Q(handed_at__isnull=False),
            carried_by=job.id,
            state=NotificationState.BUNDLED,
        )
        .order_by("rank", "wanted_at", "id")
        .values_list("page_id", "page__incident_id", "page__subject")
    )
    return tuple(
        Beside(page, incident, load(subject, Subject)) for page, incident, subject in rows if incident
    )


def message(job: Job, now: datetime, beside: Sequence[Beside] = ()) -> Message:
    return Message(
        key=job.key,
        kind=job.kind,
        address=job.address,
        recipient=job.name,
        subject=job.subject,
        urgency=job.urgency,
        headline=headline(job, beside),
        lines=_invitation(job, now) if job.kind is MessageKind.INVITATION else lines(job, beside),
        actions=_actions(job, now, beside),
        thread=f"incident-{job.incident_id}" if job.incident_id else f"page-{job.page_id}",
        config=dict(job.config),
        listed=_all_listed(job, beside),
        avoid=job.avoid,
        attempt=job.attempts,
    )


def _all_listed(job: Job, beside: Sequence[Beside]) -> tuple[Listed, ...]:
    if not beside:
        return ()
    subjects = {one.ref: one for one in (job.subject, *(one.subject for one in beside))}
    return tuple(Listed(one.ref, one.title, str(one.severity), one.service) for one in subjects.values())


def headline(job: Job, beside: Sequence[Beside]) -> str:
    if beside:
        count = len(_all_listed(job, beside))
        services = {job.subject.service, *(one.subject.service for one in beside)}
        of = f" of {job.subject.service}" if len(services) == 1 else ""
        return f"{count} incidents{of}"
    if job.headline:
        return job.headline
    if job.kind is MessageKind.STAKEHOLDER:
        return f"For your information: {job.subject.title}"
    return job.subject.title


def lines(job: Job, beside: Sequence[Beside] = ()) -> tuple[str, ...]:
    """What a message says under its headline."""
    subject = job.subject
    if beside:
        rows = (f"{one.ref} {one.severity} {one.service}: {one.title}" for one in _all_listed(job, beside))
        return (*rows, *(() if job.kind is MessageKind.UPDATE else (f"Why you: {job.reason}",)))
    if "lines" in job.more:
        return tuple(job.more["lines"])
    if not job.incident_id:
        return (job.reason,) if job.reason else ()
    said = []
    if job.kind in {MessageKind.PAGE, MessageKind.STAKEHOLDER, MessageKind.ROOM}:
        if subject.summary and subject.summary != subject.title:
            said.append(subject.summary)
        if subject.alerts > 1:
            said.append(f"{subject.alerts} alerts")
        said.append(job.reason if job.kind is MessageKind.ROOM else f"Why you: {job.reason}")
        if job.kind is MessageKind.STAKEHOLDER:
            said.append("Responders are being called. “Seen” ends your own reminders, not theirs.")
    elif job.headline and job.headline != subject.title:
        said.append(subject.title)
    return tuple(said)


def _invitation(job: Job, now: datetime) -> tuple[str, ...]:
    link = invitation_link(job.email, now)
    if link is None:
        return (job.reason, "This was settled before the mail left: you can log in.")
    return (f"{job.reason}. Set your password here, once and within seven days:", link)


def _actions(job: Job, now: datetime, beside: Sequence[Beside]) -> tuple[Action, ...]:
    if job.kind is MessageKind.UPDATE:  # its link shows what the person follows, and ends it
        out = Action("unfollow", "Stop these updates", registry.links.unfollow(job.email, now))
        return (out,) if out.url else ()
    if not job.incident_id:
        return _duties(job, now)
    if job.kind is MessageKind.ROOM:
        # Signed links are one person's: a room gets the address that asks for a login.
        url = f"{settings.TOCSIN.public_url}/incidents/{job.subject.ref}"
        return (Action("view", "Open the incident", url),)
    if beside and job.kind is MessageKind.PAGE:
        # Exactly those that are listed, whatever comes after.
        incidents = tuple(dict.fromkeys((job.incident_id, *(one.incident_id for one in beside))))
        every = Action(
            "acknowledge_all",
            f"Acknowledge all {len(incidents)}",
            registry.links.all(job.email, incidents, now),
        )
        return (every,) if every.url else ()
    made = (
        Action(name, label, registry.links.make(job.email, job.incident_id, name, now))
        for name, label in _HELP.get(job.more.get("help", ""), _BUTTONS[job.kind])
    )
    return tuple(action for action in made if action.url)


def _duties(job: Job, now: datetime) -> tuple[Action, ...]:
    """What a word about being on call offers. Its links are ways in: made as it leaves, and kept nowhere."""
    made = []
    if job.more.get("confirm"):
        made.append(Action("ready", "I am ready", registry.links.ready(job.email, job.more["confirm"])))
    for incident, label in job.more.get("incidents") or ():
        made.append(Action("view", label, registry.links.make(job.email, incident, "view", now)))
    return tuple(action for action in made if action.url)
