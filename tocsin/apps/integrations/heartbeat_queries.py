from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import QuerySet

from tocsin.apps.integrations import heartbeats
from tocsin.apps.integrations.models import Heartbeat
from tocsin.domain import heartbeat
from tocsin.domain.heartbeat import State


@dataclass(frozen=True)
class HeartbeatSpec:
    """`every` or `cron`; `grace` None: a tenth of the period, from a minute to an hour. `severity` "": as
    the service says.
    """

    integration: str
    name: str
    every: timedelta | None = None
    cron: str = ""
    zone: str = "UTC"
    grace: timedelta | None = None
    severity: str = ""
    description: str = ""
    summary: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    enabled: bool = True


@dataclass(frozen=True)
class HeartbeatInfo:
    """`expected_at`: when it is to be heard next; `down_at`: when it is down unless it is heard of. Both are
    None while nothing is awaited. `key` is the integration's: a secret.
    """

    id: int
    integration: str
    key: str
    service: str | None
    team_id: int | None
    name: str
    description: str
    every: timedelta | None
    cron: str
    zone: str
    grace: timedelta
    severity: str
    summary: str
    labels: Mapping[str, str]
    enabled: bool
    state: State
    last_at: datetime | None
    started_at: datetime | None
    last_run: timedelta | None
    exit_code: int | None
    expected_at: datetime | None
    down_at: datetime | None
    created_at: datetime
    from_file: bool


def all_heartbeats(
    now: datetime, *, integration: str = "", state: str = "", search: str = ""
) -> tuple[HeartbeatInfo, ...]:
    """By name. The state is reckoned from the time, so it is sought here rather than in the table."""
    rows = _rows()
    if integration:
        rows = rows.filter(integration__name=integration)
    if search:
        rows = rows.filter(name__icontains=search)
    found = (info_of(row, now) for row in rows.order_by("name", "pk"))
    return tuple(each for each in found if not state or each.state == state)


def by_id(number: int, now: datetime) -> HeartbeatInfo | None:
    row = _rows().filter(pk=number).first()
    return info_of(row, now) if row else None


def info_of(row: Heartbeat, now: datetime) -> HeartbeatInfo:
    plan, life = heartbeats.plan_of(row), heartbeats.life_of(row)
    service = row.integration.service
    return HeartbeatInfo(
        id=row.pk,
        integration=row.integration.name,
        key=row.integration.key,
        service=service.name if service else None,
        team_id=service.team_id if service else None,
        name=row.name,
        description=row.description,
        every=row.period,
        cron=row.cron,
        zone=row.zone,
        grace=row.grace,
        severity=row.severity,
        summary=row.summary,
        labels=dict(row.labels),
        enabled=row.enabled,
        state=heartbeat.state(plan, life, now),
        last_at=row.last_at,
        started_at=row.started_at,
        last_run=row.last_run,
        exit_code=row.exit_code,
        expected_at=plan.expected(life.since) if row.due_at else None,
        down_at=row.due_at,
        created_at=row.created_at,
        from_file=row.from_file,
    )


def _rows() -> QuerySet[Heartbeat, Heartbeat]:
    return Heartbeat.objects.select_related("integration__service").exclude(integration__canary=True)
