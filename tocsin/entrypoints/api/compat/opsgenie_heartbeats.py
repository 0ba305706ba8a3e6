"""Opsgenie's heartbeats: those of the key's own integration."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from tocsin.apps.integrations import heartbeat_actions as actions
from tocsin.apps.integrations import heartbeat_queries as queries
from tocsin.apps.integrations.heartbeat_queries import HeartbeatInfo, HeartbeatSpec
from tocsin.apps.integrations.types import IntegrationInfo
from tocsin.domain import shape
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound
from tocsin.domain.permissions import Actor, ActorKind, Role
from tocsin.entrypoints.api.compat import opsgenie_shapes
from tocsin.ports.source import Asked

_any: Final = msgspec.json.Decoder(dict[str, Any])
_UNITS: Final[Mapping[str, timedelta]] = {
    "minutes": timedelta(minutes=1),
    "hours": timedelta(hours=1),
    "days": timedelta(days=1),
}
_SEVERITIES: Final[Mapping[str, str]] = {
    "P1": "SEV2",
    "P2": "SEV2",
    "P3": "SEV3",
    "P4": "SEV4",
    "P5": "SEV4",
}
_LONGEST: Final = 1_000_000


def handle(
    asked: Asked, name: str, do: str, integration: IntegrationInfo, now: datetime
) -> tuple[int, dict[str, Any]]:
    # The key is the right to what is its integration's, and reaches no other.
    actor = Actor(ActorKind.ALERT, integration.name, Role.ADMIN)
    rows = {row.name: row for row in queries.all_heartbeats(now, integration=integration.name)}
    if not name:
        return _all(asked, rows, integration, actor, now)
    row = rows.get(name)
    if row is None:
        raise NotFound("heartbeat", name[:200])
    if do and asked.method in {"POST", "GET"}:
        made = actions.pause_heartbeat(actor=actor, number=row.id, now=now, on=do == "enable")
        return 200, {"data": opsgenie_shapes.heartbeat_meta(made)}
    if asked.method == "GET" and not do:
        return 200, {"data": opsgenie_shapes.heartbeat(row)}
    if asked.method in {"PATCH", "PUT"} and not do:
        spec = _spec(_body(asked), integration, row)
        made = _saved(actor, spec, row, now)
        return 200, {"data": opsgenie_shapes.heartbeat_meta(made)}
    if asked.method == "DELETE" and not do:
        actions.delete_heartbeat(actor=actor, number=row.id, now=now)
        return 200, {"result": "Deleted"}
    raise NotFound("deed", f"{asked.method} {do}"[:100])


def _all(
    asked: Asked, rows: Mapping[str, HeartbeatInfo], integration: IntegrationInfo, actor: Actor, now: datetime
) -> tuple[int, dict[str, Any]]:
    if asked.method == "GET":
        return 200, {"data": {"heartbeats": [opsgenie_shapes.heartbeat(row) for row in rows.values()]}}
    if asked.method != "POST":
        raise NotFound("deed", asked.method)
    spec = _spec(_body(asked), integration, None)
    if spec.name in rows:
        raise Conflict(f"Heartbeat with name [{spec.name}] already exists", ())
    made = _saved(actor, spec, None, now)
    return 201, {"data": opsgenie_shapes.heartbeat_meta(made)}


def _saved(actor: Actor, spec: HeartbeatSpec, row: HeartbeatInfo | None, now: datetime) -> HeartbeatInfo:
    made = actions.save_heartbeat(actor=actor, spec=spec, now=now, number=row.id if row else None)
    if made.enabled != spec.enabled:
        made = actions.pause_heartbeat(actor=actor, number=made.id, now=now, on=spec.enabled)
    return made


def _spec(body: Mapping[str, Any], integration: IntegrationInfo, row: HeartbeatInfo | None) -> HeartbeatSpec:
    """What is not said stays as it was."""
    tags = body.get("alertTags")
    labels = dict(row.labels) if row else {}
    if isinstance(tags, list):
        labels = {name: value for name, value in labels.items() if not name.startswith("tag.")}
        labels |= shape.labels_of({f"tag.{tag}": "true" for tag in tags[:20] if isinstance(tag, str) and tag})
    priority = body.get("alertPriority")
    severity = row.severity if row else "SEV3"
    if isinstance(priority, str) and priority in _SEVERITIES:
        labels["priority"], severity = priority, _SEVERITIES[priority]
    owner = body.get("ownerTeam")
    if isinstance(owner, dict) and isinstance(owner.get("name"), str):
        labels |= shape.labels_of({"team": owner["name"]})
    enabled = body.get("enabled")
    return HeartbeatSpec(
        integration=integration.name,
        name=row.name if row else _text(body, "name", 200, ""),
        every=_every(body, row),
        severity=severity,
        description=_text(body, "description", 10_000, row.description if row else ""),
        summary=_text(body, "alertMessage", 255, row.summary if row else ""),
        labels=labels,
        enabled=enabled if isinstance(enabled, bool) else row.enabled if row else True,
    )


def _every(body: Mapping[str, Any], row: HeartbeatInfo | None) -> timedelta:
    if row and row.every and "interval" not in body and "intervalUnit" not in body:
        return row.every
    shown = opsgenie_shapes.heartbeat(row) if row and row.every else {}
    interval = body.get("interval", shown.get("interval"))
    unit = body.get("intervalUnit", shown.get("intervalUnit"))
    if isinstance(interval, bool) or not isinstance(interval, int) or not 1 <= interval <= _LONGEST:
        raise Invalid(FieldError("interval", "Interval must be a number from 1 on."))
    if not isinstance(unit, str) or unit not in _UNITS:
        raise Invalid(FieldError("intervalUnit", "Interval unit must be one of minutes, hours, days."))
    size: timedelta = _UNITS[unit]
    every: timedelta = size * interval
    return every


def _body(asked: Asked) -> dict[str, Any]:
    return shape.read(asked.body, _any)


def _text(body: Mapping[str, Any], name: str, most: int, default: str) -> str:
    given = body.get(name)
    return shape.clean(given, most) if isinstance(given, str) else default
