"""Who is on call: the values, and the words they stand for.

A **rotation** is a ring of participants who take **turns**. A turn lasts `every` units (hour, day, week,
month) of wall time in the rotation's zone, counted from `start`. Turn number n belongs to participant n
modulo the size of the ring. Because turns are counted on the wall, a day that loses an hour is a turn of 23
hours, and a turn that falls wholly into such a lost hour has no length: its participant is passed over.

A **participant** is one person, a group who are on call together, or nobody at all (**unassigned**): a hole
made on purpose.

A **restriction** is a part of the week in which the rotation has anybody on call. With `advance: clock` the
ring turns by the calendar whether or not the restrictions leave any time. With `advance: occurrence` only the
**periods** count (one unit each) in which they leave some, so that a ring of five on working days gives
everybody one day a week.

A rotation may **follow** another: it has the same ring, so many days of wall time later (its **delay**).

A **schedule** stacks rotations as **layers**. At every instant and within one **role** the active layers of
the highest priority win, and those of equal priority are on call together; roles do not compete. The role
`shadow` gets copies and covers nothing. An unassigned turn is as good as an inactive layer.

An **override** changes the answer for a while. Each person whom the layers put on call is taken by the last
created override that applies, and what it puts there is not overridden again. A plain override applies to all
and puts its person on call for its whole span, also where nobody was; of several, the last created. `replace`
and `remove` apply only to whom they name (to all, when they name nobody); `add` takes nobody and adds one.

Where then nobody is on call the **fallback** is, and is marked as such; without a fallback that is a **gap**.

A **shift** is the answer: one person, from when to when, in which role, and where it came from. Instants are
aware and in UTC; intervals hold their start and not their end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

PRIMARY: Final = "primary"
SECONDARY: Final = "secondary"
SHADOW: Final = "shadow"
UTC_ZONE: Final = ZoneInfo("UTC")


class Unit(StrEnum):
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class Advance(StrEnum):
    CLOCK = "clock"
    OCCURRENCE = "occurrence"


class OverrideKind(StrEnum):
    OVERRIDE = "override"
    REPLACE = "replace"
    ADD = "add"
    REMOVE = "remove"


class Origin(StrEnum):
    ROTATION = "rotation"
    OVERRIDE = "override"
    SWAP = "swap"
    FALLBACK = "fallback"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class Participant:
    """The e-mails of who is on call together; none: unassigned."""

    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DayWindow:
    """On each of `days` (Monday is 0) from `start` to `end`, wall time; `end <= start` runs past midnight."""

    days: tuple[int, ...]
    start: time
    end: time


@dataclass(frozen=True, slots=True)
class WeekSpan:
    """From one point of the week to another, wall time; equal points are the whole week."""

    from_day: int
    from_time: time
    to_day: int
    to_time: time


Restriction = DayWindow | WeekSpan


@dataclass(frozen=True, slots=True)
class Rotation:
    """`start` and `until` are naive, in `zone`; `delay_days` moves every hand-off, but not `until`, by days
    of wall time.
    """

    name: str
    unit: Unit
    start: datetime
    zone: ZoneInfo
    participants: tuple[Participant, ...]
    every: int = 1
    until: datetime | None = None
    advance: Advance = Advance.CLOCK
    restrictions: tuple[Restriction, ...] = ()
    role: str = PRIMARY
    delay_days: int = 0
    ring_offset: int = 0  # added to the number of a turn, so that an edited ring goes on where it was
    since: datetime | None = (
        None  # before this instant, `earlier` is what holds: an edit never changes the past
    )
    earlier: "Rotation | None" = None

    @property
    def people(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(person for entry in self.participants for person in entry.people))


@dataclass(frozen=True, slots=True)
class Layer:
    """`role` None: the rotation's own."""

    rotation: str
    priority: int = 0
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Override:
    start: datetime
    end: datetime
    kind: OverrideKind = OverrideKind.OVERRIDE
    user: str | None = None
    replaces: str | None = None
    origin: Origin = Origin.OVERRIDE


@dataclass(frozen=True, slots=True)
class Schedule:
    """`overrides` in order of creation."""

    name: str
    zone: ZoneInfo
    layers: tuple[Layer, ...]
    fallback: tuple[str, ...] = ()
    overrides: tuple[Override, ...] = ()
    since: datetime | None = None  # before this instant the layers and the fallback of `earlier` hold
    earlier: "Schedule | None" = None
    gone: tuple[Rotation, ...] = ()  # of an earlier one: rotations of its layers that were deleted since


@dataclass(frozen=True, slots=True)
class Shift:
    """`user` None is a gap. `turn` numbers the rotation's turn, so that two turns of one person stay two
    shifts.
    """

    user: str | None
    rotation: str | None
    role: str | None
    start: datetime
    end: datetime
    origin: Origin
    turn: int | None = None

    def holds(self, instant: datetime) -> bool:
        return self.start <= instant < self.end


@dataclass(frozen=True, slots=True)
class Book:
    """All definitions at once. A rotation is also a schedule of its own name, unless one is defined."""

    rotations: Mapping[str, Rotation] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)

    def schedule(self, name: str) -> Schedule | None:
        if name in self.schedules:
            return self.schedules[name]
        rotation = self.rotations.get(name)
        return None if rotation is None else Schedule(name, rotation.zone, (Layer(name),))

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.schedules, *(name for name in self.rotations if name not in self.schedules))

    @property
    def own_names(self) -> tuple[str, ...]:
        """Without the rotations that are a layer of a schedule: nobody is on call for such a one alone."""
        layers = {layer.rotation for plan in self.schedules.values() for layer in plan.layers}
        return tuple(name for name in self.names if name in self.schedules or name not in layers)

    def alone_since(self, name: str) -> datetime | None:
        """For a rotation that is a schedule of its own: when it last was a layer of another, if ever."""
        ends = []
        for plan in self.schedules.values():
            version = plan
            while version.since is not None and version.earlier is not None:
                if any(layer.rotation == name for layer in version.earlier.layers):
                    ends.append(version.since)
                version = version.earlier
        return None if name in self.schedules else max(ends, default=None)
