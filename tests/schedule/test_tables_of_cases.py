"""The rules by example. The tables are in `cases/`; each says what its columns are. Whatever a table says of
a short stretch, the minute-by-minute count says too.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from tests.schedule import oracle
from tocsin.domain.schedule import (
    Book,
    Layer,
    Override,
    OverrideKind,
    Participant,
    Rotation,
    Schedule,
    Shift,
    Unit,
    resolve,
)
from tocsin.domain.schedule.model import UTC_ZONE
from tocsin.domain.schedule.turns import pieces
from tocsin.domain.time import to_instant

DAY = datetime(2024, 8, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
OVERRIDE = re.compile(r"(?:(add|remove|replace)\s*)?(?:(\w+)?\s+by\s+)?(\w+)?\s*(\S+)-(\S+)")


def _table(name: str) -> list[Any]:
    text = (Path(__file__).parent / "cases" / f"{name}.yaml").read_text(encoding="utf-8")
    rows: list[Any] = yaml.load(text, Loader=yaml.BaseLoader)
    return [
        pytest.param(*row, id=f"{number}: {' '.join(row[:4])[:60]}") for number, row in enumerate(rows, 1)
    ]


def _resolved(book: Book, plan: Schedule, start: datetime, end: datetime) -> list[Shift]:
    found = resolve(book, plan, start, end)
    if end - start <= 3 * 24 * HOUR:
        told = [
            oracle.Told(one.user, one.rotation, one.role, one.origin, one.turn, one.start, one.end)
            for one in found
        ]
        assert told == oracle.tell(book, plan, start, end)
    return found


def _moment(text: str, zone: ZoneInfo = UTC_ZONE) -> datetime:
    return to_instant(datetime.fromisoformat(text), zone)


def _local(instant: datetime, zone: ZoneInfo) -> str:
    there = instant.astimezone(zone)
    offset = f"{there:%z}"
    return f"{there:%m-%d %H:%M}{offset[:3]}" + (f":{offset[3:]}" if offset[3:] != "00" else "")


@pytest.mark.parametrize(
    ("zone", "wall", "first", "last"),
    [pytest.param(*[*row.values, row.values[-1]][:4], id=row.id) for row in _table("instants")],
)
def test_what_a_wall_time_means(zone: str, wall: str, first: str, last: str) -> None:
    moment, home = datetime.fromisoformat(wall), ZoneInfo(zone)
    found = [to_instant(moment, home), to_instant(moment, home, last=True)]
    assert [f"{instant:%Y-%m-%dT%H:%M}" for instant in found] == [first, last]


@pytest.mark.parametrize(
    ("zone", "unit", "every", "start", "expected", "seen_from"),
    [pytest.param(*[*row.values, row.values[3]][:6], id=row.id) for row in _table("handoffs")],
)
def test_who_begins_when(zone: str, unit: str, every: str, start: str, expected: str, seen_from: str) -> None:
    home, ring = ZoneInfo(zone), tuple(Participant((f"u{number}",)) for number in range(3))
    rotation = Rotation("r", Unit(unit), datetime.fromisoformat(start), home, ring, int(every))
    begins = _moment(seen_from, home)
    rows = expected.split(" | ")
    found: list[str] = []
    for piece in pieces(rotation, begins, begins + timedelta(days=2000)):
        found.append(f"{piece.people[0]} {_local(piece.start, home)}")
        if len(found) == len(rows):
            break
    assert found == rows
    plan = Schedule("s", home, (Layer("r"),))
    _resolved(Book({"r": rotation}, {"s": plan}), plan, begins, begins + 3 * 24 * HOUR)


@pytest.mark.parametrize(("zone", "restrictions", "start", "end", "expected"), _table("restrictions"))
def test_when_restrictions_leave_time(
    book: Callable[[str], Book], zone: str, restrictions: str, start: str, end: str, expected: str
) -> None:
    made = book(
        "rotations: [{name: r, type: monthly, start: 2000-01-01T00:00, "
        f"timezone: {zone}, participants: [a@x.y], restrictions: [{restrictions}]}}]"
    )
    plan, home = made.schedule("r"), ZoneInfo(zone)
    assert plan is not None
    shifts = _resolved(made, plan, _moment(start, home), _moment(end, home))
    found = [(shift.start, shift.end) for shift in shifts if shift.user]
    # The turn of a month ends in the middle of some of these.
    joined = [f"{_local(begins, home)}..{_local(ends, home)}" for begins, ends in oracle.joined(found)]
    assert joined == [row for row in expected.split(" | ") if row]


@pytest.mark.parametrize(("rotation", "start", "end", "expected"), _table("occurrence"))
def test_turns_by_occurrence(
    book: Callable[[str], Book], rotation: str, start: str, end: str, expected: str
) -> None:
    made = book(f"rotations: [{{name: r, advance: occurrence, {rotation}}}]")
    plan = made.schedule("r")
    assert plan is not None
    found = [
        f"{shift.start:%m-%d %H} {shift.user[0]}"
        for shift in resolve(made, plan, _moment(start), _moment(end))
        if shift.user
    ]
    assert ", ".join(found) == expected
    _resolved(made, plan, _moment(start), _moment(start) + 3 * 24 * HOUR)


@pytest.mark.parametrize(("base", "follower", "start", "end", "expected"), _table("followers"))
def test_who_follows(
    book: Callable[[str], Book], base: str, follower: str, start: str, end: str, expected: str
) -> None:
    made = book(
        f"rotations:\n  - {{name: base, {base}}}\n"
        "  - {name: middle, follows: base, start_delay: 1}\n"
        f"  - {{name: f, {'' if 'follows' in follower else 'follows: base, '}{follower}}}\n"
    )
    plan = made.schedule("f")
    assert plan is not None
    shifts = _resolved(made, plan, _moment(start), _moment(end))
    found = [f"{shift.user[0]} {shift.start:%m-%d %H:%M}" for shift in shifts if shift.user]
    assert ", ".join(found) == expected


@pytest.mark.parametrize(
    ("layers", "overrides", "expected", "fallback"),
    [pytest.param(*[*row.values, ""][:4], id=row.id) for row in _table("layers")],
)
def test_a_day_of_layers_and_overrides(layers: str, overrides: str, expected: str, fallback: str) -> None:
    rings, stack = {}, []
    for number, row in enumerate(layers.split(", ") if layers else ()):
        who, span, priority, *role = row.split(" ")
        start, end = (_hour(text).replace(tzinfo=None) for text in span.split("-"))
        ring = (Participant(() if who == "hole" else (who,)),)
        name = f"r{number}"
        rings[name] = Rotation(
            name, Unit.MONTHLY, start, UTC_ZONE, ring, until=end, role=role[0] if role else "primary"
        )
        stack.append(Layer(name, int(priority)))
    changes = tuple(_override(text) for text in overrides.split(", ") if text)
    plan = Schedule("s", UTC_ZONE, tuple(stack), tuple(fallback.split(", ")) if fallback else (), changes)
    shifts = _resolved(Book(rings, {"s": plan}), plan, DAY, DAY + 24 * HOUR)
    spans: dict[tuple[str, str], list[tuple[datetime, datetime]]] = {}
    for shift in shifts:
        spans.setdefault((shift.user or "-", shift.role or "primary"), []).append((shift.start, shift.end))
    found = [
        (start, who + ("" if role == "primary" else f"/{role}"), end)
        for (who, role), several in spans.items()
        for start, end in oracle.joined(several)
    ]
    told = [f"{who} {(start - DAY) / HOUR:g}-{(end - DAY) / HOUR:g}" for start, who, end in found]
    assert sorted(told) == sorted(expected.split(", "))


def _hour(text: str) -> datetime:
    return DAY + float(text) * HOUR


def _override(text: str) -> Override:
    match = OVERRIDE.fullmatch(text)
    assert match, text
    kind, replaced, who, start, end = match.groups()
    if kind == "remove":
        return Override(_hour(start), _hour(end), OverrideKind.REMOVE, None, who)
    return Override(_hour(start), _hour(end), OverrideKind(kind or "override"), who, replaced)
