"""Happenings as plain JSON values, a line each: what `simulate` and `replay` read and the server gives."""

from datetime import UTC, datetime
from typing import Any

from tocsin.domain.signal import Signal
from tocsin.domain.simulation.model import Acknowledge, Happening, Resolve, SetSeverity, Trigger


def row_of(event: Happening) -> dict[str, Any]:
    at = {"at": iso(event.at)}
    match event:
        case Trigger():
            return {**at, "integration": event.integration, "trigger": trigger_row(event.signal)}
        case Resolve():
            return {**at, "integration": event.integration, "resolve": event.dedup_key}
        case Acknowledge():
            return {**at, "acknowledge": event.dedup_key, "by": event.by}
        case SetSeverity():
            return {**at, "severity": str(event.severity), "of": event.dedup_key}


def trigger_row(signal: Signal) -> dict[str, Any]:
    """Only what was said."""
    row = {
        "dedup_key": signal.dedup_key,
        "summary": signal.summary,
        "severity": signal.severity,
        "source": signal.source,
        "group_key": signal.group_key,
        "labels": dict(signal.labels),
        "details": dict(signal.details),
    }
    return {name: value for name, value in row.items() if value}


def iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
