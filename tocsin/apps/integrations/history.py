"""The event log as happenings: what `replay` plays again, and what a draft of the routes is tried on."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import QuerySet

from tocsin.apps.audit.queries import id_of_cursor
from tocsin.apps.audit.types import Slice
from tocsin.apps.integrations.models import Event
from tocsin.domain.errors import Invalid, NotFound
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.signal import EventAction
from tocsin.domain.simulation import Happening, Resolve, Trigger
from tocsin.ports import registry


def happenings(
    *, actor: Actor, since: datetime, until: datetime, cursor: str | None = None, limit: int = 500
) -> Slice[Happening]:
    """What came in from `since` until before `until`, in the order in which it came. What was set aside, and
    what neither fires nor ends anything, is not in it.
    """
    require(actor, Permission.READ)
    rows = _rows().filter(received_at__gte=since, received_at__lt=until).order_by("id")
    if cursor:
        rows = rows.filter(id__gt=id_of_cursor(cursor))
    found = list(rows[: limit + 1])
    items = tuple(one for row in found[:limit] for one in _happening(row))
    return Slice(items, str(found[limit - 1].pk) if len(found) > limit else None)


def latest(*, actor: Actor, limit: int) -> tuple[Trigger, ...]:
    """The newest events that fire something, the newest first."""
    require(actor, Permission.READ)
    rows = _rows().filter(action=EventAction.TRIGGER).order_by("-id")[:limit]
    return tuple(one for row in rows for one in _happening(row) if isinstance(one, Trigger))


def _rows() -> QuerySet[Event, Event]:
    rows = Event.objects.filter(action__in=(EventAction.TRIGGER, EventAction.RESOLVE), set_aside="")
    return rows.filter(integration__canary=False).select_related("integration")


def _happening(row: Event) -> Iterator[Happening]:
    integration = row.integration
    try:
        source = registry.bound(*((row.kind, {}) if row.kind else (integration.kind, integration.config)))
        signal = source.parse(bytes(row.payload))
    except (Invalid, NotFound):
        return
    if signal.action is EventAction.TRIGGER:
        yield Trigger(row.received_at, integration.name, signal)
    elif signal.action is EventAction.RESOLVE:
        yield Resolve(row.received_at, integration.name, signal.dedup_key)
