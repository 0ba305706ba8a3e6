"""The outbox's way out. At least once: a message is done only when its channel has answered.

A worker claims due messages, asks right before each leaves whether it is still wanted, hands it over, and
keeps the answer. A worker whose heart stops for 4 s loses its claims to the others; a message it was just
handing over may then leave twice, both times under the same key.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import Error, connection, transaction
from django.db.models import Q

from tocsin.apps.notify import compose, sql
from tocsin.apps.notify.actions.calling import QUIET_WORDS
from tocsin.apps.notify.directory import Directory
from tocsin.apps.notify.models import Attempt, LocalMail, Notification, NotificationState, Page, WorkerProcess
from tocsin.apps.notify.types import Job
from tocsin.domain import canary
from tocsin.domain.escalation.codec import load
from tocsin.domain.notification.failing import Verdict, after_failure, rank
from tocsin.domain.notification.model import MessageKind, Subject
from tocsin.domain.severity import Urgency
from tocsin.lib import bus, clock, ids, metrics, pg
from tocsin.lib.log import Logger
from tocsin.ports import registry
from tocsin.ports.channel import Receipt, Result
from tocsin.ports.events import NotificationFailed, PersonUnreachable

SILENT_S = 4.0
_SOON = timedelta(seconds=10)
_LONGEST = 512
_PAGES = frozenset({MessageKind.PAGE, MessageKind.STAKEHOLDER})

_log = Logger(__name__)
_sent = metrics.counter(
    "notifications_sent", "Messages handed over, by channel and result", ("via", "result")
)
_wait = metrics.seconds("notification_wait", "From when a message was due to when it left", ("rank",))


# ---- workers ----


def beat(worker: str, host: str, pid: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.BEAT, {"id": worker, "host": host, "pid": pid})


def release_dead() -> int:
    """Take over the claims of dead workers; how many there were."""
    with connection.cursor() as cursor:
        cursor.execute(sql.RELEASE_DEAD, {"silent": SILENT_S})
        return int(cursor.rowcount)


def release_lost(worker: str, held: Sequence[int]) -> int:
    """Give up what this worker has claimed and does not hold; how many there were."""
    mine = Notification.objects.filter(claimed_by=worker, state=NotificationState.CLAIMED)
    return mine.exclude(pk__in=held).update(state=NotificationState.PLANNED, claimed_by="")


def leave(worker: str) -> None:
    """An orderly end: nobody has to wait for our heart to have stopped."""
    with transaction.atomic():
        held = Notification.objects.filter(claimed_by=worker, state=NotificationState.CLAIMED)
        if held.update(state=NotificationState.PLANNED, claimed_by=""):
            with connection.cursor() as cursor:
                pg.notify(cursor, "tocsin_due", "delivery")
        WorkerProcess.objects.filter(pk=worker).delete()


# ---- one message ----


def claim(worker: str, now: datetime, batch: int) -> list[Job]:
    """Due messages that nobody else holds, in the order in which they should leave."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.CLAIM, {"worker": worker, "now": now, "batch": batch})
        rows = cursor.fetchall()
        if rows:
            # A claim that is lost with the database's last instants is a message that nobody holds: no harm.
            cursor.execute("SET LOCAL synchronous_commit = off")
            cursor.execute(sql.REACHED, {"users": [row[-1] for row in rows], "now": now})
    return [job for row in rows if (job := _readable(row, now)) is not None]


def give_back(job: Job, worker: str, detail: str) -> None:
    """Something went wrong with our books rather than with the message: it is tried again soon."""
    mine = Notification.objects.filter(pk=job.id, claimed_by=worker, state=NotificationState.CLAIMED)
    due = clock.now() + _SOON
    mine.update(state=NotificationState.PLANNED, claimed_by="", due_at=due, receipt=_text(detail))


def keep_only_sent(job: Job, receipt: Receipt) -> None:
    """That it left, and nothing else: for when `keep` meets an error that would come again."""
    state = NotificationState.SENT if receipt.counts else NotificationState.SUPPRESSED
    Notification.objects.filter(pk=job.id).update(
        state=state, sent_at=clock.now(), receipt=_text(receipt.detail), claimed_by=""
    )


def deliver_one(job: Job, worker: str) -> Receipt:
    """Hand one claimed message over, and keep what came of it."""
    receipt = send(job, worker)
    keep(job, worker, receipt)
    return receipt


def send(job: Job, worker: str) -> Receipt:
    channel = registry.channels.get(job.via) or registry.twins.get(job.via)
    if channel is None:
        return Receipt(Result.FAILED, f"There is no channel “{job.via}”.")
    message = compose.message(job, clock.now())
    try:
        receipt = channel.send(message, lambda: _still_wanted(job.id, worker))
    except Error:
        raise  # the gate could not be asked: nothing has left
    except Exception as error:  # noqa: BLE001 - a channel must not raise; should one, its message is not lost
        _log.exception("a channel failed", via=job.via, notification=job.id)
        receipt = Receipt(Result.RETRY, f"{type(error).__name__}: {error}")
    _sent.labels(job.via, receipt.result).inc()
    if receipt.result in {Result.SENT, Result.DELIVERED}:
        waited = clock.now() - job.wanted_at
        _wait.labels("first" if job.hurry else "other").observe(waited.total_seconds())
    return receipt


def keep(job: Job, worker: str, receipt: Receipt) -> None:
    """Write down what became of a message. Raises when the database is away: then it must be tried again."""
    now = clock.now()
    if receipt.result in {Result.SENT, Result.DELIVERED}:
        _keep_sent(job, receipt, now)
    elif receipt.result is Result.WITHDRAWN:
        _keep_withdrawn(job, worker, now)
    else:
        _keep_failed(job, worker, receipt, now)


def keep_local_mail(to: str, subject: str, text: str, html: str) -> None:
    """Where the console twin puts what it does not send."""
    LocalMail.objects.create(
        at=clock.now(), to=to[:_LONGEST], subject=subject[:_LONGEST], text=text, html=html
    )


def _still_wanted(notification: int, worker: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql.HAND_OVER, {"id": notification, "worker": worker})
        return cursor.fetchone() is not None


def _keep_sent(job: Job, receipt: Receipt, now: datetime) -> None:
    state = NotificationState.DELIVERED if receipt.result is Result.DELIVERED else NotificationState.SENT
    if not receipt.counts:
        state = NotificationState.SUPPRESSED
    shown = job.incident_id and job.via != canary.VIA
    live = json.dumps({"kind": "incident", "id": job.subject.ref}) if shown else ""
    values: dict[str, int | str | datetime] = {
        "id": job.id,
        "at": now,
        "result": str(receipt.result),
        "detail": _text(receipt.detail),
        "state": str(state),
        "live": live,
        "vendor": receipt.vendor or job.via,
        "ref": receipt.ref,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql.SENT, values)


def _keep_withdrawn(job: Job, worker: str, now: datetime) -> None:
    """Nobody wants it any more, or another worker has it."""
    mine = Notification.objects.filter(pk=job.id, claimed_by=worker, state=NotificationState.CLAIMED)
    if mine.update(state=NotificationState.CANCELLED, receipt="not sent: no longer wanted", claimed_by=""):
        Attempt.objects.create(
            notification_id=job.id, at=now, result=Result.WITHDRAWN, detail="no longer wanted"
        )


@transaction.atomic
def _keep_failed(job: Job, worker: str, receipt: Receipt, now: datetime) -> None:
    with connection.cursor() as cursor:
        # Two ways that fail at one instant must see each other fail, or neither tells the ladder.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ids.number_key(f"page:{job.page_id}")])
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
        quiet=job.kind in QUIET_WORDS or job.kind is MessageKind.INVITATION,
    )
    if verdict.unreachable:
        # First, because an acknowledgement locks the call-out before its messages too.
        _tell_ladder(job, siblings.exclude(state=NotificationState.CANCELLED), receipt, now)
    mine = Notification.objects.filter(pk=job.id, claimed_by=worker, state=NotificationState.CLAIMED)
    if not mine.update(**_after(verdict, receipt, job)):
        return
    Attempt.objects.create(
        notification_id=job.id, at=now, result=receipt.result, detail=_text(receipt.detail)
    )
    if verdict.promote:
        _promote(job, siblings, receipt, now)
    elif verdict.retry_at is None and job.kind in QUIET_WORDS:
        _say_otherwise(job, receipt, now)
    if verdict.retry_at is None and job.incident_id:
        bus.publish(NotificationFailed(job.incident_id, now, job.email, job.via, _text(receipt.detail)))


def _after(verdict: Verdict, receipt: Receipt, job: Job) -> dict[str, Any]:
    detail = _text(receipt.detail)
    if verdict.retry_at is None:
        return {"state": NotificationState.FAILED, "receipt": detail, "claimed_by": ""}
    again = {
        "state": NotificationState.PLANNED,
        "receipt": detail,
        "claimed_by": "",
        "due_at": verdict.retry_at,
    }
    # The ladder was told once; from now on this is a repeat, and hurries nobody.
    return {**again, "hurry": False} if verdict.unreachable and job.hurry else again


def _real(siblings: Any) -> Any:
    """Those to come that would reach somebody: an outbox is no other way."""
    counting = [channel.type for channel in registry.channels.values() if channel.counts]
    return siblings.filter(state=NotificationState.PLANNED, via__in=counting)


def _promote(job: Job, siblings: Any, receipt: Receipt, now: datetime) -> None:
    """The person's next message leaves now, and is their first."""
    following = _real(siblings).order_by("due_at", "id").first()
    if following is None:
        return
    following.due_at = min(following.due_at, now)
    following.wanted_at = now
    following.hurry = job.hurry
    following.rank = min(following.rank, 0 if job.urgency is Urgency.HIGH else 2)
    following.reason = _text(f"{following.reason}; brought forward, as {job.via} failed: {receipt.detail}")
    following.save(update_fields=("due_at", "wanted_at", "hurry", "rank", "reason"))
    with connection.cursor() as cursor:
        pg.notify(cursor, "tocsin_due", "delivery")


def _say_otherwise(job: Job, receipt: Receipt, now: datetime) -> None:
    """A quiet word is one message: where its way is shut, the person's next one takes it."""
    contact = Directory().contact(job.email)
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
        method_id=method.id or None,
        via=method.type,
        address=method.address,
        key=ids.new_id(),
        rank=rank(job.kind, job.urgency, first=False),
        due_at=now,
        wanted_at=now,
        reason=_text(f"{method.type}, as {job.via} failed: {receipt.detail}"),
    )
    with connection.cursor() as cursor:
        pg.notify(cursor, "tocsin_due", "delivery")


def _tell_ladder(job: Job, siblings: Any, receipt: Receipt, now: datetime) -> None:
    got = Q(state__in=(NotificationState.SENT, NotificationState.DELIVERED)) | Q(
        state=NotificationState.CLAIMED
    )
    if job.call_out_id is None or job.incident_id is None or job.kind not in _PAGES:
        return
    if siblings.filter(got).exists() or not Page.objects.filter(pk=job.page_id, ended_at=None).exists():
        return
    detail = f"{job.via}: {receipt.detail}"
    bus.publish(PersonUnreachable(job.call_out_id, job.incident_id, now, job.email, _text(detail)))


def _text(text: str) -> str:
    return text.replace("\0", "")[:_LONGEST]


def _readable(row: tuple[Any, ...], now: datetime) -> Job | None:
    try:
        return _job(row)
    except Exception as error:  # noqa: BLE001
        # One row that cannot be read must not keep all others from leaving.
        _log.error("a message cannot be read", notification=row[0], error=str(error))
        Notification.objects.filter(pk=row[0]).update(
            state=NotificationState.FAILED, receipt=_text(f"cannot be read: {error}"), claimed_by=""
        )
        Attempt.objects.create(notification_id=row[0], at=now, result=Result.FAILED, detail=_text(str(error)))
        return None


def _job(row: tuple[Any, ...]) -> Job:
    subject = load(_json(row[13]), Subject)
    return Job(
        id=row[0],
        page_id=row[1],
        call_out_id=row[2],
        incident_id=row[3],
        key=row[4],
        method_id=row[5],
        via=row[6],
        address=row[7],
        config={str(k): str(v) for k, v in _json(row[8]).items()},
        email=row[9],
        name=row[10],
        kind=MessageKind(row[11]),
        urgency=Urgency(row[12]),
        severity=subject.severity,
        subject=subject,
        reason=row[14],
        headline=row[15],
        attempts=row[16],
        hurry=row[17],
        wanted_at=row[18],
        started_at=row[19],
        more=_json(row[20] or {}),
    )


def _json(value: Any) -> Mapping[str, Any]:
    # Django leaves JSON to its own fields: a bare cursor gives text.
    found: Mapping[str, Any] = json.loads(value) if isinstance(value, str) else value
    return found
