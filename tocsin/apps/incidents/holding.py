"""What holds mean for incidents: what is free again opens and joins as if it had just fired; an incident of
which everything that fires is held calls nobody meanwhile.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction

from tocsin.apps.alerts import releasing
from tocsin.apps.alerts.intake import Happening, What
from tocsin.apps.alerts.models import Hold
from tocsin.apps.escalation import actions as escalation
from tocsin.apps.escalation.models import CallOut
from tocsin.apps.incidents import pipeline
from tocsin.apps.incidents.changes import Diary
from tocsin.apps.incidents.handlers import collecting
from tocsin.apps.incidents.locking import lock_incidents
from tocsin.apps.incidents.models import Incident
from tocsin.apps.incidents.surroundings import Surroundings, call_again, load
from tocsin.domain.escalation.model import CallOutStatus
from tocsin.domain.lifecycle import OPEN, Status
from tocsin.domain.permissions import SYSTEM

_AT_ONCE: Final = 200

Move = Callable[[Incident, Surroundings, datetime], None]
_AHEAD: Final = timedelta(minutes=1)

# Open incidents of which something fires, all of it held. OFFSET 0 keeps this order, from the few that are
# held: else the planner may join all alerts of a storm, every second.
_HELD: Final = """
SELECT DISTINCT i.id FROM (
  SELECT id FROM alerts_alert
  WHERE status = 'firing' AND held_since IS NOT NULL AND incident <> '' OFFSET 0) a
CROSS JOIN LATERAL (SELECT incident_id FROM incidents_incidentalert WHERE alert_id = a.id OFFSET 0) l
CROSS JOIN LATERAL (
  SELECT id FROM incidents_incident WHERE id = l.incident_id
    AND suppressed_by = '' AND number > 0 AND status = ANY(%s) OFFSET 0) i
WHERE NOT EXISTS (SELECT 1 FROM incidents_incidentalert o JOIN alerts_alert b ON b.id = o.alert_id
    WHERE o.incident_id = i.id AND b.status = 'firing' AND b.held_since IS NULL OFFSET 0)
LIMIT %s
"""
_FREE: Final = """
SELECT i.id FROM incidents_incident i WHERE i.suppressed_by <> '' AND EXISTS (
  SELECT 1 FROM incidents_incidentalert o JOIN alerts_alert b ON b.id = o.alert_id
  WHERE o.incident_id = i.id AND b.status = 'firing' AND b.held_since IS NULL OFFSET 0)
LIMIT %s
"""


def release(now: datetime) -> int:
    """Alerts whose last hold is over and that still fire are decided again. The number looked at."""
    around = load(now)
    releasing.lay_over(around.directory, now)
    with transaction.atomic():
        found = releasing.release_due(around.directory, now)
        pipeline.carry_out(_anew(found.happenings), around, now=now, bundle="held")
    return found.looked_at


def _anew(happenings: Sequence[Happening]) -> list[Happening]:
    """Whose incident is over meanwhile opens or reopens one; whose incident goes on is decided there, and may
    only raise it. One that a person resolved a moment ago is looked at when its 15 minutes are over.
    """
    found = []
    for one in happenings:
        if one.what is What.CHANGED:
            rows = Incident.objects.filter(alert_links__alert=one.alert)
            if rows.filter(status__in=OPEN).exists():
                found.append(one)
            elif not rows.filter(held_until__isnull=False).exists():
                found.append(replace(one, what=What.FIRED))
        else:
            found.append(one)
    return found


def suppress(now: datetime) -> int:
    """Incidents that wait from now on, and those that go on."""
    done = _each(_ids(_HELD, [[str(status) for status in OPEN], _AT_ONCE]), _suppress, now)
    done += _each(_ids(_FREE, [_AT_ONCE]), _resume, now)
    _keep_acknowledged(now)
    return done


def _ids(query: str, values: list[list[str] | int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return [row[0] for row in cursor.fetchall()]


def _each(ids: Iterable[int], move: Move, now: datetime) -> int:
    numbers = sorted(ids)
    if not numbers:
        return 0
    around = load(now)
    with transaction.atomic(), collecting():
        # In one transaction, so that a person who is called for several gets one message.
        for incident in lock_incidents(numbers).values():
            move(incident, around, now)
    return len(numbers)


def _suppress(incident: Incident, _around: Surroundings, now: datetime) -> None:
    if Status(incident.status) not in OPEN or incident.suppressed_by or _any_free(incident):
        return
    texts = Hold.objects.filter(
        alert__incident_links__incident=incident, alert__status="firing", ended_at=None
    ).values_list("text", flat=True)
    incident.suppressed_by = "; ".join(dict.fromkeys(texts[:20]))[:512] or "what holds its alerts"
    incident.version += 1
    incident.save(update_fields=["suppressed_by", "version"])
    diary = Diary(SYSTEM, now)
    diary.note(incident, "suppressed", f"Nobody is called: held by {incident.suppressed_by}")
    diary.write()
    if incident.acknowledged_at is None:
        escalation.end(incident_id=incident.pk, reason=f"Held by {incident.suppressed_by}", now=now)


def _resume(incident: Incident, around: Surroundings, now: datetime) -> None:
    if not incident.suppressed_by or not _any_free(incident):
        return
    why = f"Still firing after {incident.suppressed_by}"
    incident.suppressed_by = ""
    incident.version += 1
    incident.save(update_fields=["suppressed_by", "version"])
    if Status(incident.status) not in OPEN:
        return
    diary = Diary(SYSTEM, now)
    diary.note(incident, "released", why)
    diary.write()
    if incident.acknowledged_at is None:
        service = around.directory.by_id(incident.service_id)
        bundle = pipeline.bundle_of("held", incident.service_id, now)
        call_again(incident, service, around, reason=why[:255], now=now, bundle=bundle)


def _any_free(incident: Incident) -> bool:
    return incident.alert_links.filter(alert__status="firing", alert__held_since=None).exists()


def _keep_acknowledged(now: datetime) -> None:
    """Whoever has a suppressed incident is not asked whether they still do."""
    rows = CallOut.objects.filter(
        incident_id__in=Incident.objects.exclude(suppressed_by="").values("pk"),
        status=CallOutStatus.ACKNOWLEDGED,
        due_at__lte=now + _AHEAD,
    )
    for incident_id in sorted(set(rows.values_list("incident_id", flat=True)[:_AT_ONCE])):
        escalation.touch(incident_id=incident_id, now=now)
