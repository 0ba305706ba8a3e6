"""Rotations and schedules as written, and how they become complete.

A rotation says only what it does not take from the one it follows. Following happens here and once: a
complete rotation has a start, a zone and a ring of its own, so the resolver never looks elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from tocsin.domain.schedule.editing import spliced
from tocsin.domain.schedule.model import (
    PRIMARY,
    Advance,
    Book,
    DayWindow,
    Layer,
    Origin,
    Override,
    OverrideKind,
    Participant,
    Restriction,
    Rotation,
    Schedule,
    Unit,
    WeekSpan,
)
from tocsin.domain.time import to_instant, to_wall

# A fixed Monday, so that one file always gives one answer.
FIRST_DAY: Final = date(2024, 1, 1)
DEFAULT_HANDOFF: Final = time(9)
_UTC: Final = ZoneInfo("UTC")
_LAST_OF_MONTH: Final = 31


class DefinitionError(ValueError):
    """A definition that cannot be completed; `field` is where in it."""

    def __init__(self, name: str, field: str, message: str) -> None:
        self.name, self.field, self.message = name, field, message
        super().__init__(f"{name}: {field}: {message}")


@dataclass(frozen=True)
class RotationDefinition:
    """None: not said. `follows` names the rotation from which what is not said is taken.

    `handoff_day` is a day of the week (Monday is 0) or, for monthly rotations, a day of the month. `start`
    and `until` are naive; `start_date` is a start without its time, which `handoff_time` gives.
    """

    name: str
    unit: Unit | None = None
    every: int | None = None
    start: datetime | None = None
    start_date: date | None = None
    handoff_time: time | None = None
    handoff_day: int | None = None
    until: datetime | None = None
    zone: ZoneInfo | None = None
    participants: tuple[Participant, ...] | None = None
    advance: Advance | None = None
    restrictions: tuple[Restriction, ...] | None = None
    role: str = PRIMARY
    follows: str | None = None
    start_delay: int | None = None  # days of wall time
    ring_offset: int | None = None

    @property
    def says_when(self) -> bool:
        said = (self.start, self.start_date, self.handoff_time, self.handoff_day)
        return any(entry is not None for entry in said)

    @property
    def is_whole(self) -> bool:
        """Whether it says all of what a rotation otherwise takes from the one before it."""
        return self.participants is not None and self.says_when and self.zone is not None


@dataclass(frozen=True)
class PastDefinition:
    """What a rotation's definition was until `until`, an instant."""

    definition: RotationDefinition
    until: datetime


Pasts = Mapping[str, tuple[PastDefinition, ...]]  # by rotation, oldest first


@dataclass(frozen=True)
class OverrideDefinition:
    """`start` and `end` naive are in the schedule's zone."""

    start: datetime
    end: datetime
    kind: OverrideKind = OverrideKind.OVERRIDE
    user: str | None = None
    replaces: str | None = None


@dataclass(frozen=True)
class ScheduleDefinition:
    """`zone` None: that of the first layer. `readiness`: how long before a shift the incoming person confirms
    a test page; None: not said, zero: not asked. `swap_approval`: a swap waits for somebody who may edit the
    schedule.
    """

    name: str
    layers: tuple[Layer, ...] = ()
    zone: ZoneInfo | None = None
    fallback: tuple[str, ...] = ()
    overrides: tuple[OverrideDefinition, ...] = ()
    team: str | None = None
    readiness: timedelta | None = None
    swap_approval: bool = False


@dataclass(frozen=True)
class PastSchedule:
    """What a schedule's definition was until `until`, an instant. `gone`: what those of its rotations were
    that were deleted since.
    """

    definition: ScheduleDefinition
    until: datetime
    gone: Pasts = field(default_factory=dict)


SchedulePasts = Mapping[str, tuple[PastSchedule, ...]]  # by schedule, oldest first


def make_book(
    rotations: Mapping[str, RotationDefinition],
    schedules: Mapping[str, ScheduleDefinition],
    pasts: Pasts = MappingProxyType({}),
    schedule_pasts: SchedulePasts = MappingProxyType({}),
) -> Book:
    """Complete every definition; raises DefinitionError. The pasts are what edited ones were before."""
    complete: dict[str, Rotation] = {}
    for name in rotations:
        _complete(name, rotations, pasts, complete, ())
    made = {
        name: _with_past(make_schedule(entry, complete), schedule_pasts.get(name, ()), complete)
        for name, entry in schedules.items()
    }
    return Book(complete, made)


def make_schedule(definition: ScheduleDefinition, rotations: Mapping[str, Rotation]) -> Schedule:
    for number, layer in enumerate(definition.layers):
        if layer.rotation not in rotations:
            raise DefinitionError(
                definition.name, f"layers[{number}].rotation", f"there is no rotation {layer.rotation!r}"
            )
    zone = definition.zone or next((rotations[layer.rotation].zone for layer in definition.layers), _UTC)
    overrides = tuple(_override(entry, zone) for entry in definition.overrides)
    return Schedule(definition.name, zone, definition.layers, definition.fallback, overrides)


def _with_past(
    schedule: Schedule, pasts: tuple[PastSchedule, ...], rotations: Mapping[str, Rotation]
) -> Schedule:
    earlier: Schedule | None = None
    since: datetime | None = None
    for past in pasts:
        gone = {name: _chained(several, None) for name, several in past.gone.items()}
        known = {**rotations, **{name: one for name, one in gone.items() if one is not None}}
        layers = tuple(layer for layer in past.definition.layers if layer.rotation in known)
        was = make_schedule(replace(past.definition, layers=layers, overrides=()), known)
        left = tuple(one for one in gone.values() if one is not None)
        earlier, since = replace(was, since=since, earlier=earlier, gone=left), past.until
    return replace(schedule, since=since, earlier=earlier)


def former_schedule(name: str, pasts: tuple[PastSchedule, ...]) -> Schedule:
    """One that is no more: nobody is on call by it since the last of its pasts."""
    zone = next((past.definition.zone for past in reversed(pasts) if past.definition.zone), _UTC)
    return _with_past(Schedule(name, zone, ()), pasts, {})


def _override(definition: OverrideDefinition, zone: ZoneInfo) -> Override:
    return Override(
        _instant(definition.start, zone),
        _instant(definition.end, zone),
        definition.kind,
        definition.user,
        definition.replaces,
        Origin.OVERRIDE,
    )


def _instant(moment: datetime, zone: ZoneInfo) -> datetime:
    return to_instant(moment, zone) if moment.tzinfo is None else moment


def _complete(
    name: str,
    definitions: Mapping[str, RotationDefinition],
    pasts: Pasts,
    done: dict[str, Rotation],
    above: tuple[str, ...],
) -> Rotation:
    if name in done:
        return done[name]
    definition = definitions[name]
    base: Rotation | None = None
    if definition.follows is not None:
        if definition.follows not in definitions:
            raise DefinitionError(name, "follows", f"there is no rotation {definition.follows!r}")
        if definition.follows in (*above, name):
            raise DefinitionError(name, "follows", "rotations cannot follow each other in a circle")
        base = _complete(definition.follows, definitions, pasts, done, (*above, name))
    rotation = _whole(definition, base)
    several = pasts.get(name, ())
    chain = _chained(several, base)
    done[name] = rotation if chain is None else spliced(rotation, several[-1].until, chain)
    return done[name]


def _chained(several: tuple[PastDefinition, ...], base: Rotation | None) -> Rotation | None:
    """The last of them, with those before it."""
    chain: Rotation | None = None
    since: datetime | None = None
    for past in several:
        before = _whole(past.definition, base)
        chain = before if chain is None or since is None else spliced(before, since, chain)
        since = past.until
    return chain


def _whole(definition: RotationDefinition, base: Rotation | None) -> Rotation:
    return _leader(definition) if base is None else _follower(definition, base)


def _leader(definition: RotationDefinition) -> Rotation:
    if not definition.participants:
        raise DefinitionError(
            definition.name, "participants", "expected participants, or `follows` a rotation that has some"
        )
    unit = definition.unit or Unit.WEEKLY
    return Rotation(
        name=definition.name,
        unit=unit,
        every=definition.every or 1,
        start=_start(definition, unit),
        until=definition.until,
        zone=definition.zone or _UTC,
        participants=definition.participants,
        advance=definition.advance or Advance.CLOCK,
        restrictions=definition.restrictions or (),
        role=definition.role,
        delay_days=definition.start_delay or 0,
        ring_offset=definition.ring_offset or 0,
    )


def _follower(definition: RotationDefinition, base: Rotation) -> Rotation:
    """What `definition` says, and the rest from `base`, all of it `start_delay` days of wall time later."""
    delay = definition.start_delay or 0
    unit = definition.unit or base.unit
    # One without participants is the other's ring, later; one with its own takes only hand-off and zone.
    copies = definition.participants is None
    restrictions, until, every = definition.restrictions, definition.until, definition.every
    if copies:
        if restrictions is None:
            restrictions = tuple(_later(entry, delay) for entry in base.restrictions)
        if until is None and base.until is not None:
            until = base.until + timedelta(days=delay)
        if every is None and unit is base.unit:
            every = base.every
    starts_anew = any(
        entry is not None for entry in (definition.start, definition.start_date, definition.handoff_day)
    )
    # For one with a ring of its own the other's delay matters only as far as it moves the day of the hand-
    # off.
    base_delay = base.delay_days if copies else base.delay_days % 7
    since, earlier = None, None
    if copies and base.since is not None and base.earlier is not None:
        later = to_wall(base.since, base.zone) + timedelta(days=delay)
        since, earlier = to_instant(later, base.zone), _follower(definition, base.earlier)
    return Rotation(
        name=definition.name,
        unit=unit,
        every=every or 1,
        start=_start(definition, unit, base.start),
        until=until,
        zone=definition.zone or base.zone,
        participants=definition.participants or base.participants,
        advance=definition.advance or (base.advance if copies else Advance.CLOCK),
        restrictions=restrictions or (),
        role=definition.role,
        delay_days=delay + (0 if starts_anew else base_delay),
        ring_offset=(definition.ring_offset or 0) + (base.ring_offset if copies else 0),
        since=since,
        earlier=earlier,
    )


def in_step(definition: RotationDefinition, rotations: Mapping[str, Rotation]) -> bool:
    """Whether its turns are those of the rotation it follows, later: who has one is not its own to say."""
    base = rotations.get(definition.follows or "")
    if base is None or definition.participants is not None:
        return False
    own = (definition.start, definition.start_date, definition.handoff_day)
    said = (definition.unit or base.unit, definition.every or base.every, definition.advance or base.advance)
    if own != (None, None, None) or said != (base.unit, base.every, base.advance):
        return False
    # Restrictions say which periods count.
    return base.advance is Advance.CLOCK or definition.restrictions in {None, base.restrictions}


def alone(rotation: Rotation) -> RotationDefinition:
    """A complete rotation as a definition that needs no other; its versions before are left out."""
    return RotationDefinition(
        name=rotation.name,
        unit=rotation.unit,
        every=rotation.every,
        start=rotation.start,
        until=rotation.until,
        zone=rotation.zone,
        participants=rotation.participants,
        advance=rotation.advance,
        restrictions=rotation.restrictions or None,
        role=rotation.role,
        start_delay=rotation.delay_days or None,
        ring_offset=rotation.ring_offset % len(rotation.participants) or None,
    )


def _later(restriction: Restriction, days: int) -> Restriction:
    """The same part of the week, so many days later."""
    if isinstance(restriction, DayWindow):
        moved = tuple(sorted((day + days) % 7 for day in restriction.days))
        return DayWindow(moved, restriction.start, restriction.end)
    return WeekSpan(
        (restriction.from_day + days) % 7,
        restriction.from_time,
        (restriction.to_day + days) % 7,
        restriction.to_time,
    )


def _start(definition: RotationDefinition, unit: Unit, base: datetime | None = None) -> datetime:
    if definition.start is not None:
        return definition.start
    default = base.time() if base else DEFAULT_HANDOFF
    clock = definition.handoff_time if definition.handoff_time is not None else default
    if definition.start_date is not None:
        return datetime.combine(definition.start_date, clock)
    if definition.handoff_day is None:
        return datetime.combine(base.date() if base else FIRST_DAY, clock)
    if unit is Unit.MONTHLY:
        # January has a 31st, so any day of the month is in it.
        return datetime.combine(FIRST_DAY.replace(day=min(definition.handoff_day, _LAST_OF_MONTH)), clock)
    return datetime.combine(FIRST_DAY + timedelta(days=definition.handoff_day), clock)
