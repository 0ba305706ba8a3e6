"""What applying files would do: each object and field that would be added, changed or removed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from tocsin.domain.configuration.forms import LISTS, objects
from tocsin.domain.configuration.model import Organisation
from tocsin.domain.schedule import Book, resolve
from tocsin.domain.schedule.definition import DefinitionError

ObjectKey = tuple[str, str]
Form = Mapping[str, Any]

_TURNS_SHOWN: Final = 4
_REACHES: Final = (timedelta(days=40), timedelta(days=400), timedelta(days=2000))


class Action(StrEnum):
    ADD = "add"
    CHANGE = "change"
    REMOVE = "remove"


@dataclass(frozen=True)
class FieldChange:
    """`before` and `after` are plain JSON values; None where the field is not said."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Turn:
    people: tuple[str, ...]
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Change:
    """`turns_before` and `turns_after`: the next turns of a rotation that changes."""

    kind: str
    name: str
    action: Action
    fields: tuple[FieldChange, ...] = ()
    turns_before: tuple[Turn, ...] = ()
    turns_after: tuple[Turn, ...] = ()


@dataclass(frozen=True)
class Plan:
    changes: tuple[Change, ...]
    warnings: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.changes


def compare(
    present: Organisation, wanted: Organisation, removable: frozenset[ObjectKey] = frozenset()
) -> tuple[Change, ...]:
    """From what is to what files want. What files do not speak of stays, except what is `removable` (made
    by a file).
    """
    now, then = objects(effective(present)), objects(effective(wanted))
    changes: list[Change] = []
    for key, form in then.items():
        before = now.get(key)
        if before is None:
            fields = tuple(
                FieldChange(field, None, value) for field, value in form.items() if field != "name"
            )
            changes.append(Change(*key, Action.ADD, fields))
        elif fields := _fields(key, before, form):
            changes.append(Change(*key, Action.CHANGE, fields))
    named = {("users", email) for email in wanted.users}
    changes.extend(
        Change("users", email, Action.ADD, (FieldChange("state", None, "invited"),))
        for email, user in wanted.users.items()
        if not user.declared and email not in present.users
    )
    gone = sorted((removable & set(now)) - set(then) - named, key=_removal_order)
    changes.extend(Change(*key, Action.REMOVE) for key in gone)
    return tuple(changes)


def effective(organisation: Organisation) -> Organisation:
    """With every default that ends up in a person's own settings: their address, and the rules of
    everybody.
    """
    users = {
        email: replace(
            user,
            contact_methods=user.methods,
            notification_rules=user.notification_rules or organisation.notification_rules,
        )
        for email, user in organisation.users.items()
    }
    return replace(organisation, users=users, notification_rules=())


def _fields(key: ObjectKey, before: Form, after: Form) -> tuple[FieldChange, ...]:
    names = dict.fromkeys([*after, *before])
    found = [
        FieldChange(name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    ]
    if key[0] == "rotations" and "ring_offset" not in after:
        # Where edits left the ring is not the file's to say, unless it does.
        found = [change for change in found if change.field != "ring_offset"]
    if key[0] == "integrations" and "key" not in after:
        found = [change for change in found if change.field != "key"]
    if key[0] == "users" and "role" not in after:
        found = [change for change in found if change.field != "role"]
    return tuple(found)


def _removal_order(key: ObjectKey) -> tuple[int, str]:
    # What names others goes before what it names.
    kinds = ["routes", *reversed(tuple(LISTS)), "notification_rules", "last_resort"]
    return (kinds.index(key[0]) if key[0] in kinds else len(kinds), key[1])


def with_turns(changes: tuple[Change, ...], before: Book, after: Book, now: datetime) -> tuple[Change, ...]:
    """Each change of a rotation with its next turns before and after; also of those that follow a changed
    one.
    """
    done: list[Change] = []
    changed = {change.name for change in changes if change.kind == "rotations"}
    for change in changes:
        if change.kind != "rotations":
            done.append(change)
            continue
        done.append(
            Change(
                change.kind,
                change.name,
                change.action,
                change.fields,
                next_turns(before, change.name, now),
                () if change.action is Action.REMOVE else next_turns(after, change.name, now),
            )
        )
    for name in after.rotations:
        if name in changed or name not in before.rotations:
            continue
        old, new = next_turns(before, name, now), next_turns(after, name, now)
        if old != new:
            done.append(Change("rotations", name, Action.CHANGE, (), old, new))
    return tuple(done)


def next_turns(book: Book, name: str, now: datetime, count: int = _TURNS_SHOWN) -> tuple[Turn, ...]:
    """The turn of `now` and those that follow it, of the rotation alone; a turn in pieces from its first
    to its last.
    """
    rotation = book.rotations.get(name)
    if rotation is None:
        return ()
    alone = Book({name: rotation}).schedule(name)
    if alone is None:
        return ()
    turns: list[Turn] = []
    for reach in _REACHES:
        turns = []
        last: int | None = None
        for shift in resolve(Book({name: rotation}), alone, now, now + reach):
            if shift.user is None:
                continue
            if turns and shift.turn == last:
                people = tuple(dict.fromkeys((*turns[-1].people, shift.user)))
                turns[-1] = Turn(people, turns[-1].start, max(turns[-1].end, shift.end))
            else:
                turns.append(Turn((shift.user,), shift.start, shift.end))
            last = shift.turn
        if len(turns) > count:
            break
    return tuple(turns[:count])


def turns_or_none(organisation: Organisation) -> Book:
    """The organisation's book; an empty one where a rotation is incomplete, which is reported elsewhere."""
    try:
        return organisation.book()
    except DefinitionError:
        return Book()
