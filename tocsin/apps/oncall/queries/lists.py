"""Schedules and rotations as lists of what there is."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from tocsin.apps.oncall.models import Rotation, Schedule
from tocsin.apps.oncall.queries.stored import book, need, people_of
from tocsin.apps.oncall.types import RotationInfo, ScheduleInfo
from tocsin.domain.schedule import (
    Advance,
    Book,
    Unit,
)
from tocsin.domain.schedule import Rotation as Ring

_FEW: Final = 100  # names that are worth a condition in SQL
_WORDS = {Unit.HOURLY: "hour", Unit.DAILY: "day", Unit.WEEKLY: "week", Unit.MONTHLY: "month"}


def schedules(*, search: str = "") -> tuple[ScheduleInfo, ...]:
    """Defined ones and those that a rotation implies, by name."""
    return tuple(info for info in listed(book()) if search.lower() in info.name.lower())


def schedule(name: str) -> ScheduleInfo | None:
    return next(iter(listed(book(of=(name,)), (name,))), None)


def rotations(names: Iterable[str] | None = None) -> tuple[RotationInfo, ...]:
    """All, or those of these names, in the order of the files."""
    made = book(of=())
    rows = Rotation.objects.order_by("position", "id")
    if names is not None:
        rows = rows.filter(name__in=tuple(names))
    return tuple(
        RotationInfo(
            name=row.name,
            definition=row.definition,
            people=made.rotations[row.name].people,
            summary=_summary(made.rotations[row.name]),
            timezone=made.rotations[row.name].zone.key,
            from_file=row.from_file,
        )
        for row in rows
        if row.name in made.rotations
    )


def listed(made: Book, names: Collection[str] | None = None) -> list[ScheduleInfo]:
    """Of every schedule, or of those of these names, by name."""
    rows = Schedule.objects.select_related("team")
    rotations = Rotation.objects.filter(from_file=True)
    if names is not None and len(names) <= _FEW:
        rows, rotations = rows.filter(name__in=names), rotations.filter(name__in=names)
    stored: Mapping[str, Schedule] = {row.name: row for row in rows}
    in_files = frozenset(rotations.values_list("name", flat=True))
    found = []
    for name in sorted(made.names if names is None else set(names).intersection(made.names)):
        plan, row = need(made, name), stored.get(name)
        found.append(
            ScheduleInfo(
                name=name,
                timezone=plan.zone.key,
                team=row.team.name if row and row.team else None,
                layers=plan.layers,
                fallback=plan.fallback,
                people=people_of(made, plan),
                implicit=row is None,
                from_file=row.from_file if row else name in in_files,
                readiness=row.definition.get("readiness") if row else None,
                swap_approval=bool(row and row.definition.get("swap_approval")),
            )
        )
    return found


def _summary(ring: Ring) -> str:
    unit = _WORDS[ring.unit]
    turn = f"every {unit}" if ring.every == 1 else f"every {ring.every} {unit}s"
    day = f"{ring.start:%A} " if ring.unit is Unit.WEEKLY else ""
    words = f"{turn}, hand-off {day}{ring.start:%H:%M}"
    if ring.delay_days:
        words += f", {ring.delay_days} days later"
    if ring.restrictions:
        words += ", at certain hours"
    return words + (", by working turns" if ring.advance is Advance.OCCURRENCE else "")
