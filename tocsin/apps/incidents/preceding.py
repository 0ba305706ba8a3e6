"""What was changed shortly before an incident, in its service and in what that depends on."""

from tocsin.apps.alerts import change_queries
from tocsin.apps.alerts.change_queries import ChangeInfo
from tocsin.apps.catalog import queries as catalog
from tocsin.apps.incidents import queries
from tocsin.apps.incidents.models import Incident


def changes_before(ref: str) -> tuple[ChangeInfo, ...]:
    """Within a day before it began, the newest first. Raises NotFound."""
    incident = Incident.objects.select_related("service").get(pk=queries.id_of(ref))
    needs = {each.name: each.depends_on for each in catalog.services()}
    seen, todo = {incident.service.name}, [incident.service.name]
    while todo:
        fresh = set(needs.get(todo.pop(), ())) - seen
        seen |= fresh
        todo.extend(fresh)
    return change_queries.before(seen, max(incident.detected_at, incident.started_at or incident.detected_at))
