"""What the worker does with call-outs that are due."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import QuerySet

from tocsin.apps.escalation.models import CallOut
from tocsin.apps.escalation.roster import Roster
from tocsin.apps.escalation.store import Work, carry_out, snapshot_of, state_of, tell_if_answered
from tocsin.domain.escalation import machine
from tocsin.domain.escalation.model import CallOutStatus
from tocsin.lib.log import Logger

_HELD: Final = (CallOutStatus.ACKNOWLEDGED, CallOutStatus.SNOOZED)
_SET_ASIDE: Final = timedelta(minutes=1)

_log = Logger(__name__)


@transaction.atomic
def advance_due(*, now: datetime, limit: int = 100) -> int:
    """Everything that is due, for up to `limit` call-outs nobody else is working on; how many there were.

    Those whose acknowledgement or snooze runs out go one by one: their news locks the incident, which actions
    lock before the call-out. The loop gives way at once instead of meeting them in a deadlock; it comes
    again.
    """
    due = _due(now)
    rows = list(due.exclude(status__in=_HELD)[:limit]) or list(due.filter(status__in=_HELD)[:1])
    _advance(rows, now)
    return len(rows)


def advance_held(*, now: datetime, limit: int = 20) -> int:
    """Acknowledgements and snoozes that run out, so that they need not wait until nothing else is due."""
    done = 0
    while done < limit:
        with transaction.atomic():
            rows = list(_due(now).filter(status__in=_HELD)[:1])
            _advance(rows, now)
        if not rows:
            break
        done += 1
    return done


def advance_apart(*, now: datetime, limit: int = 100) -> int:
    """As `advance_due`, each in a transaction of its own: one that cannot be advanced holds up no other."""
    ids = list(
        CallOut.objects.filter(due_at__lte=now).order_by("due_at").values_list("pk", flat=True)[:limit]
    )
    for number in ids:
        try:
            with transaction.atomic():
                _advance(list(_due(now).filter(pk=number)), now)
        except (OperationalError, InterfaceError):
            raise
        except Exception:  # noqa: BLE001 - whatever it is, the others must be called
            _log.exception("a call-out cannot be advanced; it is tried again in a minute", call_out=number)
            CallOut.objects.filter(pk=number).update(due_at=now + _SET_ASIDE)
    return len(ids)


def _due(now: datetime) -> "QuerySet[CallOut, CallOut]":
    return CallOut.objects.filter(due_at__lte=now).order_by("due_at").select_for_update(skip_locked=True)


def _advance(rows: Sequence[CallOut], now: datetime) -> None:
    if not rows:
        return
    roster = Roster(now)
    works = []
    snapshots = [snapshot_of(row) for row in rows]
    roster.turns.prepare(snapshots)  # whoever has the turns gives them back soon
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '400ms'")
    for row, snapshot in zip(rows, snapshots, strict=True):
        before = state_of(row)
        outcome = machine.advance(snapshot, before, roster.resolve, now, turns=roster.turns)
        roster.turns.took(outcome.effects)
        works.append(Work(row, snapshot, before, outcome))
    carry_out(works, now, roster)
    for work in works:
        tell_if_answered(work, now)
