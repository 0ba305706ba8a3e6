"""Who is to be told what about going on and off call, and when.

A **spell** is one person's time on call in one role of one schedule without a break: turns, overrides and
swaps that touch are one. Each has two **edges**. A **lead** is how long before an edge somebody wants to hear
of it. A spell that appears within its lead is told of at once, one that has begun no more. The fallback is
asked and told nothing: it is a net, not a shift.

A **hand-off** is the instant at which a role passes to somebody: from those whose spells end there, or from
nobody, after a time that only the fallback covered. Who joins people who stay takes nothing over.

**Readiness** is asked of who comes on from being off, for an hour or more, and did not show within the last
twelve hours that they can be reached.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from tocsin.domain.schedule.model import PRIMARY, SHADOW, Origin, Shift
from tocsin.domain.schedule.spans import Span, joined
from tocsin.domain.time import to_wall

DEFAULT_ON: Final = (timedelta(hours=1),)
DEFAULT_OFF: Final[tuple[timedelta, ...]] = ()
DEFAULT_READINESS: Final = timedelta(hours=1)
LONGEST_LEAD: Final = timedelta(days=7)
SHORTEST_ASKED: Final = timedelta(hours=1)
SHOWN_FOR: Final = timedelta(hours=12)
LONGEST_SEEN: Final = timedelta(days=32)  # nobody looks further for the end of a spell


@dataclass(frozen=True, slots=True)
class Spell:
    schedule: str
    role: str
    user: str
    start: datetime
    end: datetime
    fallback: bool = False


@dataclass(frozen=True, slots=True)
class HandOff:
    """`outgoing` nobody: before it, only the fallback was on call, or nobody at all."""

    schedule: str
    role: str
    at: datetime
    outgoing: tuple[str, ...]
    incoming: tuple[str, ...]


def spells(schedule: str, shifts: Iterable[Shift]) -> tuple[Spell, ...]:
    """By start, then user. Where the shifts are clipped to a range, so are these."""
    times: dict[tuple[str, str, bool], list[Span]] = defaultdict(list)
    for shift in shifts:
        if shift.user is not None:
            key = (shift.user, shift.role or PRIMARY, shift.origin is Origin.FALLBACK)
            times[key].append((shift.start, shift.end))
    found = [
        Spell(schedule, role, user, start, end, fallback)
        for (user, role, fallback), several in times.items()
        for start, end in joined(several)
    ]
    return tuple(sorted(found, key=lambda spell: (spell.start, spell.user, spell.role)))


def due(edge: datetime, leads: Iterable[timedelta], now: datetime) -> tuple[timedelta, ...]:
    """Which of `leads` have come before an edge that is still to come."""
    return tuple(lead for lead in leads if edge - lead <= now < edge)


def hand_offs(of_schedule: Iterable[Spell], after: datetime, until: datetime) -> tuple[HandOff, ...]:
    """Those within (after, until]; the spells must reach back before `after`."""
    roles: dict[str, list[Spell]] = defaultdict(list)
    for spell in of_schedule:
        if spell.role != SHADOW and not spell.fallback:
            roles[spell.role].append(spell)
    found = []
    for role, several in roles.items():
        for at in sorted({spell.start for spell in several if after < spell.start <= until}):
            incoming = tuple(spell.user for spell in several if spell.start == at)
            outgoing = tuple(spell.user for spell in several if spell.end == at)
            stayed = any(spell.start < at < spell.end for spell in several)
            if outgoing or not stayed:
                found.append(HandOff(several[0].schedule, role, at, outgoing, incoming))
    return tuple(sorted(found, key=lambda one: (one.at, one.role)))


def comes_on(spell: Spell, others: Iterable[Spell], lead: timedelta, now: datetime) -> bool:
    """Whether readiness for `spell` is to be asked by now. `others`: all of that person, this one too."""
    if spell.fallback or spell.role == SHADOW or spell.end - spell.start < SHORTEST_ASKED:
        return False
    if not spell.start - lead <= now < spell.start:
        return False
    return not any(
        other.start < spell.start <= other.end
        for other in others
        if other.role != SHADOW and not other.fallback
    )


def told_at(start: datetime, asked_at: datetime) -> datetime:
    """When others are told that nobody confirmed: half of the time between asking and the start is over."""
    return asked_at + (start - asked_at) / 2


def moment(instant: datetime, zone: ZoneInfo) -> str:
    """As people read it: `Mon 23 Nov 09:00`."""
    return f"{to_wall(instant, zone):%a %d %b %H:%M}"


def described(spell: Spell, zone: ZoneInfo) -> str:
    """One line: what, as what, and when, on the clock of `zone`."""
    role = "" if spell.role == PRIMARY else f" as {spell.role}"
    when = f"{moment(spell.start, zone)} – {moment(spell.end, zone)}"
    if spell.end - spell.start >= LONGEST_SEEN:
        when = f"from {moment(spell.start, zone)} on"
    return f"{spell.schedule}{role}: {when} ({zone.key})"
