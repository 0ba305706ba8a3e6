"""What people do to heartbeats."""

from datetime import datetime
from typing import Final

from django.db import transaction

from tocsin.apps.integrations import heartbeats, own
from tocsin.apps.integrations.heartbeat_queries import HeartbeatInfo, HeartbeatSpec, info_of
from tocsin.apps.integrations.models import Heartbeat, Integration
from tocsin.domain import heartbeat, shape
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound
from tocsin.domain.heartbeat import Plan, State
from tocsin.domain.permissions import Actor, Permission, require_owned
from tocsin.domain.severity import Severity

_LONGEST_SUMMARY: Final = 255


@transaction.atomic
def save_heartbeat(
    *, actor: Actor, spec: HeartbeatSpec, now: datetime, number: int | None = None, from_file: bool = False
) -> HeartbeatInfo:
    """Create it, or change the one of that id, or else of that name on its integration. Raises Invalid, and
    Conflict for one a file owns.
    """
    integration = Integration.objects.select_related("service").filter(name=spec.integration).first()
    _require(actor, integration)
    if integration is None:
        raise Invalid(FieldError("integration", f"there is no integration “{spec.integration}”"))
    row = _locked(actor, number) if number is not None else _named(integration, spec.name.strip())
    _not_the_files(row, from_file=from_file)
    plan = _checked(spec)
    name = spec.name.strip()
    if row is not None and (row.name, row.integration_id) != (name, integration.pk):
        if Heartbeat.objects.filter(integration=integration, name=name).exclude(pk=row.pk).exists():
            raise Conflict(f"There is a heartbeat “{name}” already.")
        _over(row, now)
        row.status, row.last_at, row.started_at = State.NEW, None, None
    created = row is None
    row = row or Heartbeat(created_at=now)
    before = None if created else _values(row)
    row.integration, row.name = integration, name
    row.description, row.summary = shape.clean(spec.description, 10_000), spec.summary.replace("\0", "")
    row.period, row.cron, row.zone, row.grace = plan.every, spec.cron.strip(), spec.zone, plan.grace
    row.severity, row.labels, row.from_file = spec.severity, shape.labels_of(dict(spec.labels)), from_file
    if row.enabled and not spec.enabled:
        _over(row, now)
        row.status = State.UP if row.last_at else State.NEW
    row.enabled = spec.enabled
    if before == _values(row):
        return info_of(row, now)
    row.due_at = _due(row, now)
    row.save()
    heartbeats.record("heartbeat.created" if created else "heartbeat.changed", row, now, actor)
    return info_of(row, now)


@transaction.atomic
def pause_heartbeat(*, actor: Actor, number: int, now: datetime, on: bool) -> HeartbeatInfo:
    """Paused, it is not awaited, and an alert of it is over; resumed (`on`), a whole period begins now."""
    row = _locked(actor, number)
    if row.enabled != on:
        if not on:
            _over(row, now)
        row.enabled, row.started_at = on, None
        row.status = State.UP if row.last_at else State.NEW
        row.due_at = heartbeats.plan_of(row).due(now) if on else None
        row.save()
        heartbeats.record("heartbeat.resumed" if on else "heartbeat.paused", row, now, actor)
    return info_of(row, now)


@transaction.atomic
def delete_heartbeat(*, actor: Actor, number: int, now: datetime, from_file: bool = False) -> None:
    """An alert of it is over. One that still sends creates itself anew."""
    row = _locked(actor, number)
    _not_the_files(row, from_file=from_file)
    _over(row, now)
    heartbeats.record("heartbeat.deleted", row, now, actor)
    row.delete()


def _require(actor: Actor, integration: Integration | None) -> None:
    team = integration.service.team_id if integration and integration.service else None
    require_owned(actor, Permission.EDIT_TEAM, (team,))


def _locked(actor: Actor, number: int) -> Heartbeat:
    rows = Heartbeat.objects.select_related("integration__service").select_for_update(of=("self",))
    row = rows.filter(pk=number).first()
    _require(actor, row.integration if row else None)
    if row is None:
        raise NotFound("heartbeat", number)
    return row


def _named(integration: Integration, name: str) -> Heartbeat | None:
    rows = Heartbeat.objects.select_related("integration__service").select_for_update(of=("self",))
    return rows.filter(integration=integration, name=name).first()


def _not_the_files(row: Heartbeat | None, *, from_file: bool) -> None:
    if row is not None and row.from_file and not from_file:
        raise Conflict(f"The heartbeat “{row.name}” comes from a file; change it there or unlock it.")


def _checked(spec: HeartbeatSpec) -> Plan:
    errors = []
    name = spec.name.strip()
    if not name or len(name) > heartbeat.LONGEST_NAME or "/" in name or "\0" in name:
        expected = f"expected 1 to {heartbeat.LONGEST_NAME} characters, without a slash"
        errors.append(FieldError("name", expected))
    if spec.severity and spec.severity not in set(Severity):
        errors.append(FieldError("severity", f"expected one of: {', '.join(Severity)}"))
    if len(spec.summary) > _LONGEST_SUMMARY:
        errors.append(FieldError("summary", f"expected at most {_LONGEST_SUMMARY} characters"))
    try:
        plan = heartbeat.plan_of(spec.every, spec.cron.strip(), spec.zone, spec.grace)
    except Invalid as error:
        raise Invalid(*errors, *error.errors) from None
    if errors:
        raise Invalid(*errors)
    return plan


def _due(row: Heartbeat, now: datetime) -> datetime | None:
    """A plan that is changed begins at once: what would have been due before is not missed now."""
    plan = heartbeats.plan_of(row)
    due = heartbeat.due_at(plan, heartbeats.life_of(row))
    return plan.due(now) if due is not None and due <= now else due


def _over(row: Heartbeat, now: datetime) -> None:
    if row.status == State.DOWN:
        own.resolve(row.integration, heartbeats.key_of(row.name), now=now)


def _values(row: Heartbeat) -> tuple[object, ...]:
    return (
        row.integration_id,
        row.name,
        row.description,
        row.summary,
        row.period,
        row.cron,
        row.zone,
        row.grace,
        row.severity,
        row.labels,
        row.enabled,
        row.from_file,
    )
