"""The picture of a schedule: lanes of bars on a strip of time, drawn by templates/oncall/lanes.html.

Widths are in percent of the strip, heights in pixels: it fits any screen without script.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tocsin.domain.schedule import PRIMARY, Origin, Shift
from tocsin.entrypoints.web.faces import HUES, hue, initials
from tocsin.entrypoints.web.window import Window

ROW = 34  # pixels from one row of bars to the next
_TOP = 6
# How many pixels of a usual screen one percent of the strip has, and one letter takes.
_PERCENT, _LETTER, _PADDING = 7.6, 6.4, 13
_THIN = 1.6
_NARROWEST = 0.25  # in percent: a minute's shift can still be seen

_BECAUSE = {
    Origin.OVERRIDE: "an override",
    Origin.SWAP: "a swap",
    Origin.FALLBACK: "the fallback: nobody else is on call",
    Origin.GAP: "no layer has anybody on call here",
}


@dataclass(frozen=True)
class Bar:
    """`tone` is a class: rotation, override, swap, fallback, gap, removal, away. `number`: of its row in the
    table; `item`: the id of an override; `fixed`: it cannot be moved here.
    """

    x: float
    width: float
    y: int
    tone: str
    hue: int
    label: str
    who: str
    when: str
    why: str
    start: datetime
    end: datetime
    user: str | None = None
    number: int | None = None
    item: int | None = None
    kind: str = ""
    replaces: str | None = None
    version: str = ""
    fixed: bool = True

    @property
    def thin(self) -> bool:
        """Too narrow for more than its colour."""
        return self.width < _THIN


@dataclass(frozen=True)
class Lane:
    kind: str  # final | layer | overrides | away
    label: str
    sub: str
    bars: tuple[Bar, ...]
    rows: int = 1

    @property
    def height(self) -> int:
        return self.rows * ROW + 2 * _TOP - 4


@dataclass(frozen=True)
class Ink:
    """What people are called and which colour each has: their own, unless somebody before them has it."""

    called: Mapping[str, str]
    hues: Mapping[str, int]

    def name(self, email: str | None) -> str:
        return self.called.get(email or "", email or "")

    def hue(self, email: str | None) -> int:
        own = self.hues.get(email or "")
        return hue(email or "") if own is None else own


@dataclass(frozen=True)
class Picture:
    window: Window
    lanes: tuple[Lane, ...]
    legend: tuple[tuple[str, str, int], ...] = ()  # e-mail, name, hue

    @property
    def days(self) -> tuple[object, ...]:
        return tuple(self.window.days)

    @property
    def tones(self) -> frozenset[str]:
        return frozenset(bar.tone for lane in self.lanes for bar in lane.bars)


def ink(people: Iterable[str], called: Mapping[str, str]) -> Ink:
    hues: dict[str, int] = {}
    for email in people:
        own = hue(email)
        free = [(own + step) % HUES for step in range(HUES) if (own + step) % HUES not in hues.values()]
        hues.setdefault(email, free[0] if free else own)
    return Ink(called, hues)


def because(shift: Shift) -> str:
    return f"rotation {shift.rotation}" if shift.origin is Origin.ROTATION else _BECAUSE[shift.origin]


def final_lanes(shifts: Sequence[Shift], window: Window, ink: Ink) -> list[Lane]:
    """One lane per role, the first with the gaps; people who are on call together stand under one another.
    A bar's number is its place in `shifts`.
    """
    numbers = {id(shift): number for number, shift in enumerate(shifts)}
    roles = sorted({shift.role for shift in shifts if shift.role}, key=lambda role: (role != PRIMARY, role))
    roles = roles or [PRIMARY]
    found = []
    for place, role in enumerate(roles):
        mine = [each for each in shifts if each.role == role or (each.user is None and place == 0)]
        rows = apart(mine)
        bars = [
            _bar(shift, window, ink, row=number, number=numbers[id(shift)])
            for number, row in enumerate(rows)
            for shift in row
        ]
        label, sub = ("On call", role if len(roles) > 1 else "the answer") if place == 0 else ("", role)
        found.append(Lane("final", label, sub, tuple(bars), len(rows)))
    return found


def layer_lane(label: str, sub: str, shifts: Iterable[Shift], window: Window, ink: Ink) -> Lane:
    rows = apart([shift for shift in shifts if shift.user is not None])
    bars = (
        _bar(shift, window, ink, row=number, number=None) for number, row in enumerate(rows) for shift in row
    )
    return Lane("layer", label, sub, tuple(bars), len(rows))


def legend(lanes: Iterable[Lane], ink: Ink) -> tuple[tuple[str, str, int], ...]:
    people = {bar.user for lane in lanes for bar in lane.bars if bar.user}
    return tuple(sorted(((each, ink.name(each), ink.hue(each)) for each in people), key=lambda one: one[1]))


def apart(shifts: Sequence[Shift]) -> list[list[Shift]]:
    """In rows in which no two overlap."""
    rows: list[list[Shift]] = [[]]
    for shift in sorted(shifts, key=lambda each: each.start):
        free = next((row for row in rows if not row or row[-1].end <= shift.start), None)
        if free is None:
            rows.append([shift])
        else:
            free.append(shift)
    return rows


def placed(window: Window, start: datetime, end: datetime, row: int) -> tuple[float, float, int]:
    """x, width and y of a bar."""
    x = window.x(start)
    return x, max(round(window.x(end) - x, 3), _NARROWEST), _TOP + row * ROW


def _bar(shift: Shift, window: Window, ink: Ink, *, row: int, number: int | None) -> Bar:
    x, width, y = placed(window, shift.start, shift.end, row)
    name = ink.name(shift.user) or "Nobody"
    return Bar(
        x=x,
        width=width,
        y=y,
        tone=str(shift.origin),
        hue=ink.hue(shift.user),
        label=fitting(name, width) if shift.user else whole(name, width),
        who=name,
        when=window.stretch(shift.start, shift.end),
        why=because(shift),
        start=shift.start,
        end=shift.end,
        user=shift.user,
        number=number,
    )


def whole(words: str, width: float) -> str:
    """All of it, or nothing."""
    return words if len(words) * _LETTER <= width * _PERCENT - _PADDING else ""


def fitting(name: str, width: float) -> str:
    """As much of a name as a bar of that width, in percent of the strip, has room for."""
    if whole(name, width):
        return name
    first = name.split(maxsplit=1)[0] if name.strip() else name
    return whole(first, width) or whole(initials(name), width)
