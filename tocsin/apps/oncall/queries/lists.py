"""Schedules and rotations as lists of what there is."""

from collections.abc import Mapping

from tocsin.apps.oncall.models import Rotation, Schedule
from tocsin.apps.oncall.queries.stored import book, need, people_of
from tocsin.apps.oncall.types import RotationInfo, ScheduleInfo
from tocsin.domain.schedule import (
    Advance,
    Book,
    Unit,
)
from tocsin.domain.schedule import Rotation as Ring

_WORDS = {Unit.HOURLY: "hour", Unit.DAILY: "day", Unit.WEEKLY: "week", Unit.MONTHLY: "month"}


def schedules(*, search: str = "") -> tuple[ScheduleInfo, ...]:
    """Defined ones and those that a rotation implies, by name."""
    return tuple(info for info in listed(book()) if search.lower() in info.name.lower())


def schedule(name: str) -> ScheduleInfo | None:
    return next((info for info in listed(book()) if info.name == name), None)


def rotations() -> tuple[RotationInfo, ...]:
    made = book()
    return tuple(
        RotationInfo(
            name=row.name,
            definition=row.definition,
            people=made.rotations[row.name].people,
            summary=_summary(made.rotations[row.name]),
            timezone=made.rotations[row.name].zone.key,
            from_file=row.from_file,
        )
        for row in Rotation.objects.order_by("position", "id")
        if row.name in made.rotations
    )


def listed(made: Book) -> list[ScheduleInfo]:
    stored = Schedule.objects.select_related("team").defer("definition")
    rows: Mapping[str, Schedule] = {row.name: row for row in stored}
    rotation_files = dict(Rotation.objects.values_list("name", "from_file"))
    found = []
    for name in sorted(made.names):
        plan, row = need(made, name), rows.get(name)
        found.append(
            ScheduleInfo(
                name=name,
                timezone=plan.zone.key,
                team=row.team.name if row and row.team else None,
                layers=plan.layers,
                fallback=plan.fallback,
                people=people_of(made, plan),
                implicit=row is None,
                from_file=row.from_file if row else rotation_files.get(name, False),
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
