"""The moves of an incident, in memory: each changes the row and says what belongs on the timeline. Writing
is apart, so that a batch of alerts and a person's single action share one truth.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import connection

from tocsin.apps.audit.bulk import append_rows
from tocsin.apps.incidents import updates
from tocsin.apps.incidents.models import Incident, TimelineEntry
from tocsin.domain.joining import HOLD
from tocsin.domain.lifecycle import Status, shown_as
from tocsin.domain.permissions import Actor, ActorKind, Role
from tocsin.domain.severity import Severity, Urgency
from tocsin.lib import bus
from tocsin.ports.events import IncidentChanged

BY_ALERT: Final = "alert"
BY_PERSON: Final = "person"


_COLUMNS: Final = (
    "incident_id", "occurred_at", "recorded_at", "kind", "actor_kind", "actor_label", "text", "data"
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    actor: Actor
    incident: Incident
    kind: str
    text: str
    data: dict[str, Any]
    at: datetime


@dataclass
class Diary:
    """What is to be written beside the rows, in order; `actor` is who does what is noted next."""

    actor: Actor
    now: datetime
    entries: list["Entry"] = field(default_factory=list)

    def note(
        self,
        incident: Incident,
        kind: str,
        text: str,
        data: dict[str, Any] | None = None,
        at: datetime | None = None,
    ) -> None:
        self.entries.append(Entry(self.actor, incident, kind, text, data or {}, at or self.now))

    def write(self) -> None:
        """Timeline, live pages and the bus; the incidents must be saved. Of the canary nothing is told."""
        self.entries = [entry for entry in self.entries if not entry.incident.canary]
        append_rows(TimelineEntry, _COLUMNS, (_row_of(entry, self.now) for entry in self.entries))
        updates.keep(
            updates.Fact(
                entry.incident, entry.kind, entry.text, entry.data, entry.at, entry.actor.email or ""
            )
            for entry in self.entries
        )
        announce({entry.incident.ref: _state_of(entry.incident, self.now) for entry in self.entries})
        for entry in self.entries:
            incident = entry.incident
            bus.publish(IncidentChanged(incident.pk, incident.ref, entry.at, entry.kind, entry.actor))


def _row_of(entry: Entry, now: datetime) -> tuple[object, ...]:
    who, text = entry.actor, entry.text.replace("\0", "")
    said = (who.kind.value, who.label[:255], text, json.dumps(entry.data))
    return (entry.incident.pk, entry.at, now, entry.kind, *said)


def _state_of(incident: Incident, now: datetime) -> str:
    snoozed = incident.snoozed_until is not None and incident.snoozed_until > now
    acknowledged = incident.acknowledged_at is not None
    return shown_as(Status(incident.status), acknowledged=acknowledged, snoozed=snoozed)


def announce(states: Mapping[str, str]) -> None:
    """Name the incidents to live pages, each with its state, once the transaction commits."""
    payloads = [
        json.dumps({"kind": "incident", "id": ref, "state": state}) for ref, state in sorted(states.items())
    ]
    if payloads:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify('tocsin_live', p) FROM unnest(%s::text[]) AS p", [payloads])


def alert_actor(integration: str) -> Actor:
    return Actor(ActorKind.ALERT, integration, Role.RESPONDER)


def numbers(count: int) -> Sequence[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('incidents_number') FROM generate_series(1, %s)", [count])
        return [row[0] for row in cursor.fetchall()]


def set_severity(
    incident: Incident,
    severity: Severity,
    urgency: Urgency,
    diary: Diary,
    why: str,
    *,
    raise_at: datetime | None,
) -> bool:
    """True when it was raised: then an acknowledgement given before is void, and a snooze is over.

    `raise_at`: when this urgency becomes high, unless somebody has it.
    """
    before = Severity(incident.severity)
    raised = severity.worse_than(before)
    incident.severity, incident.urgency = severity, urgency
    if severity.worse_than(Severity(incident.peak_severity)):
        incident.peak_severity = severity
    text = f"Severity {'raised' if raised else 'lowered'} from {before} to {severity}: {why}"
    diary.note(incident, "severity_changed", text, {"from": before, "to": severity})
    if raised:
        unacknowledge(incident)
        incident.snoozed_until = None
    incident.raise_at = raise_at if incident.acknowledged_at is None else None
    return raised


def unacknowledge(incident: Incident) -> None:
    incident.acknowledged_at = None
    incident.acknowledged_by_id = None
    incident.joined_told = False


def acknowledge(incident: Incident, user_id: int | None, at: datetime) -> None:
    incident.acknowledged_at = at
    incident.acknowledged_by_id = user_id
    incident.first_acknowledged_at = incident.first_acknowledged_at or at
    incident.joined_told = False
    incident.snoozed_until = None
    incident.raise_at = None


def resolve(
    incident: Incident, *, how: str, user_id: int | None, now: datetime, still_firing: bool = False
) -> None:
    incident.status = Status.RESOLVED
    incident.resolved_at, incident.resolved_how, incident.resolved_by_id = now, how, user_id
    incident.mitigated_at = incident.mitigated_at or now
    incident.snoozed_until = None
    incident.suppressed_by = ""
    incident.raise_at = None
    incident.held_until = now + HOLD if still_firing else None


def reopen(incident: Incident) -> None:
    """Acknowledgement cleared; the first one is kept for the metrics."""
    incident.status = Status.INVESTIGATING
    incident.resolved_at = incident.resolved_by_id = incident.closed_at = incident.held_until = None
    incident.mitigated_at = None
    incident.resolved_how = incident.suppressed_by = ""
    incident.reopen_count += 1
    unacknowledge(incident)
