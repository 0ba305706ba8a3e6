"""What becomes due on incidents themselves: a hold that ends, support hours that open, old rows that go."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, transaction

from tocsin.apps.alerts.models import Alert
from tocsin.apps.catalog.types import ServiceInfo
from tocsin.apps.identity.models import User
from tocsin.apps.incidents import changes, telling
from tocsin.apps.incidents.changes import Diary
from tocsin.apps.incidents.locking import lock_incidents
from tocsin.apps.incidents.models import Incident
from tocsin.apps.incidents.surroundings import Surroundings, call_again, change_severity, load, subject_of
from tocsin.domain import urgency
from tocsin.domain.lifecycle import OPEN, Status
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.severity import Severity, Urgency
from tocsin.lib.log import Logger

_AT_ONCE = 200
_SET_ASIDE = timedelta(minutes=1)

Move = Callable[[Incident, Surroundings, datetime], None]

_log = Logger(__name__)


def end_holds(now: datetime) -> int:
    """Incidents that a person resolved 15 minutes ago: what still fires reopens. The number looked at."""
    return _each("held_until", _end_hold, now)


def raise_at_opening(now: datetime) -> int:
    """Support hours have opened: what is still unacknowledged is urgent now. The number looked at.

    Together, so that a person who is called for several of them gets one message that lists them.
    """
    with transaction.atomic():
        ids = _due("raise_at", now)
        lock_incidents(ids)
        return _move(ids, "raise_at", _raise, now)


def _each(due: str, move: Move, now: datetime) -> int:
    return _move(_due(due, now), due, move, now)


def _due(due: str, now: datetime) -> list[int]:
    rows = Incident.objects.filter(**{f"{due}__lte": now}).order_by(due)
    return list(rows.values_list("pk", flat=True)[:_AT_ONCE])


def _move(ids: Sequence[int], due: str, move: Move, now: datetime) -> int:
    """Move what is due by its field `due`, each apart: one that cannot be moved holds up no other, and is
    tried again in a minute.
    """
    around = load(now) if ids else None
    for number in ids:
        assert around is not None  # noqa: S101 - there are rows
        try:
            with transaction.atomic():
                incident = lock_incidents([number]).get(number)
                at = getattr(incident, due, None)
                if incident is not None and at is not None and at <= now:  # it may be over by now
                    move(incident, around, now)
        except (OperationalError, InterfaceError):
            raise
        except Exception:  # noqa: BLE001 - whatever it is, the others must be looked at
            _log.exception(
                "an incident cannot be moved; it is tried again in a minute", incident=number, due=due
            )
            Incident.objects.filter(pk=number).update(**{due: now + _SET_ASIDE})
    return len(ids)


def _end_hold(incident: Incident, around: Surroundings, now: datetime) -> None:
    incident.held_until = None
    firing = Alert.objects.filter(incident_links__incident=incident, status="firing", held_since=None)
    if incident.status not in {Status.RESOLVED, Status.CLOSED} or not firing.exists():
        incident.save(update_fields=["held_until"])
        return
    resolver = User.objects.filter(pk=incident.resolved_by_id).first() if incident.resolved_by_id else None
    changes.reopen(incident)
    incident.version += 1
    diary = Diary(SYSTEM, now)
    reason = "an alert still fires 15 minutes after it was resolved by hand"
    diary.note(incident, "reopened", f"Reopened: {reason}")
    service = around.directory.by_id(incident.service_id)
    _as_bad_as(incident, firing, service, around, diary, now)
    incident.save()
    diary.write()
    change_severity(incident, service, around, now=now)
    call_again(incident, service, around, reason=f"Reopened: {reason}", now=now)
    if resolver is not None:
        telling.reopened(subject_of(incident, service), resolver.email, reason, now)


def _as_bad_as(
    incident: Incident,
    firing: Iterable[Alert],
    service: ServiceInfo,
    around: Surroundings,
    diary: Diary,
    now: datetime,
) -> None:
    """While it was held its alerts may have become worse, and support hours may have begun or ended."""
    current = Severity(incident.severity)
    worst = min((Severity(alert.severity) for alert in firing if alert.severity), default=current)
    level = worst if worst.worse_than(current) else current
    directory = around.directory
    loud = urgency.choose(
        route=None, rule=directory.urgency_rule(service), severity=level, table=directory.table, now=now
    )
    if level is not current:
        why = "an alert became worse meanwhile"
        changes.set_severity(incident, level, loud.urgency, diary, why, raise_at=loud.raise_at)
    else:
        incident.urgency, incident.raise_at = loud.urgency, loud.raise_at


def _raise(incident: Incident, around: Surroundings, now: datetime) -> None:
    opening, incident.raise_at = incident.raise_at, None
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
    service = around.directory.by_id(incident.service_id)
    word = f"opening:{opening:%Y-%m-%dT%H:%MZ}"
    change_severity(incident, service, around, now=now, bundle=word)
