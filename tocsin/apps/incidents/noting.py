"""Notes that a tool sends along with its alerts: they stand on the timeline of the alert's incidents."""

from collections.abc import Sequence
from datetime import datetime

from tocsin.apps.alerts.incoming import Incoming
from tocsin.apps.alerts.models import Alert
from tocsin.apps.incidents import changes
from tocsin.apps.incidents.changes import Diary
from tocsin.apps.incidents.locking import lock_incidents
from tocsin.apps.incidents.models import Incident, IncidentAlert
from tocsin.domain.lifecycle import OPEN, Status
from tocsin.domain.permissions import SYSTEM


def take_notes(incoming: Sequence[Incoming], now: datetime) -> None:
    """Each on the open incidents of the newest alert of its key; on the last one where all are over, because
    a note often comes along with the end. A note about what never fired is nobody's.
    """
    diary = Diary(SYSTEM, now)
    for each in incoming:
        text = each.signal.note or each.signal.summary
        if not text.strip():
            continue
        diary.actor = changes.alert_actor(each.integration.name)
        for incident in _of(each):
            diary.note(incident, "note", text, {"source": each.signal.source}, each.received_at)
    diary.write()


def _of(each: Incoming) -> list[Incident]:
    alerts = Alert.objects.filter(integration_id=each.integration.id, dedup_key=each.signal.dedup_key)
    newest = alerts.order_by("-pk").values("pk")[:1]
    links = IncidentAlert.objects.filter(alert__in=newest).order_by("pk")
    rows = list(lock_incidents(links.values_list("incident_id", flat=True)).values())
    merged = {row.merged_into_id for row in rows if row.merged_into_id} - {row.pk for row in rows}
    rows.extend(lock_incidents(merged).values())
    rows = [row for row in rows if row.status != Status.MERGED]
    return [row for row in rows if Status(row.status) in OPEN] or rows[-1:]
