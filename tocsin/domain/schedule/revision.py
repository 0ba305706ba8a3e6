"""A set of edited rotations taking over from what was: each ring goes on where it is, and each past stays."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from tocsin.domain.schedule.definition import (
    PastDefinition,
    Pasts,
    PastSchedule,
    RotationDefinition,
    ScheduleDefinition,
    make_book,
)
from tocsin.domain.schedule.editing import edit


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
    for name in changed:
        if name not in present:
            continue
        change = edit(before.rotations[name], after.rotations[name], now, effective)
        # What was planned and never came is no past.
        kept[name] = held.get(name, ())
        if change.since is not None:
            kept[name] = (*kept[name], PastDefinition(holding[name], change.since))
        if wanted[name].ring_offset is None:
            own = change.ring_offset - _inherited(after.rotations[name].ring_offset, merged[name])
            size = len(after.rotations[name].participants)
            merged[name] = replace(merged[name], ring_offset=own % size or None)
    return Revision(merged, kept, changed)


def past_of_schedule(
    present: ScheduleDefinition, pasts: tuple[PastSchedule, ...], wanted: ScheduleDefinition, now: datetime
) -> tuple[PastSchedule, ...]:
    """What a schedule was, once it becomes `wanted` at `now`."""
    if (present.layers, present.fallback) == (wanted.layers, wanted.fallback):
        return pasts
    # Of several edits in one instant, only what held before it is past.
    return pasts if pasts and pasts[-1].until >= now else (*pasts, PastSchedule(present, now))


def replace_person(
    present: Mapping[str, RotationDefinition], pasts: Pasts, who: str, by: str, now: datetime
) -> Revision:
    """`by` in each place of `who`, from `now` on: in the middle of a turn too, because `who` is gone."""
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


def _inherited(whole: int, definition: RotationDefinition) -> int:
    """How much of a complete rotation's offset comes from the one it follows."""
    return whole - (definition.ring_offset or 0)
