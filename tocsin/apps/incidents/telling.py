"""Quiet words and ends of calling: what an incident's moves mean for the people who were called."""

from collections.abc import Iterable
from datetime import datetime

from tocsin.apps.escalation import actions as escalation
from tocsin.apps.identity.models import User
from tocsin.apps.incidents.models import Incident
from tocsin.apps.notify import actions as notify
from tocsin.apps.notify.models import Page
from tocsin.domain.notification.model import MessageKind, Subject


def called(incident_id: int) -> list[str]:
    """E-mails of everybody who was called for it."""
    kinds = (MessageKind.PAGE, MessageKind.STAKEHOLDER)
    rows = Page.objects.filter(incident_id=incident_id, kind__in=kinds)
    return sorted(set(rows.values_list("user__email", flat=True)))


def resolved(incident: Incident, subject: Subject, reason: str, now: datetime, *, skip: str = "") -> None:
    """No further call leaves; whoever was called hears why, but for `skip`, who did it."""
    emails = [email for email in called(incident.pk) if email != skip]
    escalation.end(incident_id=incident.pk, reason=f"Resolved: {reason}", now=now)
    _tell(emails, subject, MessageKind.RESOLVED, f"Resolved: {reason}", now)


def acknowledged_elsewhere(incident: Incident, source: str, now: datetime) -> None:
    """The tool that sent the alert says that somebody has it; who, it does not say."""
    escalation.acknowledge(incident_id=incident.pk, email="", via=source, responding=True, now=now)


def joined(incident: Incident, subject: Subject, summary: str, now: datetime) -> None:
    _tell(_acker(incident), subject, MessageKind.JOINED, f"One more alert joined: {summary}", now)


def all_over(incident: Incident, subject: Subject, now: datetime) -> None:
    """Somebody has to close it."""
    emails = _acker(incident) or called(incident.pk)
    _tell(emails, subject, MessageKind.NUDGE, "All its alerts are over. Close it if you are done.", now)


def reopened(subject: Subject, email: str, reason: str, now: datetime) -> None:
    _tell([email], subject, MessageKind.NOTICE, f"Reopened: {reason}", now)


def asker(subject: Subject, email: str, headline: str, now: datetime) -> None:
    """Whoever asked for help hears what became of it."""
    _tell([email], subject, MessageKind.NOTICE, headline, now)


def _acker(incident: Incident) -> list[str]:
    emails = User.objects.filter(pk=incident.acknowledged_by_id or 0).values_list("email", flat=True)
    return list(emails)


def _tell(emails: Iterable[str], subject: Subject, kind: MessageKind, headline: str, now: datetime) -> None:
    people = list(emails)
    if people:
        notify.tell(emails=people, subject=subject, kind=kind, headline=headline[:255], now=now)
