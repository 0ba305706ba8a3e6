"""Changes: deploys, switched flags. They open nothing; they stand on the timelines of what breaks after."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from tocsin.apps.alerts.directory import Directory
from tocsin.apps.alerts.incoming import Incoming
from tocsin.apps.alerts.models import Change
from tocsin.domain import routing, shape
from tocsin.domain.signal import believed, facts

KEPT: Final = timedelta(days=90)
_AHEAD: Final = timedelta(minutes=5)  # clocks differ; what claims to be later than that happened now


def take_changes(incoming: Iterable[Incoming], directory: Directory, now: datetime) -> int:
    """Keep them; one told again by the same key is told anew, not twice. The number taken."""
    taken = 0
    for each in incoming:
        row = _row(each, directory)
        if row.occurred_at > now + _AHEAD:
            row.occurred_at = each.received_at
        known = Change.objects.filter(integration_id=each.integration.id, dedup_key=row.dedup_key)
        row.pk = known.order_by("-pk").values_list("pk", flat=True).first()
        row.save()
        taken += 1
    return taken


def _row(each: Incoming, directory: Directory) -> Change:
    signal = each.signal
    service = directory.services.get(service_of(each, directory) or "")
    return Change(
        integration_id=each.integration.id,
        dedup_key=signal.dedup_key,
        service_id=service.id if service else None,
        summary=signal.summary or signal.dedup_key,
        source=signal.source,
        occurred_at=believed(signal.started_at, each.received_at) or each.received_at,
        received_at=each.received_at,
        labels=dict(signal.labels),
        links=[{"href": link.href, "text": link.text} for link in signal.links],
        details=shape.storable(dict(signal.details)),
    )


def service_of(each: Incoming, directory: Directory) -> str | None:
    """The one that its label `service` names, else where routes would send an alert with these labels."""
    named = each.signal.labels.get("service", "")
    if named in directory.services:
        return named
    reserved = facts(each.signal, integration=each.integration.name, kind=each.integration.kind)
    routed = routing.decide(
        directory.routes, each.signal.labels, default_service=each.integration.service, reserved=reserved
    )
    return routed.service


def forget_changes(*, now: datetime, limit: int = 5000) -> int:
    """Drop those older than 90 days, some at a time. The number dropped."""
    old = Change.objects.filter(occurred_at__lt=now - KEPT).order_by("occurred_at").values("pk")[:limit]
    return Change.objects.filter(pk__in=list(old.values_list("pk", flat=True))).delete()[0]
