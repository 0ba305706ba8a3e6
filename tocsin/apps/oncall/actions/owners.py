"""Whose the parts of the rota are: a schedule is its team's, a rotation that of the schedules that use it."""

from collections.abc import Iterable

from tocsin.apps.oncall import queries
from tocsin.apps.oncall.models import Schedule
from tocsin.domain.errors import Conflict
from tocsin.lib import bus
from tocsin.ports.events import Going


def owners_of_rotations(names: Iterable[str]) -> list[int | None]:
    """The teams whose schedules use them, through followers too. None: one is used by a schedule of no team,
    or by no schedule at all, or a policy calls it by its own name, so that no team can make it its own.
    """
    definitions, schedules = queries.rotation_definitions(), queries.schedule_definitions()
    teams = dict(Schedule.objects.values_list("name", "team_id"))
    found: set[int | None] = set()
    for name in names:
        moved = {name}
        while more := {one.name for one in definitions.values() if one.follows in moved} - moved:
            moved |= more
        using = {
            teams[plan.name]
            for plan in schedules.values()
            if any(layer.rotation in moved for layer in plan.layers)
        }
        found |= using or {None}
        if any(_called(one) for one in sorted(moved - schedules.keys())):
            found.add(None)
    return sorted(found, key=str)


def _called(name: str) -> bool:
    try:
        bus.publish(Going("schedule", name))
    except Conflict:
        return True
    return False
