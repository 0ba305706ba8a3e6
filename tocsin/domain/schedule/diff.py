"""Who gains and who loses which time on call by a change: the final schedules before and after, compared.

Only whether a person is on call counts, per schedule and role: whom they have it from, by which turn and
through which layer does not. A fallback is on call like anybody else.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from tocsin.domain.schedule.model import Book, Override, Schedule, Shift
from tocsin.domain.schedule.resolver import resolve
from tocsin.domain.schedule.spans import Span, Spans, joined, without


@dataclass(frozen=True, slots=True)
class Stint:
    """Time on call without a break, in one role of one schedule."""

    schedule: str
    role: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Moved:
    """Both in order of time, then of schedule and role."""

    user: str
    gained: tuple[Stint, ...]
    lost: tuple[Stint, ...]


_Key = tuple[str, str, str]  # user, schedule, role


def compare(
    before: Book, after: Book, names: Iterable[str], start: datetime, end: datetime
) -> tuple[Moved, ...]:
    """Sorted by user; people whose time stays as it was are left out. A schedule that one of the books does
    not have puts nobody on call there.
    """
    gained: dict[str, list[Stint]] = defaultdict(list)
    lost: dict[str, list[Stint]] = defaultdict(list)
    for name in dict.fromkeys(names):
        if _same(before, after, name):
            continue
        old, new = (
            _times(name, resolve(book, plan, start, end) if plan else ())
            for book, plan in ((before, before.schedule(name)), (after, after.schedule(name)))
        )
        for key in {*old, *new}:
            was, will = old.get(key, ()), new.get(key, ())
            gained[key[0]].extend(_stints(key, without(will, was)))
            lost[key[0]].extend(_stints(key, without(was, will)))
    return tuple(
        Moved(user, _ordered(gained[user]), _ordered(lost[user]))
        for user in sorted({*gained, *lost})
        if gained[user] or lost[user]
    )


def _same(before: Book, after: Book, name: str) -> bool:
    """Whether the definitions are equal, so that there is nothing to resolve."""
    old, new = before.schedule(name), after.schedule(name)
    return old == new and all(
        before.rotations.get(layer.rotation) == after.rotations.get(layer.rotation)
        for layer in (old.layers if old else ())
    )


def changes_anything(book: Book, schedule: Schedule, override: Override) -> bool:
    """Whether `override`, created last, puts on call or takes off call anybody at any instant."""
    changed = replace(schedule, overrides=(*schedule.overrides, override))
    before, after = (resolve(book, plan, override.start, override.end) for plan in (schedule, changed))
    return _times(schedule.name, before) != _times(schedule.name, after)


def _times(name: str, shifts: Iterable[Shift]) -> dict[_Key, Spans]:
    found: dict[_Key, list[Span]] = defaultdict(list)
    for shift in shifts:
        if shift.user is not None:
            found[shift.user, name, shift.role or ""].append((shift.start, shift.end))
    return {key: joined(spans) for key, spans in found.items()}


def _stints(key: _Key, spans: Spans) -> list[Stint]:
    return [Stint(key[1], key[2], start, end) for start, end in spans]


def _ordered(stints: list[Stint]) -> tuple[Stint, ...]:
    return tuple(sorted(stints, key=lambda one: (one.start, one.schedule, one.role, one.end)))
