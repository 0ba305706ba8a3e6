"""`resolve`: the only implementation of "who is on call"; everything else here asks it."""

from bisect import insort
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple

from tocsin.domain.schedule.model import (
    PRIMARY,
    SHADOW,
    Book,
    Origin,
    Override,
    OverrideKind,
    Schedule,
    Shift,
)
from tocsin.domain.schedule.turns import Piece, pieces, turns_around, versions

_MINUTE: Final = timedelta(minutes=1)
# How far to look for the edges of the shift that holds an instant, and for the next and the previous one.
_REACHES: Final = tuple(timedelta(days=days) for days in (16, 100, 800))


class _Row(NamedTuple):
    """One person at one instant; equal rows of neighbouring stretches are one shift. Without `override` and
    `rotation` it is the fallback, and without `user` a gap.
    """

    user: str | None
    rotation: str | None
    role: str | None
    turn: int | None
    override: int | None = None  # which override put them there


class _Lane(NamedTuple):
    role: str
    priority: int
    name: str
    pieces: list[Piece]


_Rows = dict[_Row, None]  # a set that keeps its order
_Active = list[tuple[int, Override]]  # in order of creation
_GAP: Final = _Row(None, None, None, None)


def resolve(book: Book, schedule: Schedule, start: datetime, end: datetime) -> list[Shift]:
    """Shifts and gaps that touch [start, end), clipped to it, by start, then user. Instants are aware."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if end <= start:
        return []
    shifts: list[Shift] = []
    running: dict[_Row, datetime] = {}
    for instant, rows in _stretches(book, schedule, start, end):
        if rows.keys() == running.keys():
            continue
        over = [row for row in running if row not in rows]
        shifts.extend(_shift(schedule, row, running.pop(row), instant) for row in over)
        for row in rows:
            running.setdefault(row, instant)
    shifts.extend(_shift(schedule, row, began, end) for row, began in running.items())
    shifts.sort(key=_order)
    return shifts


def on_call(book: Book, schedule: Schedule, instant: datetime) -> list[Shift]:
    """Who is on call at `instant`: the shifts of `resolve` that hold it, without gaps, cut to a minute."""
    return [shift for shift in resolve(book, schedule, instant, instant + _MINUTE) if _is_on(shift, instant)]


def current(book: Book, schedule: Schedule, instant: datetime) -> list[Shift]:
    """The shifts (or the gap) that hold `instant`, with their real start and end, up to 800 days off."""
    found: list[Shift] = []
    for start, end in _ranges(book, schedule, instant):
        found = [shift for shift in resolve(book, schedule, start, end) if shift.holds(instant)]
        if all(start < shift.start and shift.end < end for shift in found):
            break
    return found


def following(book: Book, schedule: Schedule, instant: datetime, role: str | None = None) -> list[Shift]:
    """Who is on call next: the shifts that begin together, first after `instant`, of people not on call then.
    With `role`, only that role is looked at.
    """
    found: list[Shift] = []
    for _, end in _ranges(book, schedule, instant):
        found = _after(resolve(book, schedule, instant, end), instant, role)
        if found and all(shift.end < end for shift in found):
            break
    return found


def preceding(book: Book, schedule: Schedule, instant: datetime, role: str | None = None) -> list[Shift]:
    """Who was on call last: the shifts that ended together, last before `instant`, of people not on call
    then. With `role`, only that role is looked at.
    """
    found: list[Shift] = []
    for start, _ in _ranges(book, schedule, instant):
        shifts = resolve(book, schedule, start, instant + _MINUTE)
        others = [shift for shift in _others(shifts, instant, role) if shift.end <= instant]
        edge = max((shift.end for shift in others), default=instant)
        found = [shift for shift in others if shift.end == edge]
        if found and all(start < shift.start for shift in found):
            break
    return found


def current_and_following(
    book: Book, schedule: Schedule, instant: datetime
) -> tuple[list[Shift], list[Shift], datetime]:
    """What those two say, mostly for the price of one, and until when they say so."""
    start, end = next(_ranges(book, schedule, instant))
    shifts = resolve(book, schedule, start, end)
    now, after = [shift for shift in shifts if shift.holds(instant)], _after(shifts, instant, None)
    if not all(start < shift.start and shift.end < end for shift in now):
        now = current(book, schedule, instant)
    if not after or not all(shift.end < end for shift in after):
        after = following(book, schedule, instant)
    edges = (edge for shift in shifts for edge in (shift.start, shift.end) if edge > instant)
    return now, after, min(edges, default=end)


def _ranges(book: Book, schedule: Schedule, instant: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Ever wider stretches around `instant`: first the turns of the layers that hold it and those after them,
    which mostly will do.
    """
    edges = [
        edge
        for layer in schedule.layers
        if (rotation := book.rotations.get(layer.rotation)) is not None
        for edge in turns_around(rotation, instant)
    ]
    widest = _REACHES[-1]
    # The instant itself too: a rotation that is to begin has no turn before it.
    start = max(min([*edges, instant]) - _MINUTE, instant - widest)
    end = min(max([*edges, instant]) + _MINUTE, instant + widest)
    yield start, end
    for reach in _REACHES:
        if instant - reach < start or end < instant + reach:
            yield min(start, instant - reach), max(end, instant + reach)


def _after(shifts: list[Shift], instant: datetime, role: str | None) -> list[Shift]:
    others = [shift for shift in _others(shifts, instant, role) if shift.start > instant]
    edge = min((shift.start for shift in others), default=instant)
    return [shift for shift in others if shift.start == edge]


def _others(shifts: list[Shift], instant: datetime, role: str | None) -> list[Shift]:
    """The shifts of people who are not on call at `instant`."""
    asked = [shift for shift in shifts if shift.user is not None and _asked_for(shift, role)]
    now = {shift.user for shift in asked if shift.holds(instant)}
    return [shift for shift in asked if shift.user not in now]


def _asked_for(shift: Shift, role: str | None) -> bool:
    return shift.role != SHADOW if role is None else shift.role == role


def _is_on(shift: Shift, instant: datetime) -> bool:
    return shift.user is not None and shift.holds(instant)


def _order(shift: Shift) -> tuple[datetime, str, str, str, datetime]:
    return (shift.start, shift.user or "", shift.role or "", shift.rotation or "", shift.end)


def _shift(schedule: Schedule, row: _Row, start: datetime, end: datetime) -> Shift:
    if row.override is not None:
        origin = schedule.overrides[row.override].origin
    elif row.rotation is not None:
        origin = Origin.ROTATION
    else:
        origin = Origin.FALLBACK if row.user is not None else Origin.GAP
    return Shift(row.user, row.rotation, row.role, start, end, origin, row.turn)


def _stretches(
    book: Book, schedule: Schedule, start: datetime, end: datetime
) -> Iterator[tuple[datetime, _Rows]]:
    """The instants at which the answer may change, from `start` on, each with the rows that hold from
    there.
    """
    if schedule.since is not None and schedule.earlier is not None and start < schedule.since:
        past = replace(schedule.earlier, overrides=schedule.overrides)
        yield from _stretches(book, past, start, min(end, schedule.since))
        start = schedule.since
    if start >= end:
        return
    gone = {rotation.name: rotation for rotation in schedule.gone}
    rings = [
        (layer, rotation)
        for layer in schedule.layers
        if (rotation := gone.get(layer.rotation) or book.rotations.get(layer.rotation)) is not None
    ]
    # An edit may change a rotation's role, and with it which roles an override stands in.
    edits = {
        since
        for _, ring in rings
        if ring.since is not None and ring.since > start
        for _, since, _ in versions(ring, start, end)
    }
    for since, until in pairwise(sorted({start, *edits, end})):
        lanes = [
            _Lane(layer.role or version.role, layer.priority, ring.name, list(pieces(version, since, until)))
            for layer, ring in rings
            for version, _, _ in versions(ring, since, until)
        ]
        yield from _between_edits(schedule, lanes, since, until)


def _between_edits(
    schedule: Schedule, lanes: list[_Lane], start: datetime, end: datetime
) -> Iterator[tuple[datetime, _Rows]]:
    # Role by role, in the order of the layers; the highest priority first: the first that is active settles
    # who may stand beside it.
    roles = list(dict.fromkeys(lane.role for lane in lanes))
    lanes.sort(key=lambda lane: (roles.index(lane.role), -lane.priority))
    standing_in = tuple(role for role in roles if role != SHADOW) or (PRIMARY,)
    news = _news(lanes)
    waiting = [
        (max(entry.start, start), number, entry)
        for number, entry in enumerate(schedule.overrides)
        if entry.start < end and entry.end > start and entry.start < entry.end
    ]
    waiting.sort(key=lambda entry: entry[0], reverse=True)
    edges = {start, *(edge for since, _, entry in waiting for edge in (since, entry.end))}
    for edge in edges:
        news.setdefault(edge, [])
    standing: list[tuple[_Row, ...]] = [()] * len(lanes)
    active: _Active = []
    shadowed = SHADOW in roles
    won: dict[str, int] = {}
    for instant in sorted(news):
        if instant >= end:
            break
        quiet = instant not in edges
        for number, who in news[instant]:
            standing[number] = who
            role, priority = lanes[number].role, lanes[number].priority
            quiet = quiet and priority < won.get(role, priority)
        if quiet:  # somebody stands before all whose turns begin or end here
            continue
        while waiting and waiting[-1][0] <= instant:
            insort(active, waiting.pop()[1:], key=_number)
        rows, won = _by_layers(lanes, standing)
        if active:
            active = [entry for entry in active if instant < entry[1].end]
            rows = _overridden(rows, active, standing_in)
        if not rows or (shadowed and all(row.role == SHADOW for row in rows)):
            filler = [_Row(user, None, standing_in[0], None) for user in schedule.fallback]
            rows.update(dict.fromkeys(filler or [_GAP]))
        yield instant, rows


def _number(entry: tuple[int, Override]) -> int:
    return entry[0]


def _news(lanes: list[_Lane]) -> dict[datetime, list[tuple[int, tuple[_Row, ...]]]]:
    """By instant, which lane has whom from then on."""
    news: dict[datetime, list[tuple[int, tuple[_Row, ...]]]] = {}
    for number, (role, _, name, parts) in enumerate(lanes):
        ended: datetime | None = None
        for start, end, turn, people in parts:
            if ended is not None and ended != start:
                news.setdefault(ended, []).append((number, ()))
            rows = tuple([_Row(user, name, role, turn) for user in people])
            news.setdefault(start, []).append((number, rows))
            ended = end
        if ended is not None:
            news.setdefault(ended, []).append((number, ()))
    return news


def _by_layers(lanes: list[_Lane], standing: list[tuple[_Row, ...]]) -> tuple[_Rows, dict[str, int]]:
    """Whom the layers put on call, and which priority that took in each role."""
    rows: _Rows = {}
    won: dict[str, int] = {}
    for (role, priority, _, _), who in zip(lanes, standing, strict=True):
        if who and won.setdefault(role, priority) == priority:
            for row in who:
                rows[row] = None
    return rows, won


def _overridden(rows: _Rows, active: list[tuple[int, Override]], roles: tuple[str, ...]) -> _Rows:
    """What the overrides of one instant, in order of creation, make of the rows of the layers."""
    result: _Rows = {}
    for row in rows:
        taken = next(((n, entry) for n, entry in reversed(active) if _takes(entry, row)), None)
        if taken is None:
            result[row] = None
        elif taken[1].kind is OverrideKind.REPLACE:
            number, entry = taken
            result[_Row(entry.user, row.rotation, row.role, row.turn, number)] = None
    plain = next(((n, e) for n, e in reversed(active) if e.kind is OverrideKind.OVERRIDE), None)
    if plain is not None:
        # In each role of the schedule, so that a step which asks for the secondary finds this person too.
        for role in roles:
            result[_Row(plain[1].user, None, role, None, plain[0])] = None
    for number, entry in active:
        if entry.kind is OverrideKind.ADD:
            result[_Row(entry.user, None, roles[0], None, number)] = None
    return _once(result)


def _takes(override: Override, row: _Row) -> bool:
    if override.kind is OverrideKind.ADD:
        return False
    if override.replaces is not None and override.kind is not OverrideKind.OVERRIDE:
        return override.replaces == row.user
    return row.role != SHADOW  # a shadow is not on call, so only an override that names them takes them


def _once(rows: _Rows) -> _Rows:
    """Leave out an override's row for somebody who is on call in that role anyway."""
    seen = {(row.user, row.role) for row in rows if row.override is None}
    kept: _Rows = {}
    for row in rows:
        who = (row.user, row.role)
        if row.override is None or who not in seen:
            kept[row] = None
        seen.add(who)
    return kept
