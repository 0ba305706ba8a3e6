"""One order of locks for all who change incidents: the call-outs first, then the incidents, each by id.

The loop that advances call-outs holds theirs when its news reaches an incident; whoever took the incident
first would wait for it in a circle. Incidents are locked so that rows that refer to them can still be
written (NO KEY).
"""

from collections.abc import Iterable

from tocsin.apps.escalation.models import CallOut
from tocsin.apps.incidents.models import Incident


def lock_incidents(ids: Iterable[int]) -> dict[int, Incident]:
    """By id; those that exist."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    call_outs = CallOut.objects.select_for_update().filter(incident_id__in=wanted).order_by("id")
    list(call_outs.values_list("id", flat=True))
    rows = Incident.everything.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk")
    return {row.pk: row for row in rows}
