"""Heartbeats as the worker keeps them: what was heard, and what was missed. `domain.heartbeat` decides.

A miss is written as an event in the same transaction that takes away `due_at`: it is told once, whoever is
killed when.
"""

from datetime import datetime
from typing import Final

from django.db import transaction

from tocsin.apps.audit import actions as audit
from tocsin.apps.integrations import own
from tocsin.apps.integrations.models import Heartbeat, Integration
from tocsin.domain import heartbeat
from tocsin.domain.heartbeat import Life, Plan, State
from tocsin.domain.permissions import SYSTEM, Actor
from tocsin.domain.signal import Signal
from tocsin.domain.time import format_duration, zone_or_utc
from tocsin.lib.log import Logger

MOST: Final = 1000  # of one integration that create themselves: names may come from anybody who has its key
_AT_ONCE: Final = 200

_log = Logger(__name__)


def heard(integration_id: int, signal: Signal, at: datetime) -> None:
    """A sign of life; a heartbeat that nobody knows creates itself."""
    rows = Heartbeat.objects.select_related("integration").select_for_update(of=("self",))
    row = rows.filter(integration_id=integration_id, name=signal.dedup_key[: heartbeat.LONGEST_NAME]).first()
    if row is None:
        row = _created(integration_id, signal, at)
        if row is None:
            return
    life = life_of(row)
    made = heartbeat.hear(plan_of(row), life, signal.beat, signal.exit_code, at)
    row.last_at, row.started_at = made.last_at, made.started_at
    row.last_run = made.ran or row.last_run
    if signal.exit_code is not None:
        row.exit_code = signal.exit_code
    if row.enabled:
        _become(row, made.due_at, life, signal, at, down=made.down)
    row.save()


def _become(
    row: Heartbeat, due_at: datetime | None, life: Life, signal: Signal, at: datetime, *, down: bool
) -> None:
    row.due_at = due_at
    if heartbeat.failed(signal.beat, signal.exit_code):
        code = f" with exit code {signal.exit_code}" if signal.exit_code else ""
        _alert(row, f"{row.name} failed{code}", at, note=signal.note)
    elif life.down and not down:
        own.resolve(row.integration, key_of(row.name), now=at)
    row.status = State.DOWN if down else State.UP


def look_for_missing(now: datetime) -> int:
    """Heartbeats that were due and were not heard of become alerts. The number of them."""
    with transaction.atomic():
        rows = Heartbeat.objects.select_related("integration").filter(due_at__lte=now, enabled=True)
        missed = list(rows.order_by("due_at").select_for_update(of=("self",), skip_locked=True)[:_AT_ONCE])
        for row in missed:
            _alert(row, _missed(row), now)
            row.status, row.due_at, row.started_at = State.DOWN, None, None
            row.save(update_fields=["status", "due_at", "started_at"])
    return len(missed)


def key_of(name: str) -> str:
    """The dedup key of the alert that stands for one that is down."""
    return f"heartbeat:{name}"


def plan_of(row: Heartbeat) -> Plan:
    return Plan(row.period, row.cron, zone_or_utc(row.zone), row.grace)


def life_of(row: Heartbeat) -> Life:
    down = row.status == State.DOWN
    return Life(row.created_at, row.last_at, row.started_at, down=down, enabled=row.enabled)


def _alert(row: Heartbeat, what: str, now: datetime, note: str = "") -> None:
    own.trigger(
        row.integration,
        key_of(row.name),
        row.summary or what,
        now=now,
        severity=row.severity,
        labels={**row.labels, "heartbeat": row.name},
        note="\n\n".join(text for text in (what if row.summary else "", row.description, note) if text),
    )


def _missed(row: Heartbeat) -> str:
    plan = plan_of(row)
    if row.started_at is not None:
        since = f"{row.started_at:%Y-%m-%d %H:%M} UTC"
        return f"{row.name} began at {since} and has not ended within {format_duration(plan.grace)}"
    last = f"last heard of at {row.last_at:%Y-%m-%d %H:%M} UTC" if row.last_at else "never heard of"
    return f"{row.name} is not heard of: expected {plan}; {last}"


def _created(integration_id: int, signal: Signal, at: datetime) -> Heartbeat | None:
    # The integration's row keeps two that come at once from passing the limit together.
    integration = Integration.objects.select_for_update(no_key=True).filter(pk=integration_id).first()
    if integration is None or integration.heartbeats.count() >= MOST:
        _log.warning("a heartbeat was not created", integration=integration_id, name=signal.dedup_key)
        return None
    plan = heartbeat.plan_of(signal.every or heartbeat.PERIOD, "", "UTC", None)
    row = Heartbeat.objects.create(
        integration=integration,
        name=signal.dedup_key[: heartbeat.LONGEST_NAME],
        period=plan.every,
        grace=plan.grace,
        summary=signal.summary[:255],
        labels=dict(signal.labels),
        created_at=at,
    )
    record("heartbeat.created", row, at)
    return row


def record(action: str, row: Heartbeat, now: datetime, actor: Actor = SYSTEM) -> None:
    audit.record(
        actor=actor,
        action=action,
        target_kind="heartbeat",
        target_id=row.pk,
        target_label=f"{row.integration.name}: {row.name}",
        now=now,
    )
