"""How every schedule is covered, for who watches from outside."""

from datetime import datetime, timedelta
from typing import Final

from tocsin.apps.oncall.queries.answers import board_of
from tocsin.apps.oncall.queries.kept import Kept
from tocsin.apps.oncall.queries.stored import book, need
from tocsin.apps.oncall.types import Cover
from tocsin.domain.schedule import Book, Origin, Schedule, resolve
from tocsin.domain.schedule.spans import Spans, common, joined, length

AHEAD: Final = timedelta(days=7)
_KEPT: Final = timedelta(days=1)


def cover(at: datetime) -> tuple[Cover, ...]:
    """Of every schedule, by name; a rotation's own only where it is no layer of another."""
    made = book(since=at - _KEPT)
    layered = {layer.rotation for plan in made.schedules.values() for layer in plan.layers}
    found = []
    for name in sorted(made.names):
        if name not in made.schedules and name in layered:
            continue
        plan = need(made, name)
        now, _ = board_of(made, plan, at)
        gaps = common(_gaps.get(made, plan, at), ((at, at + AHEAD),))
        on = tuple(sorted({(shift.role or "", shift.user or "") for shift in now}))
        found.append(Cover(name, length(gaps), on))
    return tuple(found)


def _find_gaps(made: Book, plan: Schedule, at: datetime) -> tuple[Spans, datetime]:
    shifts = resolve(made, plan, at, at + AHEAD + _KEPT)
    gaps = joined((shift.start, shift.end) for shift in shifts if shift.origin is Origin.GAP)
    return gaps, at + _KEPT


_gaps: Final = Kept(_find_gaps)
