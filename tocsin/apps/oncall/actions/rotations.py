from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from tocsin.apps.oncall import queries
from tocsin.apps.oncall.actions.common import one_at_a_time, record, tell, watching
from tocsin.apps.oncall.actions.owners import owners_of_rotations
from tocsin.apps.oncall.actions.pasts import bury, keep_rotation, past_form
from tocsin.apps.oncall.models import Rotation, Schedule
from tocsin.domain.configuration.rota import rotation_form
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound
from tocsin.domain.permissions import Actor, Permission, require_owned
from tocsin.domain.schedule.definition import (
    DefinitionError,
    RotationDefinition,
    make_book,
)
from tocsin.domain.schedule.revision import Revision, revise
from tocsin.lib import bus
from tocsin.ports.events import Going


@transaction.atomic
def save_rotations(
    *,
    actor: Actor,
    definitions: Iterable[RotationDefinition],
    from_file: bool = False,
    effective: datetime | None = None,
    check: Callable[[], None] = lambda: None,
    now: datetime,
) -> tuple[str, ...]:
    """Make or change rotations together, since one may follow another; the names of those that changed.

    An edit leaves the past as it was and the ring where it is; a changed list of participants holds from the
    next hand-off on. With `effective` all of it holds from that instant on; another edit before then replaces
    what was planned. A team's admin may edit what only the team's schedules use, and make new ones.
    `check` raises what keeps it from being saved; nobody else saves meanwhile.
    Raises Invalid where the rotations would not be complete.
    """
    one_at_a_time()
    wanted = {definition.name: definition for definition in definitions}
    rows = {row.name: row for row in Rotation.objects.select_for_update()}
    known = sorted(wanted.keys() & rows.keys())
    owners = owners_of_rotations(known) if known else sorted(actor.administers)
    require_owned(actor, Permission.EDIT_TEAM, owners)
    check()
    if effective is not None and effective <= now:
        raise Invalid(FieldError("effective", "expected a time to come"))
    try:
        revision = revise(queries.rotation_definitions(), queries.pasts(), wanted, now, effective)
    except DefinitionError as error:
        raise Invalid(FieldError(f"{error.name}.{error.field}", error.message)) from None
    changed = ", ".join(revision.changed)
    with watching(actor, None, now, f"rotation {changed} was changed"):
        _store(actor, wanted, rows, revision, from_file=from_file, now=now)
    tell(revision.changed)
    return revision.changed


def _store(
    actor: Actor,
    wanted: Mapping[str, RotationDefinition],
    rows: Mapping[str, Rotation],
    revision: Revision,
    *,
    from_file: bool,
    now: datetime,
) -> None:
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
        row.past = [past_form(past) for past in revision.pasts.get(name, ())]
        row.from_file = from_file
        last = max(last, row.position)
        row.save()
        action = "rotation.created" if before is None else "rotation.changed"
        record(actor, action, "rotation", name, {"from": before, "to": row.definition}, now)


@transaction.atomic
def delete_rotation(*, actor: Actor, name: str, now: datetime) -> None:
    """What it was stays in the pasts of the schedules that had it. Raises Conflict while a schedule, another
    rotation or a policy needs it.
    """
    one_at_a_time()
    row = Rotation.objects.select_for_update().filter(name=name).first()
    require_owned(actor, Permission.EDIT_TEAM, owners_of_rotations([name]))
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
    with watching(actor, None, now, f"rotation “{name}” was deleted"):
        keep_rotation(name)
        if not Schedule.objects.filter(name=name).exists():
            bury(name, now)
        row.delete()
        record(actor, "rotation.deleted", "rotation", name, {}, now)
    tell([name])
