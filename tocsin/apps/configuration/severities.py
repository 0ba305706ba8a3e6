"""The severity table row by row, because files may say some rows and leave others as people set them."""

from datetime import datetime
from typing import Any

from tocsin.apps.audit.actions import record
from tocsin.apps.escalation.models import SeverityRow
from tocsin.domain.configuration.ladder import severity_form
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.severity import SeverityRow as SeverityValue


def save_severity(*, actor: Actor, row: SeverityValue, now: datetime) -> None:
    require(actor, Permission.CONFIGURE)
    form = severity_form(row)
    name = form.pop("name")
    SeverityRow.objects.update_or_create(name=name, defaults={"definition": form, "from_file": True})
    _record(actor, "severity.changed", name, form, now)


def delete_severity(*, actor: Actor, name: str, now: datetime) -> None:
    """The row is as shipped again."""
    require(actor, Permission.CONFIGURE)
    SeverityRow.objects.filter(name=name).delete()
    _record(actor, "severity.reset", name, {}, now)


def _record(actor: Actor, action: str, name: str, data: dict[str, Any], now: datetime) -> None:
    record(
        actor=actor,
        action=action,
        target_kind="severity",
        target_id=name,
        target_label=name,
        data=data,
        now=now,
    )
