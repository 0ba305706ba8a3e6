"""A schedule as it would be: the stored book with a change that is not saved."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from tocsin.apps.oncall.models import Override
from tocsin.apps.oncall.overriding import (
    NO_CHANGE,
    check_changeable,
    check_moved,
    from_now_on,
    value_of,
    what_is_left,
)
from tocsin.apps.oncall.queries.stored import (
    book,
    change_of,
    implied_schedule,
    need,
    pasts,
    rotation_definitions,
    schedule_definitions,
    schedule_pasts,
    with_overrides,
)
from tocsin.apps.oncall.types import LayerShifts, Preview, RotationVersion
from tocsin.domain.configuration.rota import rotation_form
from tocsin.domain.errors import FieldError, Invalid, NotFound
from tocsin.domain.schedule import Book, Shift, changes_anything, resolve
from tocsin.domain.schedule import Schedule as Plan
from tocsin.domain.schedule.definition import (
    DefinitionError,
    OverrideDefinition,
    RotationDefinition,
    ScheduleDefinition,
    make_book,
)
from tocsin.domain.schedule.diff import compare
from tocsin.domain.schedule.revision import past_of_schedule, revise


def preview(
    *,
    schedule: str,
    start: datetime,
    end: datetime,
    now: datetime,
    rotations: Iterable[RotationDefinition] = (),
    definition: ScheduleDefinition | None = None,
    override: OverrideDefinition | None = None,
    without_override: int | None = None,
    effective: datetime | None = None,
) -> Preview:
    """[start, end) of `schedule` before and after saving all of these: rotations (from `effective` on), the
    definition of the schedule, an override. With `without_override` that one is moved to be `override`, or
    taken back. Raises Invalid, NotFound and Conflict as saving would.
    """
    if effective is not None and effective <= now:
        raise Invalid(FieldError("effective", "expected a time to come"))
    since = min(start, now)
    before = book(since=since)
    wanted = {one.name: one for one in rotations}
    after = _defined(wanted, definition, now, since, effective) if wanted or definition else before
    problem = ""
    if override is not None or without_override is not None:
        after, problem = _overridden(after, schedule, override, without_override, since, now)
    names = [name for name in after.names if name == schedule or (wanted and name in after.own_names)]
    plan = need(after, schedule)
    known = before.schedule(schedule)
    return Preview(
        schedule,
        tuple(resolve(before, known, start, end)) if known else (),
        tuple(resolve(after, plan, start, end)),
        tuple((one.rotation, one.shifts) for one in _layers(after, plan, start, end)),
        compare(before, after, names, start, end),
        problem,
    )


def layers(schedule: str, start: datetime, end: datetime) -> tuple[LayerShifts, ...]:
    """What each layer alone says of [start, end), in the order of the layers. Raises NotFound."""
    made = book(since=end)  # a layer knows no overrides
    return _layers(made, need(made, schedule), start, end)


def versions(rotation: str, now: datetime) -> tuple[RotationVersion, ...]:
    """What it was, is and is planned to be, oldest first. Raises NotFound."""
    definition = rotation_definitions([rotation]).get(rotation)
    if definition is None:
        raise NotFound("rotation", rotation)
    found, since = [], None
    for past in pasts().get(rotation, ()):
        found.append(_version(past.definition, since, past.until, now))
        since = past.until
    return (*found, _version(definition, since, None, now))


def _version(
    definition: RotationDefinition, start: datetime | None, end: datetime | None, now: datetime
) -> RotationVersion:
    state = "present"
    if end is not None and end <= now:
        state = "past"
    elif start is not None and start > now:
        state = "planned"
    return RotationVersion(rotation_form(replace(definition, ring_offset=None)), start, end, state)


def _defined(
    wanted: dict[str, RotationDefinition],
    definition: ScheduleDefinition | None,
    now: datetime,
    since: datetime,
    effective: datetime | None,
) -> Book:
    schedules, rotations, former = schedule_definitions(), rotation_definitions(), schedule_pasts()
    if definition is not None:
        name = definition.name
        present = schedules.get(name)
        if present is None and name in rotations:
            present = implied_schedule(name)
        if present is not None:
            former[name] = past_of_schedule(present, former.get(name, ()), definition, now)
        schedules[name] = replace(definition, overrides=())
    try:
        revision = revise(rotations, pasts(), wanted, now, effective)
        made = make_book(revision.definitions, schedules, revision.pasts, former)
    except DefinitionError as error:
        own = definition is not None and error.name == definition.name
        field = error.field if own else f"{error.name}.{error.field}"
        raise Invalid(FieldError(field, error.message)) from None
    return with_overrides(made, since)


def _overridden(
    made: Book,
    schedule: str,
    override: OverrideDefinition | None,
    instead_of: int | None,
    since: datetime,
    now: datetime,
) -> tuple[Book, str]:
    """The book with the override, and why it would be refused."""
    plan = need(made, schedule)
    if instead_of is None:
        if override is None:
            return made, ""
        value = from_now_on(value_of(made, schedule, override, now), now)
        problem = "" if changes_anything(made, plan, value) else NO_CHANGE
        later = replace(plan, overrides=(*plan.overrides, value))
        return Book(made.rotations, {**made.schedules, schedule: later}), problem
    row = (
        Override.objects.select_related("user", "replaces", "calendar")
        .filter(pk=instead_of, schedule=schedule)
        .first()
    )
    if row is None:
        raise NotFound("override", instead_of)
    check_changeable(row, now)
    if override is None:
        left = what_is_left(row, now)
        ended = replace(change_of(row), end=left) if left else None
        return with_overrides(made, since, instead={row.pk: ended}), ""
    value = value_of(made, schedule, override, now)
    check_moved(row, value, now)
    without, moved = (with_overrides(made, since, instead={row.pk: one}) for one in (None, value))
    same = not compare(without, moved, [schedule], value.start, value.end)
    return moved, NO_CHANGE if same else ""


def _layers(made: Book, plan: Plan, start: datetime, end: datetime) -> tuple[LayerShifts, ...]:
    return tuple(
        LayerShifts(layer.rotation, layer.role or made.rotations[layer.rotation].role, layer.priority, shifts)
        for layer in plan.layers
        if layer.rotation in made.rotations
        for shifts in [_people(resolve(made, Plan(plan.name, plan.zone, (layer,)), start, end))]
    )


def _people(shifts: Iterable[Shift]) -> tuple[Shift, ...]:
    return tuple(shift for shift in shifts if shift.user is not None)
