"""From parsed events to alerts: a batch is decided in memory, then written in a few statements.

What an incident would want to know comes back as happenings, in the order of the events.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from django.db import connection

from tocsin.apps.alerts import expiry, naming, repeats
from tocsin.apps.alerts.directory import Directory
from tocsin.apps.alerts.incoming import Incoming
from tocsin.apps.alerts.models import Alert, Decision
from tocsin.apps.audit.bulk import append_rows, create_rows, update_rows
from tocsin.apps.catalog.types import ServiceInfo
from tocsin.apps.integrations.types import IntegrationInfo
from tocsin.domain import canary, deciding, shape
from tocsin.domain.severity import Severity
from tocsin.domain.signal import EventAction, Signal, believed

_LONGEST_DETAILS: Final = 16_384
FIRING: Final = "firing"
RESOLVED: Final = "resolved"


Placement = deciding.Placement[ServiceInfo]


class What(StrEnum):
    FIRED = "fired"
    CHANGED = "changed"  # a repeat with another severity or other labels
    ACKNOWLEDGED = "acknowledged"
    ENDED = "ended"


@dataclass(frozen=True)
class Happening:
    what: What
    alert: Alert
    at: datetime
    placements: tuple[Placement, ...] = ()
    before: Mapping[int, Severity | None] = field(default_factory=dict)  # of a change: by service


@dataclass(frozen=True)
class Taken:
    """What became of a batch. `counts`: of every key that fires now, its events so far."""

    happenings: list[Happening]
    counts: Mapping[repeats.Key, int]


@dataclass
class _Batch:
    open: dict[tuple[int, str], Alert]
    created: list[Alert] = field(default_factory=list)
    repeated: dict[int, Alert] = field(default_factory=dict)  # rows that were there before, by id
    relabelled: dict[int, Alert] = field(default_factory=dict)
    happenings: list[Happening] = field(default_factory=list)

    def touch(self, alert: Alert, each: "Incoming") -> None:
        if each.signal.unless_heard_since is None:
            alert.count += each.count
            alert.last_seen_at = max(alert.last_seen_at, each.received_at)
        if alert.pk is not None:
            self.repeated[alert.pk] = alert


def take_in(incoming: Sequence[Incoming], directory: Directory, now: datetime) -> Taken:
    """Write the alerts of a batch. Events of one key must come in order; the caller holds their lanes."""
    incoming = naming.named(incoming, directory, now)
    known = repeats.firing(incoming)
    counted = repeats.counted(incoming, known)
    others = [each for each in incoming if (each.integration.id, each.dedup_key) not in counted]
    batch = _Batch(_open_alerts(pk for key, (pk, _) in known.items() if key not in counted))
    for each in others:
        _take(each, batch, directory, now)
    _update(batch.repeated.values())
    update_rows(batch.relabelled.values(), ["labels", "said", "runbook"])
    create_rows(batch.created)
    return Taken(batch.happenings, counted | {key: alert.count for key, alert in batch.open.items()})


def record(decisions: Iterable[tuple[Alert, str, str, str]], now: datetime) -> None:
    """Keep (alert, stage, outcome, reason) for "why was I (not) paged"."""
    rows = (
        (alert.pk, now, stage, outcome[:255], reason[:1024]) for alert, stage, outcome, reason in decisions
    )
    append_rows(Decision, ("alert_id", "at", "stage", "outcome", "reason"), rows)


def belongs(refs: Mapping[int, str]) -> None:
    """Remember on each alert (by id) the ref of the incident it is in now."""
    if refs:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE alerts_alert a SET incident = v.ref"
                " FROM unnest(%s::bigint[], %s::text[]) AS v(id, ref) WHERE a.id = v.id",
                [list(refs), list(refs.values())],
            )


def place(
    integration: IntegrationInfo, signal: Signal, directory: Directory, now: datetime
) -> tuple[Placement, ...]:
    if integration.canary:
        # No route may send it to people.
        return (_canary(integration, signal, directory, now),)
    return deciding.decide(signal, integration, directory.around, now)


def _canary(integration: IntegrationInfo, signal: Signal, directory: Directory, now: datetime) -> Placement:
    service = directory.service(integration.service, now)
    return Placement(service, canary.SEVERITY, canary.URGENCY, signal.dedup_key, None, (), signal.labels)


def _open_alerts(ids: Iterable[int]) -> dict[tuple[int, str], Alert]:
    """Which are locked already."""
    wanted = sorted(ids)
    if not wanted:
        return {}
    return {(row.integration_id, row.dedup_key): row for row in Alert.objects.filter(pk__in=wanted)}


def _take(each: Incoming, batch: _Batch, directory: Directory, now: datetime) -> None:
    signal, integration = each.signal, each.integration
    key = (integration.id, each.dedup_key)
    alert = batch.open.get(key)
    if signal.action is EventAction.TRIGGER:
        if alert is None:
            _fire(each, batch, directory, now)
        else:
            _repeat(alert, each, batch, directory, now)
    elif alert is not None:  # what never fired can neither be acknowledged nor end
        batch.touch(alert, each)
        if signal.action is EventAction.ACKNOWLEDGE:
            batch.happenings.append(Happening(What.ACKNOWLEDGED, alert, each.received_at))
            return
        if not expiry.ends(alert, signal):
            return
        alert.status = RESOLVED
        alert.resolved_at = each.received_at
        del batch.open[key]
        batch.happenings.append(Happening(What.ENDED, alert, each.received_at))


def _fire(each: Incoming, batch: _Batch, directory: Directory, now: datetime) -> None:
    signal = each.signal
    placements = place(each.integration, signal, directory, now)
    first = placements[0]
    alert = Alert(
        integration_id=each.integration.id,
        dedup_key=each.dedup_key,
        source_key=signal.dedup_key if each.dedup_key != signal.dedup_key else "",
        service_id=first.service.id,
        summary=first.summary or signal.summary or each.dedup_key,
        word=_word(signal),
        said=each.said,
        severity=first.severity or "",
        urgency=first.urgency,
        group_key=first.group_key,
        labels=dict(first.labels),
        annotations=dict(signal.annotations),
        links=[{"href": link.href, "text": link.text} for link in signal.links],
        images=[{"src": one.src, "href": one.href, "alt": one.alt} for one in signal.images],
        details=_kept(signal.details),
        runbook=first.runbook[:2048],
        fingerprint=signal.fingerprint,
        expires_at=signal.expires_at,
        source=signal.source,
        status=FIRING,
        count=each.count,
        started_at=believed(signal.started_at, each.received_at),
        first_seen_at=each.received_at,
        last_seen_at=each.received_at,
    )
    batch.open[each.integration.id, each.dedup_key] = alert
    batch.created.append(alert)
    batch.happenings.append(Happening(What.FIRED, alert, each.received_at, placements))


def _repeat(alert: Alert, each: Incoming, batch: _Batch, directory: Directory, now: datetime) -> None:
    """Cheap, unless the tool now says something else about severity or labels."""
    signal = each.signal
    batch.touch(alert, each)
    expiry.lasts(alert, signal)
    if alert.said == each.said:
        return
    placements = place(each.integration, signal, directory, now)
    before = _severities(alert, each, directory, now)
    alert.word, alert.said = _word(signal), each.said
    alert.labels, alert.runbook = dict(placements[0].labels), placements[0].runbook[:2048]
    alert.severity, alert.urgency = placements[0].severity or "", placements[0].urgency
    if alert.pk in batch.repeated:
        batch.relabelled[alert.pk] = alert
    batch.happenings.append(Happening(What.CHANGED, alert, each.received_at, placements, before))


def _word(signal: Signal) -> str:
    return (signal.severity or "")[:64].replace("\0", "")


def _kept(details: Mapping[str, Any]) -> Any:
    """With the alert unless it is long: the event has it whole."""
    if not details or len(json.dumps(details, default=str)) > _LONGEST_DETAILS:
        return {}
    return shape.storable(details)


def _severities(
    alert: Alert, each: Incoming, directory: Directory, now: datetime
) -> dict[int, Severity | None]:
    """What the alert meant to each service before this repeat."""
    earlier = replace(each.signal, severity=alert.word or None, labels=alert.labels)
    known = {each.service.id: each.severity for each in place(each.integration, earlier, directory, now)}
    # What it was given then, whatever the routes have become since.
    if alert.service_id is not None:
        known[alert.service_id] = Severity(alert.severity) if alert.severity else None
    return known


def _update(changed: Iterable[Alert]) -> None:
    rows = list(changed)
    seen = ("count", "last_seen_at", "expires_at", "stale")
    update_rows([a for a in rows if a.status == FIRING], (*seen, "word", "severity", "urgency"))
    update_rows([a for a in rows if a.status == RESOLVED], (*seen, "status", "resolved_at", "ended_how"))
