"""A set of edited rotations taking over from what was: each ring goes on where it is, and each past stays."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from tocsin.domain.schedule.definition import (
    PastDefinition,
    Pasts,
    PastSchedule,
    RotationDefinition,
    ScheduleDefinition,
    alone,
    in_step,
    make_book,
)
from tocsin.domain.schedule.editing import edit, next_handoff
from tocsin.domain.schedule.model import Book, Rotation
from tocsin.domain.schedule.turns import versions

_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Revision:
    """Everything after the edit. `changed` names the rotations that are new or not as before."""

    definitions: Mapping[str, RotationDefinition]
    pasts: Pasts
    changed: tuple[str, ...]


def revise(
    present: Mapping[str, RotationDefinition],
    pasts: Pasts,
    wanted: Mapping[str, RotationDefinition],
    now: datetime,
    effective: datetime | None = None,
) -> Revision:
    """`present` with the offsets of its rings; `wanted` may leave them unsaid. From `effective` on, when that
    is said and to come; whatever was planned before is replaced. Raises DefinitionError.
    """
    now, effective = _minute(now), effective and _minute(effective)
    merged = {**present, **{name: _with_offset(name, entry, present) for name, entry in wanted.items()}}
    held = {name: tuple(entry for entry in several if entry.until <= now) for name, several in pasts.items()}
    holding = {name: _holding(entry, pasts.get(name, ()), now) for name, entry in present.items()}
    changed = tuple(
        name
        for name in wanted
        if name not in present
        or merged[name] != present[name]
        or (effective is not None and holding[name] != present[name])
    )
    before, after = make_book(holding, {}, held), make_book(merged, {})
    kept = dict(pasts)
    # Followers after those they follow, whose rings they count on.
    for name in sorted(changed, key=lambda one: len(_followed(one, merged))):
        if name not in present:
            continue
        old, new = before.rotations[name], after.rotations[name]
        change = edit(old, new, now, effective)
        since, own = change.since, change.ring_offset - _inherited(name, merged)
        if in_step(merged[name], after.rotations):
            own = 0
            if since == now and not _goes_on(holding[name], merged[name], before):
                since = next_handoff(old, now)
        # What was planned and never came is no past.
        kept[name] = held.get(name, ())
        if since is not None:
            kept[name] = _past((*kept[name], PastDefinition(holding[name], since)), old)
        if wanted[name].ring_offset is None:
            merged[name] = replace(merged[name], ring_offset=own % len(new.participants) or None)
    return Revision(merged, kept, changed)


def past_of_schedule(
    present: ScheduleDefinition, pasts: tuple[PastSchedule, ...], wanted: ScheduleDefinition, now: datetime
) -> tuple[PastSchedule, ...]:
    """What a schedule was, once it becomes `wanted` at `now`."""
    if (present.layers, present.fallback) == (wanted.layers, wanted.fallback):
        return pasts
    now = _minute(now)
    # Of several edits in one instant, only what held before it is past.
    return pasts if pasts and pasts[-1].until >= now else (*pasts, PastSchedule(present, now))


def replace_person(
    present: Mapping[str, RotationDefinition], pasts: Pasts, who: str, by: str, now: datetime
) -> Revision:
    """`by` in each place of `who`, from `now` on: in the middle of a turn too, because `who` is gone."""
    now = _minute(now)
    definitions, kept, changed = dict(present), dict(pasts), []
    for name, definition in present.items():
        several = pasts.get(name, ())
        held = tuple(past for past in several if past.until <= now)
        planned = several[len(held) :]
        if not any(names_person(one, who) for one in (definition, *(past.definition for past in planned))):
            continue
        changed.append(name)
        later = (replace(past, definition=_with(past.definition, who, by)) for past in planned)
        kept[name] = (*held, PastDefinition(_holding(definition, several, now), now), *later)
        definitions[name] = _with(definition, who, by)
    return Revision(definitions, kept, tuple(changed))


def _minute(now: datetime) -> datetime:
    """Everything is exact to the minute."""
    return now.replace(second=0, microsecond=0)


def names_person(definition: RotationDefinition, who: str) -> bool:
    return any(who in participant.people for participant in definition.participants or ())


def _with(definition: RotationDefinition, who: str, by: str) -> RotationDefinition:
    if definition.participants is None:
        return definition
    ring = tuple(
        replace(entry, people=tuple(dict.fromkeys(by if one == who else one for one in entry.people)))
        for entry in definition.participants
    )
    return replace(definition, participants=ring)


def _holding(
    definition: RotationDefinition, pasts: tuple[PastDefinition, ...], now: datetime
) -> RotationDefinition:
    """What holds at `now`: the definition, unless it was planned for later."""
    return next((entry.definition for entry in pasts if entry.until > now), definition)


def _with_offset(
    name: str, definition: RotationDefinition, present: Mapping[str, RotationDefinition]
) -> RotationDefinition:
    if definition.ring_offset is not None or name not in present:
        return definition
    return replace(definition, ring_offset=present[name].ring_offset)


def _goes_on(was: RotationDefinition, wanted: RotationDefinition, before: Book) -> bool:
    """Whether it was in step with the same rotation already, so that nobody's running turn is cut."""
    same = (was.follows, was.start_delay) == (wanted.follows, wanted.start_delay)
    return same and in_step(was, before.rotations)


def _past(several: tuple[PastDefinition, ...], old: Rotation) -> tuple[PastDefinition, ...]:
    """What followed another is kept as it was in full: the other may be edited, left or deleted."""
    if all(past.definition.follows is None for past in several):
        return several
    return left_behind(old, several[-1].until)


def left_behind(rotation: Rotation, until: datetime) -> tuple[PastDefinition, ...]:
    """What a rotation was until then, so that nothing is lost with it."""
    told = versions(rotation, _BEGINNING, until)
    return tuple(PastDefinition(alone(version), end) for version, _, end in told)


def _followed(name: str, definitions: Mapping[str, RotationDefinition]) -> list[RotationDefinition]:
    """Those it counts on, nearest first."""
    found, one = [], definitions[name]
    while one.follows is not None and one.participants is None:
        one = definitions[one.follows]
        found.append(one)
    return found


def _inherited(name: str, definitions: Mapping[str, RotationDefinition]) -> int:
    """How much of a complete rotation's offset comes from those it follows."""
    return sum(one.ring_offset or 0 for one in _followed(name, definitions))
