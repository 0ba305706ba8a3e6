"""What vendors say of messages that have left, and what is done when they say nothing."""

from datetime import datetime, timedelta
from typing import Final

from django.db import InterfaceError, OperationalError, transaction

from tocsin.apps.notify import jobs, vendors
from tocsin.apps.notify.actions.keeping import fail, hold_page, text, wake
from tocsin.apps.notify.models import Attempt, Notification, NotificationState
from tocsin.apps.notify.types import Job
from tocsin.domain.time import format_duration
from tocsin.lib.log import Logger
from tocsin.ports import registry
from tocsin.ports.callback import Fate, Progress
from tocsin.ports.channel import Receipt, Result

LOST: Final = "lost"  # an attempt's result: the vendor took it, and it did not arrive
_AGAIN: Final = timedelta(minutes=1)
_SETTLED: Final = (NotificationState.DELIVERED, NotificationState.READ)
_GOOD: Final = {Fate.DELIVERED: NotificationState.DELIVERED, Fate.READ: NotificationState.READ}
_BAD: Final = frozenset({Fate.FAILED, Fate.BOUNCED})
_MAY_ARRIVE: Final = (
    NotificationState.CLAIMED,
    NotificationState.PLANNED,
    NotificationState.SENT,
    NotificationState.DELIVERED,
    NotificationState.FAILED,
    NotificationState.CANCELLED,
)

_log = Logger(__name__)


@transaction.atomic
def progress(*, vendor: str, progress: Progress, now: datetime) -> bool:
    """A vendor's word about a message; whether it was news. What comes late or twice changes nothing."""
    found = find(vendor, progress.ref, progress.key)
    if found is None:
        return False
    hold_page(found.page_id)
    row = Notification.objects.get(pk=found.pk)
    elsewhere = row.vendor not in {"", vendor}  # it has gone over another vendor since
    settled = row.state in _SETTLED and progress.fate is not Fate.READ
    if not elsewhere and (settled or progress.fate.rank <= row.progress):
        return False
    if elsewhere and progress.fate not in _GOOD:
        return False
    if progress.fate in _GOOD:
        return _arrived(row, vendor, progress, now)
    if progress.fate in _BAD:
        return _did_not(row, vendor, progress, now)
    news = {"progress": progress.fate.rank, "vendor": vendor, "ref": progress.ref or row.ref}
    Notification.objects.filter(pk=row.pk).update(**news)
    _note(row.pk, progress.fate, vendor, progress.detail, now)
    return True


def find(vendor: str, ref: str, key: str = "") -> Notification | None:
    """By our own key, where the vendor gives it back: its first word may come before our note of its name."""
    if key:
        return Notification.objects.filter(key=key).first()
    return Notification.objects.filter(vendor=vendor, ref=ref).exclude(ref="").first()


def overdue(now: datetime, most: int = 50) -> int:
    """Look after what should have been confirmed by now; how many messages there were."""
    due = list(
        Notification.objects.filter(receipt_due_at__lte=now)
        .order_by("receipt_due_at")
        .values_list("pk", "page_id")[:most]
    )
    for pk, page_id in due:
        try:
            _look_after(pk, page_id, now)
        except (OperationalError, InterfaceError):
            raise
        except Exception:  # noqa: BLE001 - what one message meets must not keep the others waiting
            _log.exception("a missing receipt could not be seen to", notification=pk)
            Notification.objects.filter(pk=pk).update(receipt_due_at=now + _AGAIN)
    return len(due)


@transaction.atomic
def _look_after(pk: int, page_id: int, now: datetime) -> None:
    hold_page(page_id)
    row = Notification.objects.filter(pk=pk, receipt_due_at__lte=now).first()
    if row is None:
        return
    if row.state != NotificationState.SENT:
        Notification.objects.filter(pk=pk).update(receipt_due_at=None)
    elif row.progress >= Fate.FAILED.rank:  # said before our own note of its leaving was written
        bounced = row.progress == Fate.BOUNCED.rank
        _again(row, row.vendor, row.receipt, now, bounced=bounced)
    else:
        waited = format_duration(now - row.sent_at) if row.sent_at else "a while"
        missing = f"{row.vendor} gave no receipt within {waited}"
        vendors.heard(row.vendor, False, missing, now)
        _again(row, row.vendor, missing, now, bounced=False)


def _arrived(row: Notification, vendor: str, said: Progress, now: datetime) -> bool:
    mine = Notification.objects.filter(pk=row.pk, state__in=_MAY_ARRIVE)
    changes = {
        "state": _GOOD[said.fate],
        "receipt": text(said.detail or f"{vendor}: {said.fate}"),
        "progress": said.fate.rank,
        "receipt_due_at": None,
        "sent_at": row.sent_at or now,
        "claimed_by": "",
        "vendor": vendor,
    }
    if said.ref:
        changes["ref"] = said.ref
    if not mine.update(**changes):
        return False
    _note(row.pk, said.fate, vendor, said.detail, now)
    vendors.heard(vendor, True, "", now)
    return True


def _did_not(row: Notification, vendor: str, said: Progress, now: datetime) -> bool:
    why = text(said.detail or f"{vendor} could not deliver it")
    if row.state == NotificationState.CLAIMED:
        # Its leaving is not written down yet: whoever writes it finds this.
        Notification.objects.filter(pk=row.pk).update(progress=said.fate.rank, receipt=why)
        return True
    if row.state != NotificationState.SENT:
        return False
    Notification.objects.filter(pk=row.pk).update(progress=said.fate.rank)
    return _again(row, vendor, why, now, bounced=said.fate is Fate.BOUNCED)


def _again(row: Notification, vendor: str, why: str, now: datetime, *, bounced: bool) -> bool:
    """Over another vendor under the same key, each vendor once; else the person's next way."""
    mine = Notification.objects.filter(pk=row.pk, state=NotificationState.SENT)
    (job,) = jobs.read([row.pk])
    ended = row.page.ended_at is not None
    if not (bounced or ended or _lost_before(job, vendor)) and job.via in registry.channels:
        _note(row.pk, LOST, vendor, why, now)
        mine.update(
            state=NotificationState.PLANNED,
            due_at=now,
            receipt=text(why),
            progress=0,
            receipt_due_at=None,
            ref="",
            vendor="",
        )
        wake()
        return True
    if ended:
        _note(row.pk, LOST, vendor, why, now)
        mine.update(state=NotificationState.FAILED, receipt=text(why), receipt_due_at=None)
        return True
    receipt = Receipt(Result.FAILED, why, vendor=vendor, bounced=bounced, theirs=bounced)
    return fail(job, mine, receipt, now, result=LOST)


def _lost_before(job: Job, vendor: str) -> bool:
    return Attempt.objects.filter(notification_id=job.id, result=LOST, vendor=vendor).exists()


def _note(pk: int, result: str, vendor: str, detail: str, now: datetime) -> None:
    Attempt.objects.create(
        notification_id=pk, at=now, result=result[:16], detail=text(detail or result), vendor=vendor
    )
