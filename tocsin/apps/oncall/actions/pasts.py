"""What rotations and schedules were before, as it is stored."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from tocsin.apps.oncall import queries
from tocsin.apps.oncall.models import FormerSchedule, Rotation, Schedule
from tocsin.domain.configuration.rota import rotation_form, schedule_form
from tocsin.domain.schedule.definition import PastDefinition, PastSchedule, ScheduleDefinition
from tocsin.domain.schedule.revision import left_behind, past_of_schedule


def past_form(past: PastDefinition) -> dict[str, Any]:
    return {
        "definition": rotation_form(replace(past.definition, ring_offset=None)),
        "ring_offset": past.definition.ring_offset or 0,
        "until": past.until.isoformat(),
    }


def keep_past(row: Schedule, wanted: ScheduleDefinition, now: datetime) -> None:
    """Before `row` becomes `wanted`: what it was, or what a rotation of its name implied, is its past."""
    present = queries.schedule_definitions().get(row.name)
    if present is None and Rotation.objects.filter(name=row.name).exists():
        present = queries.implied_schedule(row.name)
    if present is None:
        _revive(row, now)
        return
    pasts = queries.schedule_pasts(row.name).get(row.name, ())
    row.past = [_schedule_form(past) for past in past_of_schedule(present, pasts, wanted, now)]


def _revive(row: Schedule, now: datetime) -> None:
    """A new schedule that has the name of a deleted one takes over its past, and the time without it."""
    former = FormerSchedule.objects.filter(name=row.name).first()
    if former is not None:
        row.past = [*former.past, _schedule_form(PastSchedule(ScheduleDefinition(row.name), now))]
        former.delete()


def bury(name: str, now: datetime) -> None:
    """Before a schedule, or a rotation that is one alone, is deleted: what it was is kept, complete."""
    made = queries.book()
    if name not in made.own_names:
        return
    present = queries.schedule_definitions().get(name) or queries.implied_schedule(name)
    alone = made.alone_since(name)
    pasts = queries.schedule_pasts(name).get(name, ())
    if alone is not None:
        pasts = (PastSchedule(ScheduleDefinition(name), alone),)
    kept = []
    for past in (*pasts, PastSchedule(present, now)):
        rings = {layer.rotation: made.rotations.get(layer.rotation) for layer in past.definition.layers}
        left = {one: left_behind(ring, past.until) for one, ring in rings.items() if ring is not None}
        kept.append(_schedule_form(replace(past, gone={**left, **past.gone})))
    FormerSchedule.objects.update_or_create(name=name, defaults={"past": kept})


def keep_rotation(name: str) -> None:
    """Before a rotation is deleted: what it was stays in the pasts of the schedules that had it."""
    ring = queries.book().rotations.get(name)
    if ring is None:
        return
    for row in Schedule.objects.select_for_update().exclude(past=[]).order_by("pk"):
        pasts = queries.schedule_pasts(row.name).get(row.name, ())
        kept = [
            replace(past, gone={**past.gone, name: left_behind(ring, past.until)})
            if name not in past.gone and any(layer.rotation == name for layer in past.definition.layers)
            else past
            for past in pasts
        ]
        if kept != list(pasts):
            row.past = [_schedule_form(past) for past in kept]
            row.save(update_fields=["past"])


def _schedule_form(past: PastSchedule) -> dict[str, Any]:
    form = {
        "definition": schedule_form(replace(past.definition, overrides=(), team=None)),
        "until": past.until.isoformat(),
    }
    gone = {name: [past_form(one) for one in several] for name, several in past.gone.items()}
    return {**form, "gone": gone} if gone else form
