"""What every write to the rota does: an audit entry, a word to the pages that are open, and news of whose
shifts it moves.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from tocsin.apps.audit.actions import record as audit
from tocsin.apps.oncall import queries
from tocsin.domain.permissions import Actor, ActorKind
from tocsin.domain.schedule import Book
from tocsin.domain.schedule.diff import Moved, compare
from tocsin.lib import bus, pg
from tocsin.ports.events import OnCallChanged, ShiftsMoved

_LIVE = "tocsin_live"
AHEAD: Final = timedelta(days=90)  # so far people are told of moved shifts


@dataclass
class Watch:
    """One change being made. `told`: those who hear of it in other words, and need not hear twice."""

    names: set[str] | None
    told: set[str] = field(default_factory=set)


_watch: ContextVar[Watch | None] = ContextVar("watch", default=None)


@contextmanager
def watching(actor: Actor, names: Iterable[str] | None, now: datetime, why: str) -> Iterator[Watch]:
    """Around a write, inside its transaction: compare who is on call before and after, and publish what
    moved. `names`: the schedules it may touch (None: any). Inside another, it joins that one, so that a
    change of many objects tells each person once.
    """
    outer = _watch.get()
    if outer is not None:
        outer.names = None if outer.names is None or names is None else outer.names | set(names)
        yield outer
        return
    watch = Watch(None if names is None else set(names))
    before = queries.book(since=now)
    token = _watch.set(watch)
    try:
        yield watch
    finally:
        _watch.reset(token)
    _publish(actor, watch, (before, queries.book(since=now)), now, why)


def _publish(actor: Actor, watch: Watch, books: tuple[Book, Book], now: datetime, why: str) -> None:
    before, after = books
    names = dict.fromkeys((*before.names, *after.names)) if watch.names is None else watch.names
    changed = tuple(sorted(name for name in names if _differs(before, after, name)))
    if not changed:
        return
    tell(changed)
    bus.publish(OnCallChanged(changed, now))
    if actor.kind is ActorKind.SYSTEM:
        return
    for moved in compare(before, after, _own(before, after, changed), now, now + AHEAD):
        if moved.user != actor.email and moved.user not in watch.told:
            bus.publish(_news(moved, actor, now, why))


def _own(before: Book, after: Book, changed: Iterable[str]) -> list[str]:
    """Of the schedules that changed those whose people hear of it: nothing moved on one that is new."""
    own = {*before.own_names, *after.own_names}
    return [name for name in changed if name in own and before.schedule(name) is not None]


def _differs(before: Book, after: Book, name: str) -> bool:
    old, new = before.schedule(name), after.schedule(name)
    rotations = [layer.rotation for layer in old.layers] if old else []
    return old != new or any(before.rotations.get(one) != after.rotations.get(one) for one in rotations)


def _news(moved: Moved, actor: Actor, now: datetime, why: str) -> ShiftsMoved:
    gained, lost = (
        tuple((stint.schedule, stint.start, stint.end) for stint in stints)
        for stints in (moved.gained, moved.lost)
    )
    return ShiftsMoved(moved.user, gained, lost, now, actor.label, why)


def one_at_a_time() -> None:
    """Wait until nobody else changes definitions: what one needs another might be deleting."""
    with connection.cursor() as cursor:
        pg.lock(cursor, "oncall.definitions")


def record(
    actor: Actor, action: str, kind: str, name: str, data: dict[str, Any], now: datetime, *, label: str = ""
) -> None:
    """`name`: what the target is found by; `label`: what people read, where that is another."""
    audit(
        actor=actor,
        action=action,
        target_kind=kind,
        target_id=name,
        target_label=label or name,
        data=data,
        now=now,
    )


def tell(names: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        for name in names:
            pg.notify(cursor, _LIVE, json.dumps({"kind": "oncall", "id": name}))
