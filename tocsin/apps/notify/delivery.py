"""The outbox's way out. At least once: a message is done only when its channel has answered.

A worker claims due messages, asks right before each leaves whether it is still wanted, hands it over, and
keeps the answer. A worker whose heart stops for 4 s loses its claims to the others; a message it was just
handing over may then leave twice, both times under the same key.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import Error, connection, transaction

from tocsin.apps.notify import claiming, compose, sql, vendors
from tocsin.apps.notify.actions import keeping, receipts
from tocsin.apps.notify.models import LocalMail, Notification, NotificationState, WorkerProcess
from tocsin.apps.notify.types import Job, Places
from tocsin.lib import clock, metrics, pg
from tocsin.lib.log import Logger
from tocsin.ports import registry
from tocsin.ports.channel import Receipt, Result

SILENT_S = 4.0
_SOON = timedelta(seconds=10)
_LONGEST: Final = keeping.LONGEST

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


def claim(worker: str, now: datetime, batch: int, places: Places | None = None) -> list[Job]:
    """Due messages that nobody else holds, in the order in which they should leave; none that has no place
    there.
    """
    found = claiming.claim(worker, now, batch, places)
    for job, held in found.elsewhere:
        # What presses does not wait for a throttled way: as if it had failed, so that the next one is taken.
        wait = (held.until - now).total_seconds()
        keeping.keep(job, worker, Receipt(Result.RETRY, held.reason, retry_after_s=wait, theirs=False), now)
    return found.jobs


def look_after_receipts(now: datetime) -> int:
    """Messages whose vendor has not said by now that they arrived; how many there were."""
    return receipts.overdue(now)


def give_back(job: Job, worker: str, detail: str) -> None:
    """Something went wrong with our books rather than with the message: it is tried again soon."""
    mine = Notification.objects.filter(pk=job.id, claimed_by=worker, state=NotificationState.CLAIMED)
    due = clock.now() + _SOON
    mine.update(state=NotificationState.PLANNED, claimed_by="", due_at=due, receipt=keeping.text(detail))


def keep_only_sent(job: Job, receipt: Receipt) -> None:
    """That it left, and nothing else: for when `keep` meets an error that would come again."""
    state = NotificationState.SENT if receipt.counts else NotificationState.SUPPRESSED
    now = clock.now()
    with transaction.atomic():
        Notification.objects.filter(pk=job.id).update(
            state=state, sent_at=now, receipt=keeping.text(receipt.detail), claimed_by=""
        )
        said = Notification.objects.filter(carried_by=job.id, state=NotificationState.BUNDLED)
        said.update(handed_at=now)


def deliver_one(job: Job, worker: str) -> Receipt:
    """Hand one claimed message over, and keep what came of it."""
    receipt = send(job, worker)
    keep(job, worker, receipt)
    return receipt


def send(job: Job, worker: str) -> Receipt:
    channel = registry.channels.get(job.via) or registry.twins.get(job.via)
    if channel is None:
        return Receipt(Result.FAILED, f"There is no channel “{job.via}”.")
    listed = compose.listed(job) if job.carries else ()
    message = compose.message(job, clock.now(), listed)
    pages = [one.page_id for one in listed]
    try:
        receipt = channel.send(message, lambda: _still_wanted(job.id, worker, pages))
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
    if receipt.result is Result.RETRY and receipt.retry_after_s:
        keeping.pause(job.via, receipt.retry_after_s, f"{receipt.vendor or job.via} asks to wait", now)
    keeping.keep(job, worker, receipt, now)
    _hear(job, receipt, now)


def _hear(job: Job, receipt: Receipt, now: datetime) -> None:
    """How the vendor does. Where it says later what became of a message, taking it says nothing yet."""
    channel = registry.channels.get(job.via)
    if channel is None or not receipt.counts:
        return
    for vendor, why in receipt.before:
        vendors.heard(vendor, False, why, now)
    promised = receipt.result is Result.SENT and channel.abilities.receipts is None
    if promised or receipt.result is Result.DELIVERED:
        vendors.heard(receipt.vendor or job.via, True, "", now)
    elif receipt.result is Result.RETRY or (receipt.result is Result.FAILED and not receipt.theirs):
        vendors.heard(receipt.vendor or job.via, False, receipt.detail, now)


def keep_local_mail(to: str, subject: str, text: str, html: str) -> None:
    """Where the console twin puts what it does not send."""
    LocalMail.objects.create(
        at=clock.now(), to=to[:_LONGEST], subject=subject[:_LONGEST], text=text, html=html
    )


def _still_wanted(notification: int, worker: str, pages: Sequence[int]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql.HAND_OVER, {"id": notification, "worker": worker, "pages": list(pages)})
        return cursor.fetchone() is not None
