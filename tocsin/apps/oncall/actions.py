import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from tocsin.apps.audit.actions import record
from tocsin.apps.identity.models import Team, User
from tocsin.apps.oncall import queries
from tocsin.apps.oncall.models import Override, Rotation, Schedule
from tocsin.apps.oncall.types import OverrideInfo
from tocsin.domain.configuration.rota import LONGEST_OVERRIDE, rotation_form, schedule_form
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.schedule import Origin, OverrideKind, changes_anything
from tocsin.domain.schedule import Override as Change
from tocsin.domain.schedule.definition import (
    DefinitionError,
    OverrideDefinition,
    PastDefinition,
    RotationDefinition,
    ScheduleDefinition,
    make_book,
)
from tocsin.domain.schedule.revision import revise
from tocsin.domain.time import to_instant
from tocsin.lib import bus, pg
from tocsin.ports.events import Going

_LIVE = "tocsin_live"


@transaction.atomic
def save_rotations(
    *, actor: Actor, definitions: Iterable[RotationDefinition], from_file: bool = False, now: datetime
) -> tuple[str, ...]:
    """Make or change rotations together, since one may follow another; the names of those that changed.

    An edit leaves the past as it was and the ring where it is; a changed list of participants holds from the
    next hand-off on. Raises Invalid where the rotations would not be complete.
    """
    require(actor, Permission.CONFIGURE)
    wanted = {definition.name: definition for definition in definitions}
    rows = {row.name: row for row in Rotation.objects.select_for_update()}
    try:
        revision = revise(queries.rotation_definitions(), queries.pasts(), wanted, now)
    except DefinitionError as error:
        raise Invalid(FieldError(f"{error.name}.{error.field}", error.message)) from None
    last = max((row.position for row in rows.values()), default=-1)
    for name, definition in wanted.items():
        row = rows.get(name) or Rotation(name=name, position=last + 1)
        if name not in revision.changed:
            if row.from_file != from_file:
                row.from_file = from_file
                row.save(update_fields=["from_file"])
            continue
        before = row.definition if row.pk else None
        row.definition = rotation_form(replace(definition, ring_offset=None))
        row.ring_offset = revision.definitions[name].ring_offset or 0
        row.past = [_past_form(past) for past in revision.pasts.get(name, ())]
        row.from_file = from_file
        last = max(last, row.position)
        row.save()
        action = "rotation.created" if before is None else "rotation.changed"
        _record(actor, action, "rotation", name, {"from": before, "to": row.definition}, now)
    _tell(revision.changed)
    return revision.changed


def _past_form(past: PastDefinition) -> dict[str, Any]:
    return {
        "definition": rotation_form(replace(past.definition, ring_offset=None)),
        "ring_offset": past.definition.ring_offset or 0,
        "until": past.until.isoformat(),
    }


@transaction.atomic
def delete_rotation(*, actor: Actor, name: str, now: datetime) -> None:
    """Raises Conflict while a schedule, another rotation or a policy needs it."""
    require(actor, Permission.CONFIGURE)
    row = Rotation.objects.select_for_update().filter(name=name).first()
    if row is None:
        raise NotFound("rotation", name)
    rest = queries.rotation_definitions()
    definition = rest.pop(name, None)
    try:
        make_book(rest, queries.schedule_definitions())
    except DefinitionError as error:
        if definition is not None:
            raise Conflict(f"“{name}” is still needed by “{error.name}”.") from None
    if not Schedule.objects.filter(name=name).exists():
        bus.publish(Going("schedule", name))  # the one that the rotation implies
    row.delete()
    _record(actor, "rotation.deleted", "rotation", name, {}, now)
    _tell([name])


@transaction.atomic
def save_schedule(
    *,
    actor: Actor,
    definition: ScheduleDefinition,
    from_file: bool = False,
    now: datetime,
) -> bool:
    """Make or change a schedule; whether anything changed. The overrides of the definition replace those that
    a file made before; what people made is not touched.
    """
    require(actor, Permission.CONFIGURE)
    team = Team.objects.filter(name=definition.team).first() if definition.team else None
    if definition.team and team is None:
        raise Invalid(FieldError("team", f"there is no team “{definition.team}”"))
    try:
        made = make_book(queries.rotation_definitions(), {definition.name: definition})
    except DefinitionError as error:
        raise Invalid(FieldError(error.field, error.message)) from None
    form = schedule_form(replace(definition, overrides=(), team=None))
    row = Schedule.objects.select_for_update().filter(name=definition.name).first()
    before: dict[str, Any] = {}
    if row is None:
        row = Schedule(name=definition.name)
    else:
        before = {**row.definition, "team": row.team.name if row.team else None}
    changed = before != {**form, "team": definition.team}
    if changed or row.from_file != from_file:
        row.definition, row.team, row.from_file = form, team, from_file
        row.save()
    if changed:
        action = "schedule.changed" if before else "schedule.created"
        data = {"from": before, "to": {**form, "team": definition.team}}
        _record(actor, action, "schedule", row.name, data, now)
    if from_file:
        zone = made.schedules[definition.name].zone.key
        changed = _file_overrides(actor, definition, zone, now) or changed
    if changed:
        _tell([row.name])
    return changed


@transaction.atomic
def delete_schedule(*, actor: Actor, name: str, now: datetime) -> None:
    """With the overrides that a file made; people's own stay, for the rotation of that name if there is
    one. Raises Conflict while a policy needs it.
    """
    require(actor, Permission.CONFIGURE)
    row = Schedule.objects.select_for_update().filter(name=name).first()
    if row is None:
        raise NotFound("schedule", name)
    if not Rotation.objects.filter(name=name).exists():
        bus.publish(Going("schedule", name))
    Override.objects.filter(schedule=name, from_file=True).delete()
    row.delete()
    _record(actor, "schedule.deleted", "schedule", name, {}, now)
    _tell([name])


@transaction.atomic
def unlock(*, actor: Actor, kind: str, name: str, now: datetime) -> None:
    """What a file made becomes editable here; the next apply takes it back."""
    require(actor, Permission.CONFIGURE)
    model: type[Rotation | Schedule] = Rotation if kind == "rotation" else Schedule
    if not model.objects.filter(name=name).update(from_file=False):
        raise NotFound(kind, name)
    _record(actor, f"{kind}.unlocked", kind, name, {}, now)


@transaction.atomic
def add_override(*, actor: Actor, schedule: str, change: OverrideDefinition, now: datetime) -> OverrideInfo:
    """Put somebody on call, or take somebody off, for a while. Naive times are in the schedule's zone.

    Raises NotFound, Invalid, and Conflict when it would change nothing.
    """
    row = Schedule.objects.filter(name=schedule).first()
    require(actor, Permission.OVERRIDE, teams=[row.team_id] if row and row.team_id else ())
    made = queries.book(since=now)
    plan = made.schedule(schedule)
    if plan is None:
        raise NotFound("schedule", schedule)
    start = change.start if change.start.tzinfo else to_instant(change.start, plan.zone)
    end = change.end if change.end.tzinfo else to_instant(change.end, plan.zone)
    users = _users(change)
    _check(change, start, end, now)
    value = Change(start, end, change.kind, change.user, change.replaces, Origin.OVERRIDE)
    if not changes_anything(made, plan, value):
        raise Conflict("This override would change nothing: nobody goes on or off call by it.")
    created = Override.objects.create(
        schedule=schedule,
        start=start,
        end=end,
        kind=change.kind,
        user=users.get(change.user or ""),
        replaces=users.get(change.replaces or ""),
        created_at=now,
        created_by=actor.label[:255],
    )
    _record(actor, "override.created", "schedule", schedule, _facts(created), now)
    _tell([schedule])
    return queries.override_of(created)


@transaction.atomic
def remove_override(*, actor: Actor, override_id: int, now: datetime) -> None:
    """Take back an override; one that has begun ends now, so that the past stays as it was."""
    row = (
        Override.objects.select_for_update(of=("self",))
        .select_related("user", "replaces")
        .filter(pk=override_id)
        .first()
    )
    if row is None:
        raise NotFound("override", override_id)
    plan = Schedule.objects.filter(name=row.schedule).first()
    require(actor, Permission.OVERRIDE, teams=[plan.team_id] if plan and plan.team_id else ())
    if row.from_file:
        raise Conflict("This override is kept in a configuration file; remove it there.")
    if row.end <= now:
        raise Conflict("This override is over; the past stays as it was.")
    if row.start <= now:
        row.end = now.replace(second=0, microsecond=0)
    if row.start < row.end <= now:
        row.save(update_fields=["end"])
    else:
        row.delete()
    _record(actor, "override.removed", "schedule", row.schedule, _facts(row), now)
    _tell([row.schedule])


def _check(change: OverrideDefinition, start: datetime, end: datetime, now: datetime) -> None:
    if end <= start:
        raise Invalid(FieldError("end", "expected a time after the start"))
    if end - start > LONGEST_OVERRIDE:
        raise Invalid(FieldError("end", f"expected at most {LONGEST_OVERRIDE.days} days after the start"))
    if end <= now:
        raise Invalid(FieldError("end", "expected a time to come: the past stays as it was"))
    needs_user = change.kind is not OverrideKind.REMOVE
    if needs_user and change.user is None:
        raise Invalid(FieldError("user", "expected who is on call"))
    if not needs_user and change.user is not None:
        raise Invalid(FieldError("user", "a removal puts nobody on call; say in `replaces` who is taken off"))
    if change.replaces is not None and change.kind not in {OverrideKind.REPLACE, OverrideKind.REMOVE}:
        raise Invalid(FieldError("replaces", "goes with the kinds replace and remove"))


def _users(change: OverrideDefinition) -> dict[str, User]:
    emails = {"user": change.user, "replaces": change.replaces}
    rows = {
        row.email: row for row in User.objects.filter(email__in=[email for email in emails.values() if email])
    }
    errors = [
        FieldError(field, f"there is no user “{email}”")
        for field, email in emails.items()
        if email and email not in rows
    ]
    if errors:
        raise Invalid(*errors)
    return rows


def _file_overrides(actor: Actor, definition: ScheduleDefinition, zone: str, now: datetime) -> bool:
    """Make the overrides of the file as listed. The first ones that are as before keep the time of their
    creation, so that what people created after them still wins; from the first difference on they are created
    anew.
    """
    plan = make_book(queries.rotation_definitions(), {definition.name: definition}).schedules[definition.name]
    rows = list(
        Override.objects.filter(schedule=definition.name, from_file=True)
        .select_related("user", "replaces")
        .order_by("position", "id")
    )
    wanted = [(one.start, one.end, str(one.kind), one.user, one.replaces) for one in plan.overrides]
    present = [
        (
            row.start,
            row.end,
            row.kind,
            row.user.email if row.user else None,
            row.replaces.email if row.replaces else None,
        )
        for row in rows
    ]
    same = 0
    while same < min(len(wanted), len(present)) and wanted[same] == present[same]:
        same += 1
    if same == len(wanted) == len(present):
        return False
    Override.objects.filter(pk__in=[row.pk for row in rows[same:]]).delete()
    emails = {email for entry in wanted[same:] for email in entry[3:] if email}
    users = {row.email: row for row in User.objects.filter(email__in=emails)}
    Override.objects.bulk_create(
        Override(
            schedule=definition.name,
            start=start,
            end=end,
            kind=kind,
            user=users[user] if user else None,
            replaces=users[replaces] if replaces else None,
            created_at=now,
            created_by="configuration file",
            from_file=True,
            position=position,
        )
        for position, (start, end, kind, user, replaces) in enumerate(wanted)
        if position >= same
    )
    data = {"removed": len(present) - same, "added": len(wanted) - same, "timezone": zone}
    _record(actor, "overrides.changed", "schedule", definition.name, data, now)
    return True


def _facts(row: Override) -> dict[str, Any]:
    return {
        "start": row.start.isoformat(),
        "end": row.end.isoformat(),
        "kind": str(row.kind),
        "user": row.user.email if row.user else None,
        "replaces": row.replaces.email if row.replaces else None,
    }


def _record(actor: Actor, action: str, kind: str, name: str, data: dict[str, Any], now: datetime) -> None:
    record(
        actor=actor, action=action, target_kind=kind, target_id=name, target_label=name, data=data, now=now
    )


def _tell(names: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        for name in names:
            pg.notify(cursor, _LIVE, json.dumps({"kind": "oncall", "id": name}))
