"""What is known of the rota."""

from tocsin.apps.oncall.queries.answers import now_board, on_call, on_call_anywhere, shifts, shifts_of
from tocsin.apps.oncall.queries.checks import checks, load
from tocsin.apps.oncall.queries.lists import rotations, schedule, schedules
from tocsin.apps.oncall.queries.stored import (
    book,
    override_of,
    overrides,
    pasts,
    rotation_definitions,
    schedule_definitions,
)

__all__ = [
    "book",
    "checks",
    "load",
    "now_board",
    "on_call",
    "on_call_anywhere",
    "override_of",
    "overrides",
    "pasts",
    "rotation_definitions",
    "rotations",
    "schedule",
    "schedule_definitions",
    "schedules",
    "shifts",
    "shifts_of",
]
