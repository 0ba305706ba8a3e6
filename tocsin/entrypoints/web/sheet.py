"""What the page of a schedule shows of one stretch of time: the picture, and the same as a table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from urllib.parse import urlencode

from tocsin.apps.oncall import queries
from tocsin.apps.oncall.types import OverrideInfo, ScheduleInfo
from tocsin.domain.errors import NotFound
from tocsin.domain.schedule import PRIMARY, Book, Layer, Origin, OverrideKind, Schedule, Shift, resolve
from tocsin.entrypoints.web.lanes import (
    Bar,
    Ink,
    Lane,
    Picture,
    because,
    final_lanes,
    fitting,
    layer_lane,
    legend,
    placed,
)
from tocsin.entrypoints.web.window import Window

# How far beyond its edges the page looks, so that a shift which began last week says so: not far, and further
# where that cuts one. Most of hundreds of short shifts need no more than the first.
_BEYOND = (timedelta(days=1), timedelta(days=14))
MOST_ROWS = 150
_KINDS = {
    OverrideKind.OVERRIDE: "on call instead of whoever is",
    OverrideKind.REPLACE: "in the place of {}",
    OverrideKind.ADD: "on call as well",
    OverrideKind.REMOVE: "taken off call",
}


@dataclass(frozen=True)
class Row:
    """`query`: the shift in the words of a link, for an override or a swap of it."""

    number: int
    shift: Shift
    name: str
    hue: int
    since: str
    until: str
    start: str
    end: str
    why: str
    query: str
    now: bool
    over: bool


@dataclass(frozen=True)
class Sheet:
    picture: Picture
    earlier: tuple[Row, ...]  # what is over, when not all of it is
    rows: tuple[Row, ...]
    over: int  # how many are over, listed or not
    left_out: int  # rows that the table does not list
    roles: bool  # whether there is another than the primary one


def plan_of(made: Book, name: str) -> Schedule:
    plan = made.schedule(name)
    if plan is None:
        raise NotFound("schedule", name)
    return plan


def seen(made: Book, name: str, window: Window) -> list[Shift]:
    """The shifts and gaps of the window with their real ends, as far as two weeks beyond it."""
    return _whole(made, plan_of(made, name), window)


def _whole(made: Book, plan: Schedule, window: Window) -> list[Shift]:
    found: list[Shift] = []
    for beyond in _BEYOND:
        start, end = window.start - beyond, window.end + beyond
        wide = resolve(made, plan, start, end)
        found = [shift for shift in wide if shift.end > window.start and shift.start < window.end]
        if not any(shift.start <= start or shift.end >= end for shift in found):
            break
    return found


def sheet(made: Book, info: ScheduleInfo, window: Window, ink: Ink) -> Sheet:
    shifts = seen(made, info.name, window)
    lanes = [
        *final_lanes(shifts, window, ink),
        *_layers(made, info, window, ink),
        *_changes(info.name, window, ink),
        *_away(info, window, ink),
    ]
    # What is to come is listed before what is over.
    over = sum(shift.end <= window.now for shift in shifts) if window.end > window.now else 0
    last = min(over + MOST_ROWS, len(shifts))
    first = min(max(last - MOST_ROWS, 0), over)
    listed = tuple(_rows(shifts, range(first, last), window, ink))
    return Sheet(
        picture=Picture(window, tuple(lanes), legend(lanes, ink)),
        earlier=listed[: over - first],
        rows=listed[over - first :],
        over=over,
        left_out=len(shifts) - len(listed),
        roles=any(shift.role not in {None, PRIMARY} for shift in shifts),
    )


def _rows(shifts: Sequence[Shift], numbers: Iterable[int], window: Window, ink: Ink) -> Iterable[Row]:
    for number in numbers:
        shift = shifts[number]
        start, end = shift.start.isoformat(), shift.end.isoformat()
        yield Row(
            number=number,
            shift=shift,
            name=ink.name(shift.user),
            hue=ink.hue(shift.user),
            since=window.said(shift.start),
            until=window.said(shift.end),
            start=start,
            end=end,
            why=because(shift),
            query=urlencode({"start": start, "end": end, "replaces": shift.user or ""}),
            now=shift.holds(window.now),
            over=shift.end <= window.now,
        )


def _layers(made: Book, info: ScheduleInfo, window: Window, ink: Ink) -> Iterable[Lane]:
    """One lane per rotation as it would be alone; the highest priority first, as the answer takes them."""
    rotations = queries.rotations([layer.rotation for layer in info.layers])
    words = {each.name: each.summary for each in rotations}
    several = len({layer.priority for layer in info.layers}) > 1
    for layer in sorted(info.layers, key=lambda each: -each.priority):
        alone = Schedule(info.name, window.zone, (Layer(layer.rotation, 0, layer.role),))
        there = _whole(made, alone, window)
        facts = [words.get(layer.rotation, "")]
        if layer.role:
            facts.insert(0, layer.role)
        if several:
            facts.insert(0, f"priority {layer.priority}")
        yield layer_lane(layer.rotation, " · ".join(filter(None, facts)), there, window, ink)


def _away(info: ScheduleInfo, window: Window, ink: Ink) -> Iterable[Lane]:
    """Who of its people is away: it takes nobody off call, so that somebody must."""
    found = queries.absences(start=window.start, end=window.end)
    absent = sorted((each for each in found if each.email in info.people), key=lambda each: each.start)
    bars = []
    for row, each in enumerate(absent):
        x, width, y = placed(window, each.start, each.end, row)
        name = ink.name(each.email)
        bars.append(
            Bar(
                x=x,
                width=width,
                y=y,
                tone="away",
                hue=ink.hue(each.email),
                label=fitting(name, width),
                who=name,
                when=window.stretch(each.start, each.end),
                why=f"away{f': {each.note}' if each.note else ''}",
                start=each.start,
                end=each.end,
            )
        )
    if bars:
        yield Lane("away", "Away", "still on call where it says so", tuple(bars), len(bars))


def _changes(name: str, window: Window, ink: Ink) -> Iterable[Lane]:
    """The overrides and swaps that touch the window."""
    found = [each for each in queries.overrides(name, since=window.start) if each.start < window.end]
    if not found:
        return
    ends: list[OverrideInfo] = []
    bars = []
    for each in sorted(found, key=lambda one: one.start):
        place = next((n for n, last in enumerate(ends) if last.end <= each.start), len(ends))
        ends[place : place + 1] = [each]
        bars.append(_change(each, window, ink, place))
    yield Lane("overrides", "Overrides", "the last created wins", tuple(bars), len(ends))


def _change(info: OverrideInfo, window: Window, ink: Ink, row: int) -> Bar:
    x, width, y = placed(window, info.start, info.end, row)
    other = ink.name(info.replaces)
    name = ink.name(info.user) or other or "Everybody"
    removal = info.kind is OverrideKind.REMOVE
    return Bar(
        x=x,
        width=width,
        y=y,
        tone="removal" if removal else str(Origin.SWAP if info.swap else Origin.OVERRIDE),
        hue=ink.hue(info.user or info.replaces),
        label=fitting(f"{name} off" if removal else name, width),
        who=name,
        when=window.stretch(info.start, info.end),
        why=f"{_KINDS[info.kind].format(other or 'whoever is on call')} · {origin(info, ink)}",
        start=info.start,
        end=info.end,
        user=info.user,
        item=info.id,
        kind=str(info.kind),
        replaces=info.replaces,
        version=version(info),
        fixed=is_fixed(info) or info.end <= window.now,
    )


def is_fixed(info: OverrideInfo) -> bool:
    """Whether something else owns it: a file, a swap, a calendar."""
    return info.from_file or info.swap is not None or info.calendar is not None


def origin(info: OverrideInfo, ink: Ink) -> str:
    if info.from_file:
        return "kept in a configuration file"
    if info.calendar is not None:
        return f"from the calendar “{info.calendar}”"
    return f"{'a swap' if info.swap else 'made'} by {ink.name(info.created_by)}"


def version(item: OverrideInfo) -> str:
    """Another one after any change, so that of two people who edit at once the second is told."""
    facts = (item.start, item.end, item.kind, item.user, item.replaces)
    return sha256(repr(facts).encode()).hexdigest()[:16]
