"""Who is on call: questions to the resolver."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from tocsin.apps.oncall.queries.kept import Kept
from tocsin.apps.oncall.queries.lists import listed
from tocsin.apps.oncall.queries.stored import book, everybody_of, need
from tocsin.apps.oncall.types import OnCallNow
from tocsin.domain.schedule import (
    SHADOW,
    Book,
    Schedule,
    Shift,
    current,
    current_and_following,
    resolve,
)

_DAYS_KEPT = timedelta(days=2)


def on_call(schedule: str, at: datetime, role: str | None = None) -> list[Shift]:
    """The shifts, or the gap, that hold `at`, with their real start and end. Raises NotFound."""
    made = book(since=at - _DAYS_KEPT, of=(schedule,))
    return [one for one in current(made, need(made, schedule), at) if role in {None, one.role}]


def shifts(schedule: str, start: datetime, end: datetime) -> list[Shift]:
    """Shifts and gaps of [start, end), clipped to it. Raises NotFound."""
    made = book(since=start, of=(schedule,))
    return resolve(made, need(made, schedule), start, end)


def names() -> list[str]:
    """Of every schedule."""
    return sorted(book(of=()).names)


def shifts_of_all(names: Iterable[str], start: datetime, end: datetime) -> list[tuple[str, list[Shift]]]:
    """As `shifts`, of each of these schedules."""
    made = book(since=start)
    return [(name, resolve(made, need(made, name), start, end)) for name in names]


def now_board(at: datetime, names: Iterable[str] | None = None) -> tuple[OnCallNow, ...]:
    """Every schedule, or those of these names, by name: who is on call, and who comes next."""
    made = book(since=at - _DAYS_KEPT)
    lines = []
    for info in listed(made, None if names is None else frozenset(names)):
        now, after = board_of(made, need(made, info.name), at)
        lines.append(OnCallNow(info.name, info.timezone, info.team, now, after))
    return tuple(lines)


_Line = tuple[tuple[Shift, ...], tuple[Shift, ...]]


def board_of(made: Book, plan: Schedule, at: datetime) -> _Line:
    """Who is on call at `at`, without gaps, and who comes next. Remembered while it holds."""
    return _board.get(made, plan, at)


def _now_and_next(made: Book, plan: Schedule, at: datetime) -> tuple[_Line, datetime]:
    now, after, until = current_and_following(made, plan, at)
    return (tuple(shift for shift in now if shift.user is not None), tuple(after)), until


_board: Final = Kept(_now_and_next)


def shifts_of(email: str, start: datetime, end: datetime) -> list[tuple[str, Shift]]:
    """A person's own shifts of [start, end), each with its schedule, by start."""
    made = book(since=start)
    found = [
        (name, shift)
        for name in made.own_names
        if email in everybody_of(made, need(made, name))
        for shift in resolve(made, need(made, name), start, end)
        if shift.user == email
    ]
    return sorted(found, key=lambda entry: (entry[1].start, entry[0]))


def on_call_anywhere(at: datetime) -> frozenset[str]:
    """Everybody who is on call for anything at `at`, shadows apart."""
    made = book(since=at - _DAYS_KEPT)
    return frozenset(
        shift.user
        for name in made.names
        for shift in board_of(made, need(made, name), at)[0]
        if shift.user is not None and shift.role != SHADOW
    )
