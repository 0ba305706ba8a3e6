from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from tocsin.apps.alerts.change_queries import ChangeInfo, change
from tocsin.apps.alerts.models import Change
from tocsin.apps.audit import actions as audit
from tocsin.apps.catalog.models import Service
from tocsin.apps.integrations.models import Integration
from tocsin.domain import shape
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.lib import ids

_LONGEST: Final = 1024
_AHEAD: Final = timedelta(minutes=5)


@dataclass(frozen=True)
class ChangeSpec:
    """`integration`: in whose name it stands. `key`: told again with it, it is told anew, not twice."""

    integration: str
    summary: str
    service: str | None = None
    source: str = ""
    occurred_at: datetime | None = None
    key: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    links: tuple[str, ...] = ()


@transaction.atomic
def record_change(*, actor: Actor, spec: ChangeSpec, now: datetime) -> ChangeInfo:
    """What was deployed or switched, told by a person or a script. Raises Invalid."""
    require(actor, Permission.RESPOND)
    integration = Integration.objects.filter(name=spec.integration).first()
    service = Service.objects.filter(name=spec.service).first() if spec.service else None
    _check(spec, integration, service, now)
    row = Change(integration=integration, dedup_key=spec.key or ids.new_id(), service=service)
    known = Change.objects.filter(integration=integration, dedup_key=row.dedup_key)
    row.pk = known.order_by("-pk").values_list("pk", flat=True).first()
    row.summary = shape.clean(spec.summary.strip(), _LONGEST)
    row.source = shape.clean(spec.source or actor.label, 512)
    row.occurred_at, row.received_at = spec.occurred_at or now, now
    row.labels = shape.labels_of(dict(spec.labels))
    row.links = [{"href": href, "text": ""} for href in spec.links]
    row.save()
    audit.record(
        actor=actor,
        action="change.recorded",
        target_kind="change",
        target_id=row.pk,
        target_label=row.summary,
        now=now,
    )
    made = change(row.pk)
    assert made is not None  # noqa: S101 - it has just been saved
    return made


def _check(spec: ChangeSpec, integration: Integration | None, service: Service | None, now: datetime) -> None:
    errors = []
    if integration is None:
        errors.append(FieldError("integration", f"there is no integration “{spec.integration}”"))
    if spec.service and service is None:
        errors.append(FieldError("service", f"there is no service “{spec.service}”"))
    if not spec.summary.strip():
        errors.append(FieldError("summary", "is required"))
    if spec.occurred_at is not None and spec.occurred_at > now + _AHEAD:
        errors.append(FieldError("occurred_at", "lies in the future"))
    if len(spec.key) > shape.MAX_DEDUP_KEY or "\0" in spec.key:
        errors.append(FieldError("key", f"expected at most {shape.MAX_DEDUP_KEY} characters, no NUL"))
    if any(not href.startswith(("http://", "https://")) for href in spec.links):
        errors.append(FieldError("links", "expected addresses that begin with https:// or http://"))
    if errors:
        raise Invalid(*errors)
