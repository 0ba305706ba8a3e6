"""The stored definitions, read back into the values of the domain."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from django.db.models import TextField
from django.db.models.functions import Cast

from tocsin.apps.oncall.models import FormerSchedule, Override, Rotation, Schedule
from tocsin.apps.oncall.types import OverrideInfo
from tocsin.domain.configuration.nodes import from_plain
from tocsin.domain.configuration.problems import Report
from tocsin.domain.configuration.reader import Cursor
from tocsin.domain.configuration.rota import read_rotation, read_schedule
from tocsin.domain.errors import NotFound
from tocsin.domain.schedule import (
    Book,
    Layer,
    Origin,
    OverrideKind,
)
from tocsin.domain.schedule import Override as Change
from tocsin.domain.schedule import Schedule as Plan
from tocsin.domain.schedule.definition import (
    DefinitionError,
    PastDefinition,
    PastSchedule,
    RotationDefinition,
    ScheduleDefinition,
    former_schedule,
    make_book,
)
from tocsin.lib.log import Logger

_log = Logger(__name__)

Instead = Mapping[int, Change | None]
AS_STORED: Final[Instead] = MappingProxyType({})
_NO_PAST: Final = "[]"


def book(
    *, since: datetime | None = None, of: Collection[str] | None = None, instead: Instead = AS_STORED
) -> Book:
    """Every schedule, complete, with its overrides: those that end after `since` only, when it is given, and
    those `of` these schedules only. `instead`: overrides, by id, that are to be looked at as another, or as
    gone.

    What is stored was checked when it was stored. Should one definition still not be understood, it is left
    out and reported, because the others must go on paging people: the other layers and the fallback too.
    """
    rotations = Rotation.objects.order_by("position", "id").values_list(
        "name", Cast("definition", TextField()), "ring_offset", Cast("past", TextField())
    )
    schedules = Schedule.objects.order_by("name").values_list(
        "name", Cast("definition", TextField()), Cast("past", TextField())
    )
    return with_overrides(_assembled(tuple(rotations), tuple(schedules)), since, of=of, instead=instead)


def book_with_former(*, since: datetime | None = None) -> Book:
    """As `book`, with the schedules that were deleted, for the time before that."""
    made = book(since=since)
    gone = {
        name: former_schedule(name, _schedule_pasts(name, past))
        for name, past in FormerSchedule.objects.order_by("name").values_list("name", "past")
        if name not in made.schedules and name not in made.rotations
    }
    if not gone:
        return made
    whole = with_overrides(Book(made.rotations, {**made.schedules, **gone}), since)
    return Book(
        whole.rotations,
        {name: _ended(plan) if name in gone else plan for name, plan in whole.schedules.items()},
    )


def _ended(plan: Plan) -> Plan:
    """What overrides say of the time after the schedule was deleted counts for nobody."""
    end = plan.since
    if end is None:
        return plan
    cut = (replace(one, end=min(one.end, end)) for one in plan.overrides if one.start < end)
    return replace(plan, overrides=tuple(cut))


@lru_cache(maxsize=8)
def _assembled(
    rotation_rows: tuple[tuple[str, str, int, str], ...], schedule_rows: tuple[tuple[str, str, str], ...]
) -> Book:
    """Of the texts that the database has: the same ones make the same book, so nothing is read twice."""
    rotations = {
        name: replace(rotation, ring_offset=ring_offset or None)
        for name, text, ring_offset, _ in rotation_rows
        if (rotation := _parsed_rotation(name, text)) is not None
    }
    earlier = {name: _pasts(name, json.loads(past)) for name, _, _, past in rotation_rows if past != _NO_PAST}
    schedules = {
        name: schedule for name, text, _ in schedule_rows if (schedule := _schedule(name, text)) is not None
    }
    former = {
        name: _schedule_pasts(name, json.loads(past)) for name, _, past in schedule_rows if past != _NO_PAST
    }
    while True:
        try:
            return make_book(rotations, schedules, earlier, former)
        except DefinitionError as error:
            _log.error(
                "a stored definition cannot be read",
                definition=error.name,
                field=error.field,
                problem=error.message,
            )
            if error.field.startswith("layers"):
                plan = schedules[error.name]
                layers = tuple(layer for layer in plan.layers if layer.rotation in rotations)
                schedules[error.name] = replace(plan, layers=layers)
            elif earlier.pop(error.name, None) is None:
                del rotations[error.name]


def rotation_definitions(names: Iterable[str] | None = None) -> dict[str, RotationDefinition]:
    """As stored, each with the offset its edits gave the ring; in the order of the file."""
    rows = Rotation.objects.order_by("position", "id")
    if names is not None:
        rows = rows.filter(name__in=names)
    found: dict[str, RotationDefinition] = {}
    for row in rows:
        definition = _rotation(row.name, row.definition, row.ring_offset)
        if definition is not None:
            found[row.name] = definition
    return found


def pasts() -> dict[str, tuple[PastDefinition, ...]]:
    """What edited rotations were before, by name, oldest first."""
    rows = Rotation.objects.exclude(past=[]).values_list("name", "past")
    return {name: _pasts(name, entries) for name, entries in rows}


def _pasts(name: str, entries: list[dict[str, Any]]) -> tuple[PastDefinition, ...]:
    return tuple(
        PastDefinition(definition, datetime.fromisoformat(entry["until"]))
        for entry in entries
        if (definition := _rotation(name, entry["definition"], entry["ring_offset"])) is not None
    )


def implied_schedule(name: str) -> ScheduleDefinition:
    """What a rotation of that name is as a schedule, unless one is defined."""
    return ScheduleDefinition(name, (Layer(name),))


def schedule_pasts(name: str | None = None) -> dict[str, tuple[PastSchedule, ...]]:
    """What edited schedules (or the one) were before, by name, oldest first."""
    rows = Schedule.objects.exclude(past=[])
    if name is not None:
        rows = rows.filter(name=name)
    return {one: _schedule_pasts(one, entries) for one, entries in rows.values_list("name", "past")}


def _schedule_pasts(name: str, entries: list[dict[str, Any]]) -> tuple[PastSchedule, ...]:
    return tuple(
        PastSchedule(
            definition,
            datetime.fromisoformat(entry["until"]),
            {one: _pasts(one, several) for one, several in entry.get("gone", {}).items()},
        )
        for entry in entries
        if (definition := _schedule(name, json.dumps(entry["definition"]))) is not None
    )


def schedule_definitions() -> dict[str, ScheduleDefinition]:
    """As stored, without overrides."""
    found: dict[str, ScheduleDefinition] = {}
    for row in Schedule.objects.select_related("team").order_by("name"):
        definition = _schedule(row.name, json.dumps(row.definition))
        if definition is not None:
            found[row.name] = replace(definition, team=row.team.name if row.team else None)
    return found


def need(made: Book, name: str) -> Plan:
    found = made.schedule(name)
    if found is None:
        raise NotFound("schedule", name)
    return found


def overrides(schedule: str, *, since: datetime | None = None) -> tuple[OverrideInfo, ...]:
    """In order of creation, which is also the order in which the later one wins."""
    rows = Override.objects.filter(schedule=schedule).select_related("user", "replaces", "calendar")
    if since is not None:
        rows = rows.filter(end__gt=since)
    return tuple(override_of(row) for row in rows)


def change_of(row: Override) -> Change:
    info = override_of(row)
    origin = Origin.SWAP if info.swap is not None else Origin.OVERRIDE
    return Change(holds_from(row), info.end, info.kind, info.user, info.replaces, origin)


def holds_from(row: Override) -> datetime:
    """One that had begun when a file first listed it holds from then on: what was, stays."""
    listed = row.created_at.replace(second=0, microsecond=0)
    return listed if row.from_file and row.start < listed < row.end else row.start


def override_of(row: Override) -> OverrideInfo:
    return OverrideInfo(
        id=row.pk,
        schedule=row.schedule,
        start=row.start,
        end=row.end,
        kind=OverrideKind(row.kind),
        user=row.user.email if row.user else None,
        replaces=row.replaces.email if row.replaces else None,
        created_at=row.created_at,
        created_by=row.created_by,
        from_file=row.from_file,
        swap=row.swap_id,
        calendar=row.calendar.name if row.calendar else None,
    )


def with_overrides(
    made: Book,
    since: datetime | None,
    *,
    of: Collection[str] | None = None,
    instead: Instead = AS_STORED,
) -> Book:
    """As `book` adds them to the definitions; others that `made` has are left out."""
    rows = Override.objects.select_related("user", "replaces", "calendar")
    if since is not None:
        rows = rows.filter(end__gt=since)
    if of is not None:
        rows = rows.filter(schedule__in=of)
    changes: dict[str, list[Change]] = {}
    for row in rows:
        change = instead.get(row.pk, change_of(row))
        if change is not None:
            changes.setdefault(row.schedule, []).append(change)
    plans = {
        name: replace(plan, overrides=()) if plan.overrides else plan for name, plan in made.schedules.items()
    }
    for name, several in changes.items():
        plan = made.schedule(name)
        if plan is not None:
            plans[name] = replace(plan, overrides=tuple(several))
    return Book(made.rotations, plans)


def people_of(made: Book, plan: Plan) -> tuple[str, ...]:
    """Everybody whom the layers, the fallback or an override puts on call, now and from now on."""
    named = [
        person
        for layer in plan.layers
        if layer.rotation in made.rotations
        for person in made.rotations[layer.rotation].people
    ]
    named.extend(plan.fallback)
    named.extend(change.user for change in plan.overrides if change.user)
    return tuple(dict.fromkeys(named))


def everybody_of(made: Book, plan: Plan) -> tuple[str, ...]:
    """Those too whom a rotation or the schedule had before it was edited: an edit may hold from the next
    hand-off on, and the past is theirs.
    """
    named = list(people_of(made, plan))
    version: Plan | None = plan
    while version is not None:
        named.extend(version.fallback)
        for newest in (*version.gone, *(made.rotations.get(layer.rotation) for layer in version.layers)):
            ring = newest
            while ring is not None:
                named.extend(ring.people)
                ring = ring.earlier
        version = version.earlier
    return tuple(dict.fromkeys(named))


def _rotation(name: str, form: dict[str, Any], ring_offset: int) -> RotationDefinition | None:
    definition = _parsed_rotation(name, json.dumps(form))
    if definition is None:
        return None
    return replace(definition, ring_offset=ring_offset or None)


@lru_cache(maxsize=8192)
def _parsed_rotation(name: str, text: str) -> RotationDefinition | None:
    report = Report()
    definition = read_rotation(Cursor(from_plain(json.loads(text), name), "", report))
    return None if _wrong(name, report) else definition


@lru_cache(maxsize=8192)
def _schedule(name: str, text: str) -> ScheduleDefinition | None:
    report = Report()
    definition = read_schedule(Cursor(from_plain(json.loads(text), name), "", report))
    return None if _wrong(name, report) else definition


def _wrong(name: str, report: Report) -> bool:
    if report.errors:
        _log.error("a stored definition cannot be read", definition=name, problem=str(report.errors[0]))
    return bool(report.errors)
