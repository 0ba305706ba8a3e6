"""Carries out what the queue decides (domain.notification.queue): what leaves now, and why the rest waits."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat, Left

from tocsin.apps.notify import sql
from tocsin.apps.notify.actions.calling import let_go
from tocsin.apps.notify.jobs import job_of
from tocsin.apps.notify.limits import by_channel
from tocsin.apps.notify.models import Attempt, Notification, NotificationState
from tocsin.apps.notify.types import Job, Places
from tocsin.domain.notification import queue
from tocsin.domain.notification.model import MessageKind, Waiting
from tocsin.domain.notification.queue import Carried
from tocsin.domain.notification.throttle import (
    Held,
    History,
    Limits,
    Pause,
    is_held_by_contact,
    throttle,
)
from tocsin.lib import bus, ids, metrics
from tocsin.lib.log import Logger
from tocsin.ports.channel import Result
from tocsin.ports.events import PersonUnreachable

_WINDOW: Final = 120
_STEPS: Final = 2000  # people looked at in a long queue
_ROUNDS: Final = 4
_LOCK: Final = ids.number_key("notify:queue")
_LONGEST: Final = 512
_LONGEST_HOLD: Final = 255

_log = Logger(__name__)
_carried = metrics.counter(
    "notifications_carried", "Messages that did not leave because another says it", ("how",)
)
_held = metrics.counter("notifications_throttled", "Messages put off by a throttle or a vendor", ("via",))


@dataclass(frozen=True)
class Claim:
    """`elsewhere`: claimed too, but they would wait too long for their own way."""

    jobs: list[Job]
    elsewhere: list[tuple[Job, Held]]


@dataclass
class _Look:
    """What one look at the queue found."""

    items: dict[int, Waiting]
    people: dict[int, datetime]
    services: dict[str, datetime]
    whole: bool  # nothing else is due

    def ordered(self, among: Sequence[int] | None = None) -> list[Waiting]:
        items = self.items.values() if among is None else [self.items[one] for one in among]
        return queue.order(items, self.people, self.services)


def claim(worker: str, now: datetime, batch: int, places: Places | None = None) -> Claim:
    """Up to `batch` due messages that nobody else holds, in the order in which they should leave; none that
    has no place there.
    """
    found = Claim([], [])
    for _ in range(_ROUNDS):
        wanted = batch - len(found.jobs)
        more, picked = _claim(worker, now, wanted, places and places.less(job.via for job in found.jobs))
        found.jobs.extend(more.jobs)
        found.elsewhere.extend(more.elsewhere)
        # Fewer than were picked left: others may be behind those that were merged or held.
        if picked < wanted or len(found.jobs) >= batch:
            break
    return found


def _claim(worker: str, now: datetime, batch: int, places: Places | None) -> tuple[Claim, int]:
    alone = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if alone:
            # Should this process freeze here, the others wait for it no longer than that.
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '3s'")
        cursor.execute(sql.OPEN, {"lock": _LOCK, "now": now})
        _, limits, paused = cursor.fetchone()
        look = _look(cursor, now)
        if not look.items:
            return Claim([], []), 0
        picked = _with_places(look.ordered(), places)[:batch]
        limits_of, pauses = by_channel(_listed(limits)), _pauses(_listed(paused))
        mine = _with_siblings(cursor, look, picked, now)
        items, carried = _joined(look.ordered([one.id for one in mine]))
        if carried or any(_may_be_held(one, limits_of, pauses) for one in items):
            # Nobody may be cancelling what is not to leave; what leaves is locked as it is claimed.
            items, carried = _joined(look.ordered(_free(cursor, mine)))
        history = _history(cursor, items, limits_of, now)
        leave, held = throttle(items, limits_of, history, pauses, now)
        _write_carried(carried)
        _write_held([one for one in held if not one.elsewhere])
        hurried = [one for one in held if one.elsewhere]
        jobs = _take(cursor, [*leave, *(one.item for one in hurried)], worker, now)
    going = {one.item.id: one for one in hurried}
    return Claim(
        [job for job in jobs if job.id not in going],
        [(job, going[job.id]) for job in jobs if job.id in going],
    ), len(picked)


def _with_places(items: list[Waiting], places: Places | None) -> list[Waiting]:
    if places is None:
        return items
    taken = Counter(places.taken)
    found = []
    for item in items:
        taken[item.via] += 1
        if taken[item.via] <= places.most:
            found.append(item)
    return found


def _joined(items: list[Waiting]) -> tuple[list[Waiting], list[Carried]]:
    left, merged = queue.merge(items)
    left, bundled = queue.bundle(left)
    return left, merged + bundled


# ---- reading ----


def _look(cursor: Any, now: datetime) -> _Look:
    cursor.execute(sql.WINDOW, {"now": now, "window": _WINDOW})
    rows = cursor.fetchall()
    whole = len(rows) < _WINDOW
    if not whole:
        cursor.execute(sql.WALK, {"now": now, "window": _STEPS, "steps": _STEPS})
        rows += cursor.fetchall()
    look = _Look({}, {}, {}, whole)
    _add(look, rows)
    return look


def _add(look: _Look, rows: Sequence[tuple[Any, ...]]) -> None:
    for row in rows:
        item = Waiting(
            id=row[0], rank=row[1], due_at=row[2], wanted_at=row[3], person=row[4], kind=MessageKind(row[5]),
            via=row[6], address=row[7], service=row[8], incident=row[9], page=row[10], says=row[11],
            hurry=row[12], bundle=row[13],
        )  # fmt: skip
        look.items[item.id] = item
        if row[14] is not None:
            look.people[item.person] = row[14]
        if row[15] is not None:
            look.services[item.service] = row[15]


def _with_siblings(cursor: Any, look: _Look, picked: Sequence[Waiting], now: datetime) -> list[Waiting]:
    """What was picked, and what may leave together with it."""
    if not look.whole:
        people = sorted({one.person for one in picked if one.person})
        values = {
            "now": now,
            "incidents": sorted({one.incident for one in picked if one.incident}),
            "people": people,
            "words": sorted({one.bundle for one in picked if one.bundle}),
            "repeated": sorted({one.person for one in picked if one.person and not one.first}),
        }
        cursor.execute(sql.SIBLINGS, values)
        _add(look, cursor.fetchall())
    keys = {queue.same(one) for one in picked} | {queue.together(one) for one in picked}
    keys.discard(None)
    return [one for one in look.items.values() if queue.same(one) in keys or queue.together(one) in keys]


def _may_be_held(item: Waiting, limits: Mapping[str, Limits], paused: Mapping[str, Pause]) -> bool:
    mine = limits.get(item.via, Limits())
    return item.via in paused or bool(mine.vendor) or (bool(mine.contact) and is_held_by_contact(item))


def _free(cursor: Any, items: Sequence[Waiting]) -> list[int]:
    """Those that nobody is cancelling just now, locked."""
    cursor.execute(
        "SELECT id FROM notify_notification WHERE id = ANY(%s) AND state = 'planned' FOR UPDATE SKIP LOCKED",
        [[one.id for one in items]],
    )
    return [row[0] for row in cursor.fetchall()]


def _history(cursor: Any, items: Sequence[Waiting], limits: Mapping[str, Limits], now: datetime) -> History:
    """What was sent, as far as any limit of these messages asks for it."""
    history = History()
    ways = {(o.via, o.address) for o in items if is_held_by_contact(o) and o.via in limits}
    ways = {way for way in ways if limits[way[0]].contact}
    if ways:
        since = now - max(limits[via].longest for via, _ in ways)
        pairs = {"ways": [via for via, _ in ways], "addresses": [to for _, to in ways], "since": since}
        cursor.execute(sql.SENT_TO, pairs)
        for via, address, at in cursor.fetchall():
            history.contact[via, address].append(at)
    vendors = sorted({o.via for o in items if o.via in limits and limits[o.via].vendor})
    if vendors:
        within = max(limit.within for via in vendors for limit in limits[via].vendor)
        cursor.execute(sql.SENT_OVER, {"ways": vendors, "since": now - within})
        for via, at in cursor.fetchall():
            history.vendor[via].append(at)
    return history


def _listed(value: Any) -> list[Any]:
    found: list[Any] = json.loads(value) if isinstance(value, str) else value or []
    return found


def _pauses(rows: Sequence[Sequence[Any]]) -> dict[str, Pause]:
    return {via: Pause(datetime.fromtimestamp(until, UTC), why) for via, until, why in rows}


# ---- writing ----


def _take(cursor: Any, items: Sequence[Waiting], worker: str, now: datetime) -> list[Job]:
    if not items:
        return []
    cursor.execute(sql.CLAIM, {"ids": [one.id for one in items], "worker": worker})
    rows = {row[0]: row for row in cursor.fetchall()}
    # A claim that is lost with the database's last instants is a message that nobody holds: no harm.
    cursor.execute("SET LOCAL synchronous_commit = off")
    people = [one.person for one in items if one.person and one.id in rows]
    services = [one.service for one in items if one.service and one.id in rows]
    cursor.execute(sql.REACHED, {"users": people, "services": services, "now": now})
    return [job for one in items if one.id in rows and (job := _readable(rows[one.id], now)) is not None]


def _write_carried(carried: Sequence[Carried]) -> None:
    """One write for each message that speaks for others."""
    groups: dict[tuple[int, str], list[int]] = {}
    for one in carried:
        groups.setdefault((one.by.id, one.reason), []).append(one.item.id)
    for (by, reason), rows in groups.items():
        how = NotificationState.MERGED if reason.startswith("merged") else NotificationState.BUNDLED
        _carried.labels(str(how)).inc(len(rows))
        # Whatever a message spoke for when it was merged itself is said by the one that speaks for it.
        Notification.objects.filter(carried_by__in=rows).update(carried_by=by)
        Notification.objects.filter(pk__in=rows).update(
            state=how,
            carried_by=by,
            hold="",
            reason=Left(Concat(F("reason"), Value(f"; {reason}")), _LONGEST),
        )


def _write_held(held: Sequence[Held]) -> None:
    if not held:
        return
    for one in held:
        _held.labels(one.item.via).inc()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notify_notification n SET due_at = put.until, hold = left(put.reason, %s)"
            " FROM unnest(%s::bigint[], %s::timestamptz[], %s::text[]) AS put(id, until, reason)"
            " WHERE n.id = put.id AND n.state = 'planned'",
            [
                _LONGEST_HOLD,
                [one.item.id for one in held],
                [one.until for one in held],
                [one.reason for one in held],
            ],
        )


def _readable(row: tuple[Any, ...], now: datetime) -> Job | None:
    try:
        return job_of(row)
    except Exception as error:  # noqa: BLE001
        # One row that cannot be read must not keep all others from leaving.
        _log.error("a message cannot be read", notification=row[0], error=str(error))
        detail = f"cannot be read: {error}".replace("\0", "")[:_LONGEST]
        Notification.objects.filter(pk=row[0]).update(
            state=NotificationState.FAILED, receipt=detail, claimed_by=""
        )
        Attempt.objects.create(notification_id=row[0], at=now, result=Result.FAILED, detail=detail)
        # Afterwards, because the ladder locks call-outs before messages.
        transaction.on_commit(lambda: _look_for_another(row, detail, now))
        return None


def _look_for_another(row: tuple[Any, ...], detail: str, now: datetime) -> None:
    """A page of which nothing can be read reaches nobody: its other messages show that at once, and then the
    ladder is told.
    """
    page, call_out, incident = row[1:4]
    let_go((row[0],))
    others = Notification.objects.filter(page_id=page)
    if others.filter(state__in=(NotificationState.PLANNED, NotificationState.CLAIMED)).exists():
        others.filter(state=NotificationState.PLANNED).update(due_at=now)
    elif call_out and incident and not others.filter(sent_at__isnull=False).exists():
        with transaction.atomic():
            bus.publish(PersonUnreachable(call_out, incident, now, row[9], detail, row[22]))
