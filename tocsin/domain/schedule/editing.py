"""What an edit of a rotation does to time: the past stays, and the ring goes on where it was.

A changed list of participants holds from the next hand-off on; any other change at once. Either way the ring
keeps its position: whoever is in the middle of a turn stays the one who is, and the next turn goes to whoever
stands after them in the new list.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from tocsin.domain.schedule.model import Participant, Rotation
from tocsin.domain.schedule.turns import next_handoffs, turn_at, versions

_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class Edit:
    """From `since` on the new definition holds, its ring moved by `ring_offset`. `since` None: from the
    start, because neither had begun.
    """

    since: datetime | None
    ring_offset: int


def edit(old: Rotation, new: Rotation, now: datetime, effective: datetime | None = None) -> Edit:
    """How `new` takes over from `old` at `now`; at `effective`, where that is said, whatever changes. Both
    are complete; `new.ring_offset` is not looked at.
    """
    if effective is not None and effective > now:
        return _planned(holding_at(old, effective - _MINUTE), new, effective)
    old = holding_at(old, now)
    turn = turn_at(old, now)
    if turn is None:  # and so nobody was on call
        return Edit(None if turn_at(new, now) is None else now, 0)
    place = (turn + old.ring_offset) % len(old.participants)
    if old.participants == new.participants:
        return _at(now, new, place)
    return _at(next_handoff(old, now), new, _after(old.participants, place, new.participants))


def holding_at(rotation: Rotation, instant: datetime) -> Rotation:
    """The version that holds then."""
    return next(version for version, _, _ in versions(rotation, instant, instant + _MINUTE))


def next_handoff(rotation: Rotation, after: datetime) -> datetime:
    handoffs = next_handoffs(holding_at(rotation, after), after, 1)
    return next((begins for begins, _ in handoffs), after)


def _planned(old: Rotation, new: Rotation, at: datetime) -> Edit:
    before = turn_at(old, at - _MINUTE)
    turn = turn_at(old, at)
    if before is None or turn is None:
        return _at(at, new, 0)
    place = (before + old.ring_offset) % len(old.participants)
    if old.participants == new.participants:
        return _at(at, new, (turn + old.ring_offset) % len(old.participants))
    # In the middle of a turn whoever has it keeps it, if they are still there.
    if turn == before and old.participants[place] in new.participants:
        return _at(at, new, new.participants.index(old.participants[place]))
    return _at(at, new, _after(old.participants, place, new.participants))


def _at(since: datetime, new: Rotation, place: int) -> Edit:
    turn = turn_at(replace(new, ring_offset=0), since)
    if turn is None:  # the new one begins later, and then with its first participant
        return Edit(since, 0)
    return Edit(since, (place - turn) % len(new.participants))


def _after(old: tuple[Participant, ...], place: int, new: tuple[Participant, ...]) -> int:
    """Whose turn comes next in the new ring, after the one at `place` of the old."""
    if old[place] in new:
        return (new.index(old[place]) + 1) % len(new)
    for step in range(1, len(old)):
        candidate = old[(place + step) % len(old)]
        if candidate in new:
            return new.index(candidate)
    return 0


def spliced(rotation: Rotation, since: datetime, past: Rotation) -> Rotation:
    """`rotation` from `since` on, `past` before."""
    if rotation.since is None or rotation.since <= since or rotation.earlier is None:
        return replace(rotation, since=since, earlier=past)
    return replace(rotation, earlier=spliced(rotation.earlier, since, past))
