"""`resolve`: the only implementation of "who is on call"; everything else here asks it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
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
from tocsin.domain.schedule.turns import Piece, pieces

_MINUTE: Final = timedelta(minutes=1)
# How far to look for the edges of the shift that holds an instant, and for the next and the previous one.
_REACHES: Final = tuple(timedelta(days=days) for days in (2, 16, 100, 800))


class _Row(NamedTuple):
    """One person at one instant; equal rows of neighbouring stretches are one shift."""

    user: str | None
    rotation: str | None
    role: str | None
    origin: Origin
    turn: int | None
    override: int | None = None  # which override put them there


@dataclass(slots=True)
class _Lane:
    """A layer while its pieces are walked, from front to back."""

    rotation: str
    role: str
    priority: int
    pieces: list[Piece]
    place: int = 0

    def at(self, instant: datetime) -> Piece | None:
        """The piece that holds `instant`, which is never before one asked for earlier."""
        pieces, place = self.pieces, self.place
        while place < len(pieces) and pieces[place].end <= instant:
            place += 1
        self.place = place
        return pieces[place] if place < len(pieces) and pieces[place].start <= instant else None


_GAP: Final = _Row(None, None, None, Origin.GAP, None)


def resolve(book: Book, schedule: Schedule, start: datetime, end: datetime) -> list[Shift]:
    """Shifts and gaps that touch [start, end), clipped to it, by start, then user. Instants are aware."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if end <= start:
        return []
    lanes = _lanes(book, schedule, start, end)
    overrides = [
        (number, entry)
        for number, entry in enumerate(schedule.overrides)
        if entry.start < end and entry.end > start and entry.start < entry.end
    ]
    shifts: list[Shift] = []
    running: dict[_Row, datetime] = {}
    for instant, rows in _stretches(schedule, lanes, overrides, start, end):
        over = [row for row in running if row not in rows]
        shifts.extend(_shift(row, running.pop(row), instant) for row in over)
        for row in rows:
            running.setdefault(row, instant)
    shifts.extend(_shift(row, began, end) for row, began in running.items())
    shifts.sort(key=_order)
    return shifts


def on_call(book: Book, schedule: Schedule, instant: datetime) -> list[Shift]:
    """Who is on call at `instant`: the shifts of `resolve` that hold it, without gaps, cut to a minute."""
    return [shift for shift in resolve(book, schedule, instant, instant + _MINUTE) if _is_on(shift, instant)]


def current(book: Book, schedule: Schedule, instant: datetime) -> list[Shift]:
    """The shifts (or the gap) that hold `instant`, with their real start and end, up to 800 days off."""
    found: list[Shift] = []
    for reach in _REACHES:
        start, end = instant - reach, instant + reach
        found = [shift for shift in resolve(book, schedule, start, end) if shift.holds(instant)]
        if all(start < shift.start and shift.end < end for shift in found):
            break
    return found


def following(book: Book, schedule: Schedule, instant: datetime, role: str | None = None) -> list[Shift]:
    """Who is on call next: the shifts that begin together, first after `instant`, of people not on call then.
    With `role`, only that role is looked at.
    """
    return _beside(book, schedule, instant, role, forward=True)


def preceding(book: Book, schedule: Schedule, instant: datetime, role: str | None = None) -> list[Shift]:
    """Who was on call last: the shifts that ended together, last before `instant`, of people not on call
    then. With `role`, only that role is looked at.
    """
    return _beside(book, schedule, instant, role, forward=False)


def changes_anything(book: Book, schedule: Schedule, override: Override) -> bool:
    """Whether `override`, created last, puts on call or takes off call anybody at any instant."""
    without = resolve(book, schedule, override.start, override.end)
    changed = replace(schedule, overrides=(*schedule.overrides, override))
    return _who(without) != _who(resolve(book, changed, override.start, override.end))


def _who(shifts: Iterable[Shift]) -> list[tuple[str, str, datetime, datetime]]:
    # Where somebody came from and which turn it was do not matter: neighbouring shifts of one person are one.
    joined: list[tuple[str, str, datetime, datetime]] = []
    for shift in sorted(shifts, key=lambda entry: (entry.user or "", entry.role or "", entry.start)):
        row = (shift.user or "", shift.role or "", shift.start, shift.end)
        if joined and joined[-1][:2] == row[:2] and row[2] <= joined[-1][3]:
            joined[-1] = (*joined[-1][:3], max(joined[-1][3], row[3]))
        else:
            joined.append(row)
    return joined


def _beside(
    book: Book, schedule: Schedule, instant: datetime, role: str | None, *, forward: bool
) -> list[Shift]:
    now = {shift.user for shift in on_call(book, schedule, instant) if _asked_for(shift, role)}
    for reach in _REACHES:
        start, end = (instant, instant + reach) if forward else (instant - reach, instant)
        others = [
            shift
            for shift in resolve(book, schedule, start, end)
            if shift.user is not None and shift.user not in now and _asked_for(shift, role)
        ]
        if not others:
            continue
        if forward:
            edge = min(shift.start for shift in others)
            return _whole(book, schedule, [shift for shift in others if shift.start == edge], edge)
        edge = max(shift.end for shift in others)
        return _whole(book, schedule, [shift for shift in others if shift.end == edge], edge - _MINUTE)
    return []


def _asked_for(shift: Shift, role: str | None) -> bool:
    return shift.role != SHADOW if role is None else shift.role == role


def _whole(book: Book, schedule: Schedule, clipped: list[Shift], instant: datetime) -> list[Shift]:
    people = {(shift.user, shift.role) for shift in clipped}
    return [shift for shift in current(book, schedule, instant) if (shift.user, shift.role) in people]


def _is_on(shift: Shift, instant: datetime) -> bool:
    return shift.user is not None and shift.holds(instant)


def _order(shift: Shift) -> tuple[datetime, str, str, str, datetime]:
    return (shift.start, shift.user or "", shift.role or "", shift.rotation or "", shift.end)


def _shift(row: _Row, start: datetime, end: datetime) -> Shift:
    return Shift(row.user, row.rotation, row.role, start, end, row.origin, row.turn)


def _lanes(book: Book, schedule: Schedule, start: datetime, end: datetime) -> list[_Lane]:
    lanes = [
        _Lane(rotation.name, layer.role or rotation.role, layer.priority, list(pieces(rotation, start, end)))
        for layer in schedule.layers
        if (rotation := book.rotations.get(layer.rotation)) is not None
    ]
    # Role by role, in the order of the layers; the highest priority first: the first that is active settles
    # who may stand beside it, and those below need not be asked.
    roles = list(dict.fromkeys(lane.role for lane in lanes))
    lanes.sort(key=lambda lane: (roles.index(lane.role), -lane.priority))
    return lanes


def _stretches(
    schedule: Schedule,
    lanes: list[_Lane],
    overrides: list[tuple[int, Override]],
    start: datetime,
    end: datetime,
) -> Iterator[tuple[datetime, dict[_Row, None]]]:
    """The instants at which the answer may change, from `start` on, each with the rows that hold from
    there.
    """
    edges = {start}
    for lane in lanes:
        for piece in lane.pieces:
            edges.add(piece.start)
            edges.add(piece.end)
    for _, override in overrides:
        edges.add(max(override.start, start))
        edges.add(override.end)
    roles = tuple(dict.fromkeys(lane.role for lane in lanes if lane.role != SHADOW)) or (PRIMARY,)
    for instant in sorted(edge for edge in edges if edge < end):
        rows = _by_layers(lanes, instant)
        active = [entry for entry in overrides if entry[1].start <= instant < entry[1].end]
        if active:
            rows = _overridden(rows, active, roles)
        if all(row.role == SHADOW for row in rows):
            filler = [_Row(user, None, roles[0], Origin.FALLBACK, None) for user in schedule.fallback]
            rows.update(dict.fromkeys(filler or [_GAP]))
        yield instant, rows


def _by_layers(lanes: list[_Lane], instant: datetime) -> dict[_Row, None]:
    """Whom the layers put on call; each lane remembers how far it was walked."""
    rows: dict[_Row, None] = {}
    role: str | None = None
    won: int | None = None
    for lane in lanes:
        if lane.role != role:
            role, won = lane.role, None
        elif won is not None and lane.priority != won:
            continue
        piece = lane.at(instant)
        if piece is not None:
            won = lane.priority
            for user in piece.people:
                rows[_Row(user, lane.rotation, role, Origin.ROTATION, piece.turn)] = None
    return rows


def _overridden(
    rows: dict[_Row, None], active: list[tuple[int, Override]], roles: tuple[str, ...]
) -> dict[_Row, None]:
    """What the overrides of one instant, in order of creation, make of the rows of the layers."""
    result: dict[_Row, None] = {}
    for row in rows:
        taken = next(((n, entry) for n, entry in reversed(active) if _takes(entry, row)), None)
        if taken is None:
            result[row] = None
        elif taken[1].kind is OverrideKind.REPLACE:
            number, entry = taken
            result[_Row(entry.user, row.rotation, row.role, entry.origin, row.turn, number)] = None
    plain = next(((n, e) for n, e in reversed(active) if e.kind is OverrideKind.OVERRIDE), None)
    if plain is not None:
        # In each role of the schedule, so that a step which asks for the secondary finds this person too.
        for role in roles:
            result[_Row(plain[1].user, None, role, plain[1].origin, None, plain[0])] = None
    for number, entry in active:
        if entry.kind is OverrideKind.ADD:
            result[_Row(entry.user, None, roles[0], entry.origin, None, number)] = None
    return _once(result)


def _takes(override: Override, row: _Row) -> bool:
    if override.kind is OverrideKind.ADD:
        return False
    if override.replaces is not None and override.kind is not OverrideKind.OVERRIDE:
        return override.replaces == row.user
    return row.role != SHADOW  # a shadow is not on call, so only an override that names them takes them


def _once(rows: dict[_Row, None]) -> dict[_Row, None]:
    """Leave out an override's row for somebody who is on call in that role anyway."""
    seen: set[tuple[str | None, str | None]] = set()
    kept: dict[_Row, None] = {}
    for row in rows:
        who = (row.user, row.role)
        if row.override is None or who not in seen:
            kept[row] = None
        seen.add(who)
    return kept
