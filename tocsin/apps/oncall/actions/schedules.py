from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction

from tocsin.apps.identity.models import Team, User
from tocsin.apps.oncall import queries
from tocsin.apps.oncall.actions.common import one_at_a_time, record, tell, watching
from tocsin.apps.oncall.actions.owners import owners_of_rotations
from tocsin.apps.oncall.actions.pasts import bury, keep_past
from tocsin.apps.oncall.models import Override, Rotation, Schedule
from tocsin.domain.configuration.rota import schedule_form
from tocsin.domain.errors import FieldError, Invalid, NotFound
from tocsin.domain.permissions import Actor, Permission, require, require_owned
from tocsin.domain.schedule.definition import (
    DefinitionError,
    ScheduleDefinition,
    make_book,
)
from tocsin.lib import bus
from tocsin.ports.events import Going

_Entry = tuple[datetime, datetime, str, str | None, str | None]


@transaction.atomic
def save_schedule(
    *,
    actor: Actor,
    definition: ScheduleDefinition,
    from_file: bool = False,
    check: Callable[[], None] = lambda: None,
    now: datetime,
) -> bool:
    """Make or change a schedule; whether anything changed. The overrides of the definition replace those that
    a file made before; what people made is not touched. A team's admin may save what the team owns.
    `check` raises what keeps it from being saved; nobody else saves meanwhile.
    """
    one_at_a_time()
    team = Team.objects.filter(name=definition.team).first() if definition.team else None
    row = Schedule.objects.select_for_update().filter(name=definition.name).first()
    require_owned(actor, Permission.EDIT_TEAM, [*_owners(definition.name, row), team.pk if team else None])
    check()
    if definition.team and team is None:
        raise Invalid(FieldError("team", f"there is no team “{definition.team}”"))
    try:
        made = make_book(queries.rotation_definitions(), {definition.name: definition})
    except DefinitionError as error:
        raise Invalid(FieldError(error.field, error.message)) from None
    form = schedule_form(replace(definition, overrides=(), team=None))
    before: dict[str, Any] = {}
    if row is None:
        row = Schedule(name=definition.name)
    else:
        before = {**row.definition, "team": row.team.name if row.team else None}
    changed = before != {**form, "team": definition.team}
    with watching(actor, [row.name], now, f"schedule “{row.name}” was changed"):
        if changed or row.from_file != from_file:
            keep_past(row, definition, now)
            row.definition, row.team, row.from_file = form, team, from_file
            row.save()
        if changed:
            action = "schedule.changed" if before else "schedule.created"
            data = {"from": before, "to": {**form, "team": definition.team}}
            record(actor, action, "schedule", row.name, data, now)
        if from_file:
            zone = made.schedules[definition.name].zone.key
            # Of a schedule that is new there is nothing to keep as it was.
            starts = [one.start for one in made.schedules[definition.name].overrides]
            since = now if before else min([now, *starts])
            changed = _file_overrides(actor, definition, zone, now, since) or changed
    if changed:
        tell([row.name])
    return changed


def _owners(name: str, row: Schedule | None) -> list[int | None]:
    """The teams whose schedule it is now; of one that only a rotation implies, whose rotation it is."""
    if row is not None:
        return [row.team_id]
    return owners_of_rotations([name]) if Rotation.objects.filter(name=name).exists() else []


@transaction.atomic
def delete_schedule(*, actor: Actor, name: str, now: datetime) -> None:
    """With the overrides that a file made; people's own stay, for the rotation of that name if there is
    one. Raises Conflict while a policy needs it.
    """
    one_at_a_time()
    row = Schedule.objects.select_for_update().filter(name=name).first()
    require_owned(actor, Permission.EDIT_TEAM, [row.team_id if row else None])
    if row is None:
        raise NotFound("schedule", name)
    if not Rotation.objects.filter(name=name).exists():
        bus.publish(Going("schedule", name))
    with watching(actor, [name], now, f"schedule “{name}” was deleted"):
        if not Rotation.objects.filter(name=name).exists():
            bury(name, now)
        _drop(list(Override.objects.filter(schedule=name, from_file=True)), now)
        row.delete()
        record(actor, "schedule.deleted", "schedule", name, {}, now)
    tell([name])


@transaction.atomic
def unlock(*, actor: Actor, kind: str, name: str, now: datetime) -> None:
    """What a file made becomes editable here; the next apply takes it back."""
    require(actor, Permission.CONFIGURE)
    model: type[Rotation | Schedule] = Rotation if kind == "rotation" else Schedule
    if not model.objects.filter(name=name).update(from_file=False):
        raise NotFound(kind, name)
    record(actor, f"{kind}.unlocked", kind, name, {}, now)


def _file_overrides(
    actor: Actor, definition: ScheduleDefinition, zone: str, now: datetime, since: datetime
) -> bool:
    """Make the overrides of the file as listed. The first ones that are as before keep the time of their
    creation, so that what people created after them still wins; from the first difference on they are created
    anew, `since` then. What is past stays, listed or not.
    """
    plan = make_book(queries.rotation_definitions(), {definition.name: definition}).schedules[definition.name]
    rows = list(
        Override.objects.filter(schedule=definition.name, from_file=True)
        .select_related("user", "replaces")
        .order_by("position", "id")
    )
    wanted = [(one.start, one.end, str(one.kind), one.user, one.replaces) for one in plan.overrides]
    if wanted == [_entry(row) for row in rows]:
        return False
    over = {_entry(row): row for row in rows if row.end <= now and _entry(row) in wanted}
    present = [row for row in rows if row not in over.values()]
    listed = [(position, entry) for position, entry in enumerate(wanted) if entry not in over]
    same = 0
    while same < min(len(listed), len(present)) and listed[same][1] == _entry(present[same]):
        present[same].position = listed[same][0]
        same += 1
    for entry, row in over.items():
        row.position = wanted.index(entry)
    Override.objects.bulk_update([*over.values(), *present[:same]], ["position"])
    _drop(present[same:], now)
    emails = {email for _, entry in listed[same:] for email in entry[3:] if email}
    users = {row.email: row for row in User.objects.filter(email__in=emails)}
    Override.objects.bulk_create(
        Override(
            schedule=definition.name,
            start=start,
            end=end,
            kind=kind,
            user=users[user] if user else None,
            replaces=users[replaces] if replaces else None,
            created_at=since,
            created_by="configuration file",
            from_file=True,
            position=position,
        )
        for position, (start, end, kind, user, replaces) in listed[same:]
    )
    data = {"removed": len(present) - same, "added": len(listed) - same, "timezone": zone}
    record(actor, "overrides.changed", "schedule", definition.name, data, now)
    return True


def _drop(rows: list[Override], now: datetime) -> None:
    """What the file lists no longer, or is to be made anew, ends; what was stays, no longer the file's."""
    for row in rows:
        row.start = queries.holds_from(row)
        row.end, row.from_file = min(row.end, now.replace(second=0, microsecond=0)), False
        if row.start < row.end:
            row.save(update_fields=["start", "end", "from_file"])
        else:
            row.delete()


def _entry(row: Override) -> _Entry:
    named = (row.user.email if row.user else None, row.replaces.email if row.replaces else None)
    return (row.start, row.end, row.kind, *named)
