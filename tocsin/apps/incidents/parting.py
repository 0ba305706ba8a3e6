"""Alerts that a person took out of an incident, and where they go since: their group no longer takes them
back.

Each such alert is remembered by its integration, its key and the group that it would go to; what it goes to
instead is a group of its own, named after both incidents, so that the split can be undone.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from django.db import transaction

from tocsin.apps.alerts import intake
from tocsin.apps.alerts.intake import Happening
from tocsin.apps.alerts.models import Alert
from tocsin.apps.incidents import actions, changes, queries
from tocsin.apps.incidents.actions.common import Deed, deed
from tocsin.apps.incidents.models import Incident, IncidentAlert, Parting
from tocsin.apps.incidents.surroundings import loudness
from tocsin.apps.incidents.types import IncidentDetail
from tocsin.domain.errors import Conflict, FieldError, Invalid
from tocsin.domain.lifecycle import Status
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.severity import Severity

_SPLIT: Final = "split"


def split(*, actor: Actor, ref: str, alert_ids: Sequence[int], now: datetime) -> IncidentDetail:
    """A new incident of these alerts of `ref`; their repeats go there from now on. Whoever has the old one
    has the new one too; where nobody has it, people are called for the new one as well.
    """
    require(actor, Permission.RESPOND)
    with deed(actor=actor, ref=ref, now=now) as this:
        this.require_open()
        alerts = _chosen(this.incident, alert_ids)
        made = _new(this, alerts)
        _move(this, made, alerts)
        names = ", ".join(alert.summary[:80] for alert in alerts[:3])
        more = f" and {len(alerts) - 3} more" if len(alerts) > 3 else ""  # noqa: PLR2004 - as named above
        this.did("split", "split", f"{actor.label} moved {names}{more} to {made.ref}", into=made.ref)
        this.diary.note(made, "declared", f"Split off {this.incident.ref} by {actor.label}: {made.title}")
        if made.acknowledged_at is None:
            new = Deed(made, actor, now, this.diary, other=made, _around=this.around)
            new.call_out()
    return queries.incident(made.ref, actor=actor)


def came_from(ref: str) -> str:
    """The incident that it was split off, while that can be undone; else nothing."""
    row = Incident.objects.filter(pk=queries.id_of(ref)).first()
    return _origin(row.group_key) if row else ""


def rejoin(*, actor: Actor, ref: str, now: datetime) -> IncidentDetail:
    """Undo a split: the alerts go back to the incident they came from, and so do their repeats."""
    require(actor, Permission.RESPOND)
    row = Incident.objects.filter(pk=queries.id_of(ref)).first()
    came_from = _origin(row.group_key) if row else ""
    if row is None or not came_from:
        raise Conflict(f"{ref} was not split off another incident.")
    with transaction.atomic():
        Parting.objects.filter(own_key=row.group_key).delete()
        return actions.merge(actor=actor, ref=ref, into=came_from, now=now)


def followed(happenings: Sequence[Happening]) -> list[Happening]:
    """The same, with the groups of those that were parted from theirs."""
    keys = {each.alert.dedup_key for each in happenings if each.placements}
    ids = {each.alert.integration_id for each in happenings if each.placements}
    if not keys:
        return list(happenings)
    rows = Parting.objects.filter(integration_id__in=ids, dedup_key__in=keys)
    parted = {(row.integration_id, row.dedup_key, row.group_key): row.own_key for row in rows}
    return [_parted(each, parted) for each in happenings] if parted else list(happenings)


def _parted(happening: Happening, parted: dict[tuple[int, str, str], str]) -> Happening:
    who = (happening.alert.integration_id, happening.alert.dedup_key)
    placements = tuple(
        replace(each, group_key=parted.get((*who, each.group_key), each.group_key))
        for each in happening.placements
    )
    return replace(happening, placements=placements) if placements != happening.placements else happening


def _chosen(incident: Incident, alert_ids: Sequence[int]) -> list[Alert]:
    inside = Alert.objects.filter(incident_links__incident=incident)
    alerts = list(inside.filter(pk__in=list(alert_ids)).order_by("pk"))
    if not alerts or len(alerts) != len(set(alert_ids)):
        raise Invalid(FieldError("alerts", f"expected alerts of {incident.ref}"))
    if inside.count() == len(alerts):
        raise Invalid(FieldError("alerts", "choose some, not all: one alert at least stays"))
    return alerts


def _new(this: Deed, alerts: Sequence[Alert]) -> Incident:
    old, now = this.incident, this.now
    firing = [Severity(each.severity) for each in alerts if each.severity]
    severity = min(firing, default=Severity(old.severity))
    number = changes.numbers(1)[0]
    made = Incident(
        number=number,
        title=alerts[0].summary,
        service_id=old.service_id,
        severity=severity,
        initial_severity=severity,
        peak_severity=severity,
        urgency=old.urgency,
        status=Status.INVESTIGATING,
        group_key=f"{_SPLIT}/{old.ref}/{number}",
        opened_by=changes.BY_ALERT,
        started_at=alerts[0].started_at or alerts[0].first_seen_at,
        detected_at=min(each.first_seen_at for each in alerts),
        declared_at=now,
        acknowledged_at=old.acknowledged_at,
        acknowledged_by_id=old.acknowledged_by_id,
        first_acknowledged_at=old.first_acknowledged_at,
        touched=this.actor.is_person,
    )
    loud = loudness(made, this.around, now)
    made.urgency = loud.urgency
    made.raise_at = loud.raise_at if made.acknowledged_at is None else None
    made.save()
    return made


def _move(this: Deed, made: Incident, alerts: Sequence[Alert]) -> None:
    ids = [each.pk for each in alerts]
    IncidentAlert.objects.filter(incident=this.incident, alert_id__in=ids).update(
        incident=made, joined_at=this.now
    )
    intake.belongs(dict.fromkeys(ids, made.ref))
    for alert in alerts:
        # Split off again, an alert is still looked for by the group that its events have.
        Parting.objects.update_or_create(
            integration_id=alert.integration_id,
            dedup_key=alert.dedup_key,
            group_key=alert.group_key,
            defaults={"own_key": made.group_key, "at": this.now},
        )


def _origin(group_key: str) -> str:
    kind, _, rest = group_key.partition("/")
    return rest.partition("/")[0] if kind == _SPLIT else ""
