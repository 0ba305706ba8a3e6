"""What becomes due on incidents themselves: a hold that ends, support hours that open, old rows that go."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from tocsin.apps.alerts.models import Alert
from tocsin.apps.escalation import actions as escalation
from tocsin.apps.identity.models import User
from tocsin.apps.incidents import changes, telling
from tocsin.apps.incidents.changes import Diary
from tocsin.apps.incidents.locking import lock_incidents
from tocsin.apps.incidents.models import Incident
from tocsin.apps.incidents.surroundings import Surroundings, change_severity, load, subject_of
from tocsin.domain.lifecycle import OPEN, Status
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.severity import Urgency

_AT_ONCE = 100


def end_holds(now: datetime) -> int:
    """Incidents that a person resolved 15 minutes ago: what still fires reopens. The number looked at."""
    with transaction.atomic():
        due = Incident.objects.filter(held_until__lte=now).order_by("held_until")
        rows = _locked(due)
        around = load(now) if rows else None
        for incident in rows:
            assert around is not None  # noqa: S101 - there are rows
            if incident.held_until is not None and incident.held_until <= now:
                _end_hold(incident, around, now)
    return len(rows)


def raise_at_opening(now: datetime) -> int:
    """Support hours have opened: what is still unacknowledged is urgent now. The number looked at."""
    with transaction.atomic():
        due = Incident.objects.filter(raise_at__lte=now).order_by("service_id", "raise_at")
        rows = _locked(due)
        around = load(now) if rows else None
        for incident in rows:
            assert around is not None  # noqa: S101 - there are rows
            if incident.raise_at is not None and incident.raise_at <= now:
                _raise(incident, around, now)
    return len(rows)


def _locked(due: QuerySet[Incident, Incident]) -> list[Incident]:
    """What was due when they were chosen may be over by now."""
    ids = list(due.values_list("pk", flat=True)[:_AT_ONCE])
    return list(lock_incidents(ids).values())


def _end_hold(incident: Incident, around: Surroundings, now: datetime) -> None:
    incident.held_until = None
    firing = Alert.objects.filter(incident_links__incident=incident, status="firing")
    if incident.status != Status.RESOLVED or not firing.exists():
        incident.save(update_fields=["held_until"])
        return
    resolver = User.objects.filter(pk=incident.resolved_by_id).first() if incident.resolved_by_id else None
    changes.reopen(incident)
    incident.version += 1
    incident.save()
    diary = Diary(SYSTEM, now)
    reason = "an alert still fires 15 minutes after it was resolved by hand"
    diary.note(incident, "reopened", f"Reopened: {reason}")
    diary.write()
    subject = subject_of(incident, around.directory.by_id(incident.service_id))
    escalation.restart(incident_id=incident.pk, subject=subject, now=now, reason=f"Reopened: {reason}")
    if resolver is not None:
        telling.reopened(subject, resolver.email, reason, now)


def _raise(incident: Incident, around: Surroundings, now: datetime) -> None:
    incident.raise_at = None
    waiting = Status(incident.status) in OPEN and incident.acknowledged_at is None
    if not waiting or incident.urgency == Urgency.HIGH:
        incident.save(update_fields=["raise_at"])
        return
    incident.urgency = Urgency.HIGH
    incident.version += 1
    incident.save()
    diary = Diary(SYSTEM, now)
    diary.note(incident, "urgency_changed", "Support hours have opened: it is urgent now")
    diary.write()
    change_severity(incident, around.directory.by_id(incident.service_id), around, now=now)
