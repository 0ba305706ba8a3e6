"""Silences, maintenance windows, inhibitions, storm mode and heartbeats: between what files say and the apps
that own them.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from tocsin.apps.alerts import actions as alerts
from tocsin.apps.alerts import suppressing
from tocsin.apps.alerts.models import Silence as SilenceRow
from tocsin.apps.alerts.models import SuppressionRules
from tocsin.apps.alerts.types import SilenceSpec
from tocsin.apps.integrations import heartbeat_actions
from tocsin.apps.integrations.heartbeat_queries import HeartbeatSpec
from tocsin.apps.integrations.models import Heartbeat as HeartbeatRow
from tocsin.domain.configuration.beats import Heartbeat
from tocsin.domain.configuration.model import Integration, Organisation, Silence
from tocsin.domain.configuration.quiet import inhibitions_form, storm_form
from tocsin.domain.permissions import Actor
from tocsin.domain.routing import parse_matcher
from tocsin.domain.suppression import Inhibition, SilenceKind, Storm
from tocsin.domain.time import zone_or_utc

# By top-level key.
KINDS: Final = {"silences": SilenceKind.SILENCE, "maintenance": SilenceKind.MAINTENANCE}


def silences(key: str) -> dict[str, Silence]:
    """Those that files made and that were not ended: what people make has no name, and is not a file's."""
    rows = SilenceRow.objects.filter(kind=KINDS[key], from_file=True, ended_at=None)
    return {
        row.name: Silence(
            row.name,
            row.starts_at,
            row.ends_at,
            tuple(parse_matcher(text) for text in row.matchers),
            tuple(row.services),
            row.rrule,
            zone_or_utc(row.zone),
            row.comment,
            row.notice,
        )
        for row in rows.order_by("name")
    }


def save_silence(*, actor: Actor, key: str, silence: Silence, now: datetime) -> None:
    spec = SilenceSpec(
        matchers=tuple(str(matcher) for matcher in silence.matchers),
        starts_at=silence.start,
        ends_at=silence.end,
        comment=silence.comment,
        kind=str(KINDS[key]),
        services=silence.services,
        rrule=silence.rrule,
        zone=silence.zone.key,
        name=silence.name,
        notice=silence.notice,
    )
    alerts.save_silence(actor=actor, spec=spec, now=now, from_file=True)


def remove_silence(*, actor: Actor, key: str, name: str, now: datetime) -> None:
    """It ends now, and is no file's any more; what it did stays on record."""
    rows = SilenceRow.objects.filter(kind=KINDS[key], name=name, from_file=True)
    for uid in rows.values_list("uid", flat=True):
        alerts.expire_silence(actor=actor, uid=str(uid), now=now, from_file=True)
    rows.update(from_file=False)


def suppression() -> tuple[tuple[Inhibition, ...], Storm | None]:
    row = SuppressionRules.objects.order_by("pk").first()
    definition = row.definition if row else {}
    return suppressing.inhibitions_of(definition), suppressing.storm_of(definition)


def save_suppression(*, actor: Actor, merged: Organisation, now: datetime) -> None:
    """Inhibitions and storm mode, together: they are one row."""
    definition: dict[str, Any] = {}
    if merged.inhibitions:
        definition["inhibitions"] = inhibitions_form(merged.inhibitions)
    if merged.storm:
        definition["storm"] = storm_form(merged.storm)
    alerts.save_suppression(actor=actor, definition=definition, now=now, from_file=True)
    if not definition:
        SuppressionRules.objects.update(from_file=False)


def with_heartbeats(integrations: dict[str, Integration]) -> dict[str, Integration]:
    """Each with what is expected of it."""
    found: dict[str, list[Heartbeat]] = {}
    rows = HeartbeatRow.objects.filter(integration__canary=False).select_related("integration")
    for row in rows.order_by("integration_id", "id"):
        beat = Heartbeat(
            row.name,
            row.grace,
            row.period,
            row.cron,
            row.zone,
            row.severity,
            row.summary,
            row.description,
            row.labels,
            row.enabled,
        )
        found.setdefault(row.integration.name, []).append(beat)
    return {name: replace(each, heartbeats=tuple(found.get(name, ()))) for name, each in integrations.items()}


def save_heartbeat(*, actor: Actor, wanted: Organisation, path: str, now: datetime) -> None:
    """`path` is the integration's name and the heartbeat's."""
    integration, _, name = path.rpartition("/")
    beats = {beat.name: beat for beat in wanted.integrations[integration].heartbeats}
    beat = beats[name]
    spec = HeartbeatSpec(
        integration,
        name,
        beat.every,
        beat.cron,
        beat.zone,
        beat.grace,
        beat.severity,
        beat.description,
        beat.summary,
        beat.labels,
        beat.enabled,
    )
    heartbeat_actions.save_heartbeat(actor=actor, spec=spec, now=now, from_file=True)


def remove_heartbeat(*, actor: Actor, path: str, now: datetime) -> None:
    integration, _, name = path.rpartition("/")
    for number in HeartbeatRow.objects.filter(integration__name=integration, name=name).values_list(
        "pk", flat=True
    ):
        heartbeat_actions.delete_heartbeat(actor=actor, number=number, now=now, from_file=True)
