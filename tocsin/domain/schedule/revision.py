"""A set of edited rotations taking over from what was: each ring goes on where it is, and each past stays."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from tocsin.domain.schedule.definition import PastDefinition, Pasts, RotationDefinition, make_book
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
) -> Revision:
    """`present` with the offsets of its rings; `wanted` may leave them unsaid. Raises DefinitionError."""
    merged = {**present, **{name: _with_offset(name, entry, present) for name, entry in wanted.items()}}
    changed = tuple(name for name in wanted if name not in present or merged[name] != present[name])
    before, after = make_book(present, {}, pasts), make_book(merged, {})
    kept = dict(pasts)
    for name in changed:
        if name not in present:
            continue
        change = edit(before.rotations[name], after.rotations[name], now)
        if change.since is not None:
            past = PastDefinition(present[name], change.since)
            # A past that had not begun, because of an earlier edit today, is no past.
            earlier = tuple(entry for entry in kept.get(name, ()) if entry.until < change.since)
            kept[name] = (*earlier, past)
        if wanted[name].ring_offset is None:
            own = change.ring_offset - _inherited(after.rotations[name].ring_offset, merged[name])
            size = len(after.rotations[name].participants)
            merged[name] = replace(merged[name], ring_offset=own % size or None)
    return Revision(merged, kept, changed)


def _with_offset(
    name: str, definition: RotationDefinition, present: Mapping[str, RotationDefinition]
) -> RotationDefinition:
    if definition.ring_offset is not None or name not in present:
        return definition
    return replace(definition, ring_offset=present[name].ring_offset)


def _inherited(whole: int, definition: RotationDefinition) -> int:
    """How much of a complete rotation's offset comes from the one it follows."""
    return whole - (definition.ring_offset or 0)
