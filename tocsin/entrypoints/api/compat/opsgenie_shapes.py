"""What Opsgenie's clients expect to read, made of what there is (opsgenie-oas)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from tocsin.apps.alerts.types import AlertInfo
from tocsin.apps.incidents.types import IncidentDetail, IncidentRow, TimelineInfo
from tocsin.apps.integrations.heartbeat_queries import HeartbeatInfo
from tocsin.apps.integrations.receipts import Received
from tocsin.domain.heartbeat import State
from tocsin.domain.severity import Severity

_TAG: Final = "tag."
_OURS: Final = frozenset({"priority", "entity", "responders"})
_PRIORITIES: Final = {
    Severity.SEV1: "P1",
    Severity.SEV2: "P2",
    Severity.SEV3: "P3",
    Severity.SEV4: "P4",
    None: "P5",
}
# What was asked for → its name in a request's status, and what that status says when it was done.
_DEEDS: Final[Mapping[str, tuple[str, str]]] = {
    "create": ("Create", "Created alert"),
    "close": ("Close", "Closed alert"),
    "delete": ("Delete", "Deleted alert"),
    "acknowledge": ("Acknowledge", "Acknowledged alert"),
    "note": ("AddNote", "Added note"),
    "action": ("ExecuteAction", "Executed action"),
    "message": ("UpdateMessage", "Updated message"),
    "description": ("UpdateDescription", "Updated description"),
    "priority": ("UpdatePriority", "Updated priority"),
    "add_tags": ("AddTags", "Added tags"),
    "remove_tags": ("RemoveTags", "Removed tags"),
    "add_details": ("AddDetails", "Added details"),
    "remove_details": ("RemoveDetails", "Removed details"),
    "ping": ("Ping", "Heartbeat received"),
}


def instant(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z" if moment else None


def alert(info: AlertInfo, integration_id: int, incident: IncidentRow | None) -> dict[str, Any]:
    acknowledged = bool(incident and incident.acknowledged_at)
    snoozed = bool(info.firing and incident and incident.snoozed_until)
    return {
        "id": str(info.id),
        "tinyId": str(info.id),
        "alias": info.dedup_key,
        "message": info.summary,
        "status": "open" if info.firing else "closed",
        "acknowledged": acknowledged and info.firing,
        "isSeen": acknowledged,
        "tags": sorted(name[len(_TAG) :] for name in info.labels if name.startswith(_TAG)),
        "snoozed": snoozed,
        **({"snoozedUntil": instant(incident.snoozed_until)} if snoozed and incident else {}),
        "count": info.count,
        "lastOccurredAt": instant(info.last_seen_at),
        "createdAt": instant(info.first_seen_at),
        "updatedAt": instant(info.last_seen_at),
        "source": info.source,
        "owner": (incident.acknowledged_by or "") if incident else "",
        "priority": info.labels.get("priority") or _PRIORITIES[info.severity],
        "responders": list(_responders(info.labels.get("responders", ""))),
        "integration": {"id": str(integration_id), "name": info.integration, "type": "API"},
        "report": _report(info, incident),
    }


def whole(info: AlertInfo, integration_id: int, incident: IncidentRow | None) -> dict[str, Any]:
    """One alert by itself says more than one of a list."""
    details = {n: v for n, v in info.labels.items() if n not in _OURS and not n.startswith(_TAG)}
    return {
        **alert(info, integration_id, incident),
        "actions": [],
        "entity": info.labels.get("entity", ""),
        "description": info.annotations.get("description", ""),
        "details": details,
    }


def _responders(label: str) -> Iterable[dict[str, str]]:
    for each in label.split(","):
        kind, _, name = each.partition(":")
        if name:
            yield {"type": kind, "name": name, "id": name}


def _report(info: AlertInfo, incident: IncidentRow | None) -> dict[str, Any]:
    """Times are milliseconds since the alert came."""
    report: dict[str, Any] = {}
    if incident and incident.acknowledged_at:
        report["ackTime"] = _since(info.first_seen_at, incident.acknowledged_at)
        report["acknowledgedBy"] = incident.acknowledged_by or ""
    if info.resolved_at:
        report["closeTime"] = _since(info.first_seen_at, info.resolved_at)
        report["closedBy"] = info.integration
    return report


def _since(start: datetime, end: datetime) -> int:
    return max(0, int((end - start).total_seconds() * 1000))


def note(entry: TimelineInfo) -> dict[str, Any]:
    said = {"note": entry.text, "owner": entry.actor_label}
    return {**said, "createdAt": instant(entry.occurred_at), "offset": str(entry.id)}


def recipients(incident: IncidentDetail) -> list[dict[str, Any]]:
    """Those who are called for it now, and those who have it."""
    has_it = set(incident.responders)
    return [
        {
            "user": {"id": email, "username": email, "fullName": email},
            "state": "acked" if email in has_it else "notified",
            "method": "",
            "createdAt": instant(incident.detected_at),
            "updatedAt": instant(incident.acknowledged_at or incident.detected_at),
        }
        for email in dict.fromkeys((*incident.assigned, *incident.responders))
    ]


def log(entry: TimelineInfo) -> dict[str, Any]:
    kind = "system" if entry.actor_kind == "system" else "alertRecipient"
    said = {"log": entry.text, "type": kind, "owner": entry.actor_label}
    return {**said, "createdAt": instant(entry.occurred_at), "offset": str(entry.id)}


def request_status(found: Received, integration_id: int, of: AlertInfo | None) -> dict[str, Any]:
    kept = msgspec.json.decode(found.payload)
    kept = kept if isinstance(kept, dict) else {}
    deed = str(kept.get("do", "create"))
    said = kept.get("body")
    asked_for = str(said.get("deed", "Update")) if isinstance(said, dict) else "Update"
    action, status = _DEEDS.get(deed, (asked_for, "Processed"))
    done = not found.set_aside and (of is not None or deed == "ping")
    return {
        "success": done,
        "isSuccess": done,
        "action": action,
        "processedAt": instant(found.processed_at),
        "integrationId": str(integration_id),
        "status": status if done else found.set_aside or "Alert does not exist",
        "alertId": str(of.id) if of and done else "",
        "alias": found.dedup_key if done else "",
    }


def heartbeat(info: HeartbeatInfo) -> dict[str, Any]:
    minutes = int(info.every.total_seconds() // 60) if info.every else 0
    unit, size = next((u, s) for u, s in (("days", 1440), ("hours", 60), ("minutes", 1)) if minutes % s == 0)
    return {
        **heartbeat_meta(info),
        "description": info.description,
        "interval": max(1, minutes // size),
        "intervalUnit": unit,
        "lastPingTime": instant(info.last_at),
        "alertMessage": info.summary or f"{info.name} is expired",
        "alertTags": sorted(name[len(_TAG) :] for name in info.labels if name.startswith(_TAG)),
        "alertPriority": info.labels.get("priority", "P3"),
    }


def heartbeat_meta(info: HeartbeatInfo) -> dict[str, Any]:
    return {"name": info.name, "enabled": info.enabled, "expired": info.state is State.DOWN}
