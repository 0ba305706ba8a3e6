"""From a claimed message to what a channel sends: the words and the buttons."""

from datetime import datetime

from tocsin.apps.identity.actions import invitation_link
from tocsin.apps.notify.types import Job
from tocsin.domain.notification.model import MessageKind
from tocsin.ports import registry
from tocsin.ports.channel import Action, Message

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
    MessageKind.CODE: (),
}


def message(job: Job, now: datetime) -> Message:
    return Message(
        key=job.key,
        kind=job.kind,
        address=job.address,
        recipient=job.name,
        subject=job.subject,
        urgency=job.urgency,
        headline=_headline(job),
        lines=_invitation(job, now) if job.kind is MessageKind.INVITATION else _lines(job),
        actions=_actions(job, now),
        thread=f"incident-{job.incident_id}" if job.incident_id else f"page-{job.page_id}",
        config=dict(job.config),
    )


def _headline(job: Job) -> str:
    if job.headline:
        return job.headline
    if job.kind is MessageKind.STAKEHOLDER:
        return f"For your information: {job.subject.title}"
    return job.subject.title


def _lines(job: Job) -> tuple[str, ...]:
    subject = job.subject
    if "lines" in job.more:
        return tuple(job.more["lines"])
    if not job.incident_id:
        return (job.reason,) if job.reason else ()
    lines = []
    if job.kind in {MessageKind.PAGE, MessageKind.STAKEHOLDER}:
        if subject.summary and subject.summary != subject.title:
            lines.append(subject.summary)
        if subject.alerts > 1:
            lines.append(f"{subject.alerts} alerts")
        lines.append(f"Why you: {job.reason}")
        if job.kind is MessageKind.STAKEHOLDER:
            lines.append("Responders are being called. “Seen” ends your own reminders, not theirs.")
    elif job.headline and job.headline != subject.title:
        lines.append(subject.title)
    return tuple(lines)


def _invitation(job: Job, now: datetime) -> tuple[str, ...]:
    link = invitation_link(job.email, now)
    if link is None:
        return (job.reason, "This was settled before the mail left: you can log in.")
    return (f"{job.reason}. Set your password here, once and within seven days:", link)


def _actions(job: Job, now: datetime) -> tuple[Action, ...]:
    if job.kind is MessageKind.UPDATE:  # its link shows what the person follows, and ends it
        out = Action("unfollow", "Stop these updates", registry.links.unfollow(job.email, now))
        return (out,) if out.url else ()
    if not job.incident_id:
        return _duties(job, now)
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
