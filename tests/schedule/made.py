"""Random definitions for properties, near the nights in which clocks change."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import strategies as st

from tocsin.domain.schedule import (
    Advance,
    Book,
    DayWindow,
    Layer,
    Override,
    OverrideKind,
    Participant,
    Rotation,
    Schedule,
    Unit,
    WeekSpan,
)

# A name twice is a name more often.
ODD = ("Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia", "Europe/Dublin", "Antarctica/Troll")
ZONES = sorted(available_timezones()) + list(ODD) * 8
PEOPLE = ("a", "b", "c", "d")
HOUR = timedelta(hours=1)


@lru_cache(maxsize=1024)
def changes(zone: ZoneInfo, first: int = 2023, last: int = 2027) -> tuple[datetime, ...]:
    """The instants from the first until before the last year at which the clocks of a zone are changed."""
    found: list[datetime] = []
    day, end = datetime(first, 1, 1, tzinfo=UTC), datetime(last, 1, 1, tzinfo=UTC)
    while day < end:
        after = day + timedelta(days=1)
        if day.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            low, high = day, after
            while high - low > timedelta(minutes=1):
                middle = (low + (high - low) / 2).replace(second=0, microsecond=0)
                same = middle.astimezone(zone).utcoffset() == day.astimezone(zone).utcoffset()
                low, high = (middle, high) if same else (low, middle)
            found.append(high)
        day = after
    return tuple(found)


zones = st.sampled_from(ZONES).map(ZoneInfo)
clocks = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
early = st.builds(time, st.integers(0, 4), st.sampled_from([0, 15, 30, 45]))
days = st.integers(0, 6)
participants = st.lists(
    st.one_of(
        st.sampled_from(PEOPLE).map(lambda one: Participant((one,))),
        st.just(Participant(())),
        st.just(Participant(("a", "b"))),
    ),
    min_size=1,
    max_size=5,
).map(tuple)
windows = st.one_of(
    st.builds(
        DayWindow,
        st.sets(days, min_size=1).map(lambda some: tuple(sorted(some))),
        st.one_of(clocks, early),
        st.one_of(clocks, early),
    ),
    st.builds(WeekSpan, days, st.one_of(clocks, early), days, st.one_of(clocks, early)),
)


@st.composite
def moments(draw: st.DrawFn, zone: ZoneInfo) -> datetime:
    """An instant, mostly within two days of a change of the zone's clocks."""
    near = changes(zone)
    if near and draw(st.integers(0, 4)):
        base = draw(st.sampled_from(near))
        return base + timedelta(minutes=15 * draw(st.integers(-4 * 30, 4 * 20)))
    return datetime(2023, 2, 1, tzinfo=UTC) + timedelta(minutes=15 * draw(st.integers(0, 4 * 24 * 1300)))


@st.composite
def rings(draw: st.DrawFn, zone: ZoneInfo, near: date, name: str = "r") -> Rotation:
    """A rotation that began within weeks before (or shortly after) a day."""
    start = datetime.combine(near - timedelta(days=draw(st.integers(-2, 40))), draw(st.one_of(clocks, early)))
    until = None
    if not draw(st.integers(0, 4)):
        until = datetime.combine(near + timedelta(days=draw(st.integers(-1, 3))), draw(clocks))
    return Rotation(
        name=name,
        unit=draw(st.sampled_from(Unit)),
        start=start,
        zone=zone,
        participants=draw(participants),
        every=draw(st.sampled_from([1, 1, 2, 3, 8])),
        until=until,
        advance=draw(st.sampled_from(Advance)),
        restrictions=tuple(draw(st.lists(windows, max_size=2))),
        role=draw(st.sampled_from(["primary", "primary", "secondary", "shadow"])),
        delay_days=draw(st.sampled_from([0, 0, 1, 7])),
        ring_offset=draw(st.sampled_from([0, 0, 1, 3])),
    )


@st.composite
def overrides(draw: st.DrawFn, near: datetime) -> Override:
    start = near + timedelta(minutes=15 * draw(st.integers(-40, 200)))
    kind = draw(st.sampled_from(OverrideKind))
    return Override(
        start,
        start + timedelta(minutes=15 * draw(st.integers(-2, 150))),
        kind,
        None if kind is OverrideKind.REMOVE else draw(st.sampled_from([*PEOPLE, "x", "y"])),
        None if kind in {OverrideKind.OVERRIDE, OverrideKind.ADD} else draw(st.sampled_from([None, *PEOPLE])),
    )


@st.composite
def plans(draw: st.DrawFn, layers: int = 3) -> tuple[Book, Schedule, datetime]:
    """A schedule of up to so many layers, some of them edited, and an instant at which to look at it."""
    zone = draw(zones)
    near = draw(moments(zone))
    made: dict[str, Rotation] = {}
    for number in range(draw(st.integers(1, layers))):
        home = zone if draw(st.integers(0, 3)) else draw(zones)
        ring = draw(rings(home, near.date(), f"r{number}"))
        if not draw(st.integers(0, 3)):
            since = near + timedelta(minutes=15 * draw(st.integers(-20, 120)))
            earlier = draw(rings(home, near.date(), f"r{number}"))
            ring = replace(ring, since=since, earlier=earlier)
        made[ring.name] = ring
    changed = tuple(draw(st.lists(overrides(near), max_size=4)))
    plan = Schedule("s", zone, draw(stacks(made)), draw(fallbacks), changed)
    if not draw(st.integers(0, 3)):
        since = near + timedelta(minutes=15 * draw(st.integers(-20, 120)))
        earlier = Schedule("s", zone, draw(stacks(made)), draw(fallbacks))
        plan = replace(plan, since=since, earlier=earlier)
    return Book(made, {"s": plan}), plan, near


fallbacks = st.sampled_from([(), ("f",), ("f", "a")])


@st.composite
def stacks(draw: st.DrawFn, names: Iterable[str]) -> tuple[Layer, ...]:
    """Most of the rotations as layers."""
    return tuple(
        Layer(name, draw(st.integers(0, 1)), draw(st.sampled_from([None, None, None, "secondary"])))
        for name in names
        if draw(st.integers(0, 5))
    )
