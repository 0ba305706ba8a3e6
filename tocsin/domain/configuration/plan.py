"""What applying files would do: each object and field that would be added, changed or removed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from tocsin.domain.configuration.forms import LISTS, SINGLES, objects
from tocsin.domain.configuration.model import Organisation
from tocsin.domain.schedule import Advance, Book, resolve
from tocsin.domain.schedule.definition import OverrideDefinition, ScheduleDefinition
from tocsin.domain.schedule.turns import boundary, number_at
from tocsin.domain.time import to_instant

ObjectKey = tuple[str, str]
Form = Mapping[str, Any]

_LEFT_ALONE: Final = (
    ("rotations", "ring_offset"),  # where edits left the ring
    ("integrations", "key"),  # made when first applied
    ("integrations", "config"),  # set on its page
    ("integrations", "silent_after"),
    ("users", "role"),
    ("users", "quiet_hours"),
)
_SECRET: Final = frozenset({"key", "secret", "token"})
_KEYS: Final = frozenset({"teams", "apprise"})  # contact methods whose address lets anybody post
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


def compare(
    present: Organisation,
    wanted: Organisation,
    removable: frozenset[ObjectKey] = frozenset(),
    book: Book | None = None,
) -> tuple[Change, ...]:
    """From what is to what files want; `book` is of both together. What files do not speak of stays, except
    what is `removable` (made by a file).
    """
    book = book or overlaid(present, wanted).book()
    now, then = objects(effective(present, book)), objects(effective(wanted, book))
    named = {("users", email) for email in wanted.users}
    changes = [
        Change("users", email, Action.ADD, (FieldChange("state", None, "invited"),))
        for email, user in wanted.users.items()
        if not user.declared and email not in present.users
    ]
    for key, form in then.items():
        before = now.get(key)
        if before is None:
            given = {field: value for field, value in form.items() if field not in {"name", "email"}}
            fields = tuple(_masked(FieldChange(field, None, value)) for field, value in given.items())
            changes.append(Change(*key, Action.ADD, fields))
        elif fields := _fields(key, before, form):
            changes.append(Change(*key, Action.CHANGE, fields))
    gone = sorted((removable & set(now)) - set(then) - named, key=_removal_order)
    changes.extend(Change(*key, Action.REMOVE) for key in gone)
    return tuple(changes)


def effective(organisation: Organisation, book: Book) -> Organisation:
    """With everything in the one form in which it can be compared: everybody's own address where a person has
    no contact method, overrides as instants, dependencies in order. `book` completes the schedules.
    """
    users = {email: replace(user, contact_methods=user.methods) for email, user in organisation.users.items()}
    services = {
        name: replace(service, depends_on=tuple(sorted(service.depends_on)))
        for name, service in organisation.services.items()
    }
    schedules = {
        name: replace(entry, overrides=_as_instants(entry, book))
        for name, entry in organisation.schedules.items()
    }
    return replace(organisation, users=users, services=services, schedules=schedules)


def _as_instants(entry: ScheduleDefinition, book: Book) -> tuple[OverrideDefinition, ...]:
    # The book may be of more than this organisation, so zones are taken from it and times from the
    # definition.
    plan = book.schedules.get(entry.name)
    zone = plan.zone if plan is not None else ZoneInfo("UTC")
    return tuple(
        replace(change, start=_instant(change.start, zone), end=_instant(change.end, zone))
        for change in entry.overrides
    )


def _instant(moment: datetime, zone: ZoneInfo) -> datetime:
    return to_instant(moment, zone) if moment.tzinfo is None else moment.astimezone(UTC)


def _fields(key: ObjectKey, before: Form, after: Form) -> tuple[FieldChange, ...]:
    names = dict.fromkeys([*after, *before])
    found = [
        FieldChange(name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    ]
    # Some of what an object has need not be the file's to say: unless it says so, it stays as it is.
    unsaid = {field for kind, field in _LEFT_ALONE if kind == key[0] and field not in after}
    return tuple(_masked(change) for change in found if change.field not in unsaid)


def _masked(change: FieldChange) -> FieldChange:
    """Secrets are compared but not shown."""
    return FieldChange(
        change.field, *(_hidden(change.field, value) for value in (change.before, change.after))
    )


def _hidden(field: str, value: Any) -> Any:
    if value is None:
        return None
    if field in _SECRET:
        return "••••"
    if isinstance(value, dict):
        named = {**value, "address": "••••"} if value.get("type") in _KEYS else value
        return {key: _hidden(key, entry) for key, entry in named.items()}
    if isinstance(value, list):
        return [_hidden(field, entry) for entry in value]
    return value


def _removal_order(key: ObjectKey) -> tuple[int, str]:
    # What names others goes before what it names.
    kinds = ["heartbeats", "routes", "tables", *reversed(tuple(LISTS)), *SINGLES]
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
    # From the beginning of the turn that is running, so that it is shown whole.
    every = rotation.every if rotation.advance is Advance.CLOCK else 1
    number = number_at(rotation, now, every)
    start = now if number < 0 else min(now, boundary(rotation, number, every))
    turns: list[Turn] = []
    for reach in _REACHES:
        turns = []
        last: int | None = None
        for shift in resolve(Book({name: rotation}), alone, start, now + reach):
            if shift.user is None:
                continue
            if turns and shift.turn == last:
                people = tuple(dict.fromkeys((*turns[-1].people, shift.user)))
                turns[-1] = Turn(people, turns[-1].start, max(turns[-1].end, shift.end))
            else:
                turns.append(Turn((shift.user,), shift.start, shift.end))
            last = shift.turn
        turns = [turn for turn in turns if turn.end > now]
        if len(turns) > count:
            break
    return tuple(turns[:count])


def overlaid(
    present: Organisation, wanted: Organisation, removed: frozenset[ObjectKey] = frozenset()
) -> Organisation:
    """The present with what files want laid over it, and without what is removed."""
    merged: dict[str, Any] = {}
    for kind in LISTS:
        values = {**getattr(present, kind), **getattr(wanted, kind)}
        merged[kind] = {name: value for name, value in values.items() if (kind, str(name)) not in removed}
    merged["users"] = {
        email: user if user.declared else present.users.get(email, user)
        for email, user in merged["users"].items()
    }
    for kind in SINGLES:
        default = getattr(Organisation(), kind)
        stays = default if (kind, "") in removed else getattr(present, kind)
        given = getattr(wanted, kind)
        merged[kind] = stays if given == default else given
    return replace(present, **merged)


def change_form(change: Change) -> Form:
    """A change as plain JSON values."""
    return {
        "kind": change.kind,
        "name": change.name,
        "action": str(change.action),
        "fields": [
            {"field": field.field, "before": field.before, "after": field.after} for field in change.fields
        ],
        "turns_before": [_turn_form(turn) for turn in change.turns_before],
        "turns_after": [_turn_form(turn) for turn in change.turns_after],
    }


def _turn_form(turn: Turn) -> Form:
    return {"people": list(turn.people), "start": turn.start.isoformat(), "end": turn.end.isoformat()}
