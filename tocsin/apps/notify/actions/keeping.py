"""What became of a message that was handed over, or could not be: kept, and what follows from it."""

import json
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from tocsin.apps.notify import sql
from tocsin.apps.notify.actions.bounces import bounced
from tocsin.apps.notify.actions.calling import let_go
from tocsin.apps.notify.directory import Directory
from tocsin.apps.notify.models import Attempt, Notification, NotificationState, Page, Pause
from tocsin.apps.notify.types import Job
from tocsin.domain import canary
from tocsin.domain.notification.failing import QUIET_WORDS, Verdict, after_failure, rank
from tocsin.domain.notification.model import MessageKind
from tocsin.domain.severity import Urgency
from tocsin.lib import bus, ids, pg
from tocsin.ports import registry
from tocsin.ports.callback import Fate
from tocsin.ports.channel import Receipt, Result
from tocsin.ports.events import NotificationFailed, PersonUnreachable

LONGEST: Final = 512
_PAGES: Final = frozenset({MessageKind.PAGE, MessageKind.STAKEHOLDER})
_PATIENT: Final = QUIET_WORDS | {MessageKind.INVITATION}
_LONGEST_PAUSE: Final = timedelta(minutes=10)
_UNDER_WAY: Final = (
    NotificationState.CLAIMED,
    NotificationState.SENT,
    NotificationState.DELIVERED,
    NotificationState.READ,
    NotificationState.MERGED,
    NotificationState.BUNDLED,
)

Mine = QuerySet[Notification, Notification]


def keep(job: Job, worker: str, receipt: Receipt, now: datetime) -> None:
    """Write down what became of a message. Raises when the database is away: then it must be tried again."""
    if receipt.result in {Result.SENT, Result.DELIVERED}:
        _keep_sent(job, receipt, now)
    elif receipt.result is Result.WITHDRAWN:
        _keep_withdrawn(job, worker, now)
    else:
        held = Notification.objects.filter(pk=job.id, claimed_by=worker, state=NotificationState.CLAIMED)
        fail(job, held, receipt, now)


def text(of: str) -> str:
    return of.replace("\0", "")[:LONGEST]


def hold_page(page_id: int) -> None:
    """Two ways that fail at one instant must see each other fail, or neither tells the ladder."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ids.number_key(f"page:{page_id}")])


def wake() -> None:
    with connection.cursor() as cursor:
        pg.notify(cursor, "tocsin_due", "delivery")


def _keep_sent(job: Job, receipt: Receipt, now: datetime) -> None:
    state = NotificationState.DELIVERED if receipt.result is Result.DELIVERED else NotificationState.SENT
    if not receipt.counts:
        state = NotificationState.SUPPRESSED
    shown = job.incident_id and job.via != canary.VIA
    live = json.dumps({"kind": "incident", "id": job.subject.ref}) if shown else ""
    values: dict[str, int | str | datetime | None] = {
        "id": job.id,
        "at": now,
        "result": str(receipt.result),
        "detail": text(receipt.detail),
        "state": str(state),
        "live": live,
        "vendor": receipt.vendor or job.via,
        "ref": receipt.ref,
        "receipt_due": _receipt_due(job, now) if state == NotificationState.SENT else None,
        "lost": Fate.FAILED.rank,
    }
    if not job.carries:
        with connection.cursor() as cursor:
            cursor.execute(sql.SENT, values)
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.SENT, values)
        # The last gate saw each of them still wanted.
        carried = Notification.objects.filter(carried_by=job.id, state=NotificationState.BUNDLED)
        carried.update(handed_at=now, receipt=f"said by the message about {job.subject.ref}")


def _receipt_due(job: Job, now: datetime) -> datetime | None:
    channel = registry.channels.get(job.via)
    soon = channel.abilities.receipts if channel is not None else None
    return now + soon if soon is not None else None


@transaction.atomic
def _keep_withdrawn(job: Job, worker: str, now: datetime) -> None:
    """Nobody wants it any more, or another worker has it; or one of those that it lists is over."""
    mine = Notification.objects.filter(pk=job.id, claimed_by=worker, state=NotificationState.CLAIMED)
    if job.carries and mine.filter(page__ended_at=None).exists():
        mine.update(state=NotificationState.PLANNED, claimed_by="")
        wake()
        return
    if mine.update(state=NotificationState.CANCELLED, receipt="not sent: no longer wanted", claimed_by=""):
        Attempt.objects.create(
            notification_id=job.id, at=now, result=Result.WITHDRAWN, detail="no longer wanted"
        )
        let_go([job.id])


@transaction.atomic
def fail(job: Job, mine: Mine, receipt: Receipt, now: datetime, *, result: str = "") -> bool:
    """It did not arrive this way: tried again, or the person's next way, or the ladder is told. `mine`: the
    message while it is still as it was when it failed; whether it was. `result`: its name in the trail.
    """
    hold_page(job.page_id)
    siblings = Notification.objects.filter(page_id=job.page_id).exclude(pk=job.id)
    others = _real(siblings).filter(page__ended_at=None).exists()
    verdict = after_failure(
        attempts=job.attempts,
        wanted_at=job.wanted_at,
        now=now,
        hurry=job.hurry,
        others=others,
        permanent=receipt.result is Result.FAILED,
        retry_after=timedelta(seconds=receipt.retry_after_s) if receipt.retry_after_s else None,
        quiet=job.kind in _PATIENT,
        theirs=receipt.theirs,
    )
    if verdict.unreachable:
        # First, because an acknowledgement locks the call-out before its messages too.
        _tell_ladder(job, siblings.exclude(state=NotificationState.CANCELLED), receipt, now)
    if not mine.update(**_after(verdict, receipt, job)):
        return False
    Attempt.objects.create(
        notification_id=job.id,
        at=now,
        result=result or receipt.result,
        detail=text(receipt.detail),
        vendor=receipt.vendor or job.via,
    )
    if verdict.promote:
        _promote(job, siblings, receipt, now)
    elif verdict.retry_at is None and job.kind in QUIET_WORDS:
        _say_otherwise(job, receipt, now)
    if verdict.retry_at is None:
        _gone(job, receipt, now)
    return True


def pause(via: str, seconds: float, why: str, now: datetime) -> None:
    """The vendor asked us to wait: so do the others that would go over it."""
    until = now + min(timedelta(seconds=seconds), _LONGEST_PAUSE)
    Pause.objects.update_or_create(via=via, defaults={"until": until, "why": why[:255]})


def _gone(job: Job, receipt: Receipt, now: datetime) -> None:
    """This way is given up."""
    if job.carries:
        let_go([job.id])
        wake()
    if receipt.bounced and job.method_id is not None:
        bounced(job, receipt.vendor or job.via, text(receipt.detail), now)
    if job.incident_id:
        bus.publish(NotificationFailed(job.incident_id, now, job.email, job.via, text(receipt.detail)))


def _after(verdict: Verdict, receipt: Receipt, job: Job) -> dict[str, Any]:
    changes: dict[str, Any] = {
        "receipt": text(receipt.detail),
        "claimed_by": "",
        "receipt_due_at": None,
        "vendor": receipt.vendor or job.via,
    }
    if verdict.retry_at is None:
        return {**changes, "state": NotificationState.FAILED}
    again = {**changes, "state": NotificationState.PLANNED, "due_at": verdict.retry_at}
    # The ladder was told once; from now on this is a repeat, and hurries nobody.
    return {**again, "hurry": False} if verdict.unreachable and job.hurry else again


def _real(siblings: Mine) -> Mine:
    """Those to come that would reach somebody: an outbox is no other way."""
    counting = [channel.type for channel in registry.channels.values() if channel.counts]
    return siblings.filter(state=NotificationState.PLANNED, via__in=counting)


def _promote(job: Job, siblings: Mine, receipt: Receipt, now: datetime) -> None:
    """The person's next message leaves now, and is their first."""
    following = _real(siblings).order_by("due_at", "id").first()
    if following is None:
        return
    following.due_at = min(following.due_at, now)
    following.wanted_at = now
    following.hurry = job.hurry
    following.rank = min(following.rank, 0 if job.urgency is Urgency.HIGH else 2)
    following.reason = text(f"{following.reason}; brought forward, as {job.via} failed: {receipt.detail}")
    following.save(update_fields=("due_at", "wanted_at", "hurry", "rank", "reason"))
    wake()


def _say_otherwise(job: Job, receipt: Receipt, now: datetime) -> None:
    """A quiet word is one message: where its way is shut, the person's next one takes it."""
    contact = Directory().contact(job.email) if job.email else None
    if contact is None or not contact.deliverable or Page.objects.get(pk=job.page_id).ended_at is not None:
        return
    tried = set(Notification.objects.filter(page_id=job.page_id).values_list("via", "address"))
    ways = (
        one for one in contact.methods if one.usable and one.counts and (one.type, one.address) not in tried
    )
    if (method := next(ways, None)) is None:
        return
    Notification.objects.create(
        page_id=job.page_id,
        person=job.person,
        method_id=method.id or None,
        via=method.type,
        address=method.address,
        key=ids.new_id(),
        rank=rank(job.kind, job.urgency, first=False),
        due_at=now,
        wanted_at=now,
        reason=text(f"{method.type}, as {job.via} failed: {receipt.detail}"),
    )
    wake()


def _tell_ladder(job: Job, siblings: Mine, receipt: Receipt, now: datetime) -> None:
    if job.call_out_id is None or job.incident_id is None or job.kind not in _PAGES:
        return
    if siblings.filter(Q(state__in=_UNDER_WAY)).exists():
        return
    if not Page.objects.filter(pk=job.page_id, ended_at=None).exists():
        return
    detail = text(f"{job.via}: {receipt.detail}")
    bus.publish(PersonUnreachable(job.call_out_id, job.incident_id, now, job.email, detail, job.generation))
