"""What a change that is not saved yet would do: the schedule now and after it, and who gains or loses."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tocsin.apps.oncall import queries
from tocsin.apps.oncall.types import Preview, ScheduleInfo
from tocsin.domain.schedule import PRIMARY, Shift
from tocsin.domain.schedule.definition import OverrideDefinition, RotationDefinition, ScheduleDefinition
from tocsin.domain.schedule.diff import Moved, Stint
from tocsin.entrypoints.web.lanes import Ink, Lane, Picture, final_lanes, layer_lane
from tocsin.entrypoints.web.window import Window

_MOST = 6  # stretches of time that are listed of one person


@dataclass(frozen=True)
class Move:
    """What one person gains and loses, in words; `more` what is not listed."""

    user: str
    gains: tuple[str, ...]
    loses: tuple[str, ...]
    more_gains: int
    more_loses: int


@dataclass(frozen=True)
class Change:
    schedule: str
    before: Picture
    after: Picture
    moves: tuple[Move, ...]
    ink: Ink
    problem: str = ""


def of_override(
    info: ScheduleInfo,
    change: OverrideDefinition,
    window: Window,
    ink: Ink,
    instead: int | None = None,
) -> Change:
    """`instead`: the override that it takes the place of. Raises what saving it would raise."""
    start, end = min(window.start, change.start), max(window.end, change.end)
    found = queries.preview(
        schedule=info.name, start=start, end=end, now=window.now, override=change, without_override=instead
    )
    return drawn(found, window, ink)


def of_rotation(
    schedule: str, definition: RotationDefinition, window: Window, ink: Ink, effective: datetime | None = None
) -> Change:
    found = queries.preview(
        schedule=schedule,
        start=window.start,
        end=window.end,
        now=window.now,
        rotations=[definition],
        effective=effective,
    )
    return drawn(found, window, ink, layers=True)


def of_schedule(definition: ScheduleDefinition, window: Window, ink: Ink) -> Change:
    found = queries.preview(
        schedule=definition.name, start=window.start, end=window.end, now=window.now, definition=definition
    )
    return drawn(found, window, ink, layers=True)


def drawn(found: Preview, window: Window, ink: Ink, *, layers: bool = False) -> Change:
    below: list[Lane] = []
    if layers:
        below = [layer_lane(name, "", shifts, window, ink) for name, shifts in found.layers]
    return Change(
        schedule=found.schedule,
        before=Picture(window, tuple(final_lanes(_within(found.before, window), window, ink))),
        after=Picture(window, (*final_lanes(_within(found.after, window), window, ink), *below)),
        moves=tuple(filter(None, (_move(each, found.schedule, window) for each in found.moved))),
        ink=ink,
        problem=found.problem,
    )


def _within(shifts: Iterable[Shift], window: Window) -> list[Shift]:
    return [each for each in shifts if each.end > window.start and each.start < window.end]


def _move(moved: Moved, schedule: str, window: Window) -> Move | None:
    """What the change moves on this schedule; a rotation may be a layer of several."""
    gained, lost = (
        [each for each in side if each.schedule == schedule] for side in (moved.gained, moved.lost)
    )
    if not gained and not lost:
        return None
    return Move(
        user=moved.user,
        gains=tuple(_stint(each, window) for each in gained[:_MOST]),
        loses=tuple(_stint(each, window) for each in lost[:_MOST]),
        more_gains=max(len(gained) - _MOST, 0),
        more_loses=max(len(lost) - _MOST, 0),
    )


def _stint(stint: Stint, window: Window) -> str:
    role = "" if stint.role in {None, PRIMARY} else f" ({stint.role})"
    return f"{window.stretch(stint.start, stint.end)}{role}"
