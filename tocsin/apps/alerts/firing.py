"""What one integration's alerts look like to tools that know Alertmanager."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tocsin.apps.alerts import silenced
from tocsin.apps.alerts.models import Alert
from tocsin.apps.alerts.types import HoldInfo
from tocsin.domain import prometheus
from tocsin.domain.permissions import Actor, Permission, require

MOST: Final = 20_000


@dataclass(frozen=True)
class Firing:
    """`expires_at` None: until somebody says that it is over. `url` is that of its rule, "" for none."""

    id: int
    fingerprint: str
    service: str
    group_key: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    url: str
    holds: tuple[HoldInfo, ...]


def firing(integration_id: int, *, actor: Actor) -> tuple[Firing, ...]:
    """By fingerprint, `MOST` at most."""
    require(actor, Permission.READ)
    rows = Alert.objects.filter(integration_id=integration_id, status="firing").select_related("service")
    found = list(rows.order_by("-id")[:MOST])
    holds = silenced.holds_of(row.pk for row in found if row.held_since is not None)
    shown = (_shown(row, holds.get(row.pk, ())) for row in found)
    return tuple(sorted(shown, key=lambda each: each.fingerprint))


def _said(row: Alert) -> dict[str, str]:
    """Of an alert that came without annotations: its summary, unless that is only its name again."""
    return {} if row.summary in {"", row.labels.get("alertname")} else {"summary": row.summary}


def _shown(row: Alert, holds: tuple[HoldInfo, ...]) -> Firing:
    labels = row.labels if "alertname" in row.labels else {"alertname": row.summary[:255], **row.labels}
    return Firing(
        id=row.pk,
        fingerprint=row.fingerprint or prometheus.fingerprint(labels),
        service=row.service.name if row.service else "unrouted",
        group_key=row.group_key,
        labels=labels,
        annotations=row.annotations or _said(row),
        starts_at=row.started_at or row.first_seen_at,
        updated_at=row.last_seen_at,
        expires_at=row.expires_at,
        url=next((link["href"] for link in row.links if link.get("text") in {"Source", "Rule"}), ""),
        holds=holds,
    )
