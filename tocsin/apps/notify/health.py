"""Whether we ourselves are well: vendors that fail, and anything else that the administrators must hear of,
each time once.
"""

import hashlib
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import F

from tocsin.apps.identity.models import User, UserState
from tocsin.apps.notify.actions.calling import call_many
from tocsin.apps.notify.directory import Directory
from tocsin.apps.notify.models import Matter, Notification, Page, VendorState, WorkerProcess
from tocsin.apps.notify.types import Request
from tocsin.domain import canary
from tocsin.domain.notification.model import MessageKind, Subject
from tocsin.domain.permissions import Role
from tocsin.domain.severity import Severity, Urgency
from tocsin.lib import bus
from tocsin.ports.events import AdminWord

_IN_A_ROW: Final = 5
_FEW: Final = 3
_FEW_FOR: Final = timedelta(minutes=2)
_REMEMBERED: Final = timedelta(seconds=30)
_SEEN: Final = timedelta(seconds=2)
_RECENT: Final = timedelta(days=1)
_SILENT: Final = timedelta(seconds=60)
_AT_MOST_EVERY: Final = timedelta(hours=1)
_LONGEST: Final = 512
_SUBJECT: Final = Subject(incident_id=0, ref="", title="", severity=Severity.SEV4, service="Tocsin")

# Written only when it had failed before, or when what is known is old.
_TOOK: Final = """
INSERT INTO notify_vendorstate (vendor, last_ok_at, last_error, failures)
VALUES (%(vendor)s, %(now)s, '', 0)
ON CONFLICT (vendor) DO UPDATE
SET last_ok_at = EXCLUDED.last_ok_at, failing_since = NULL, failures = 0, failures_from = NULL
WHERE notify_vendorstate.failures > 0 OR notify_vendorstate.failing_since IS NOT NULL
   OR notify_vendorstate.last_ok_at IS NULL OR notify_vendorstate.last_ok_at <= %(old)s
"""
# It is failing after `many` in a row, or when a `few` have failed since `since` and none was taken.
_REFUSED: Final = """
INSERT INTO notify_vendorstate (vendor, last_failed_at, last_error, failures, failures_from)
VALUES (%(vendor)s, %(now)s, %(detail)s, 1, %(now)s)
ON CONFLICT (vendor) DO UPDATE
SET last_failed_at = EXCLUDED.last_failed_at, last_error = EXCLUDED.last_error,
    failures = notify_vendorstate.failures + 1,
    failures_from = coalesce(notify_vendorstate.failures_from, EXCLUDED.failures_from),
    failing_since = coalesce(notify_vendorstate.failing_since, CASE
        WHEN notify_vendorstate.failures + 1 >= %(many)s
          OR (notify_vendorstate.failures + 1 >= %(few)s AND notify_vendorstate.failures_from <= %(since)s)
        THEN notify_vendorstate.failures_from END)
"""

_lock = threading.Lock()
_well: dict[str, datetime] = {}  # of this process: when it last found a vendor well


@dataclass(frozen=True)
class VendorInfo:
    """`failing_since` None: well, as far as is known."""

    vendor: str
    failing_since: datetime | None
    last_ok_at: datetime | None
    last_failed_at: datetime | None
    last_error: str
    failures: int  # one after the other, up to now
    told_at: datetime | None  # when the administrators were told


# ---- vendors ----


def heard(vendor: str, ok: bool, detail: str, now: datetime) -> None:  # noqa: FBT001 - as in a sentence
    """A vendor took a message, or failed one for reasons of its own. Cheap while all is well: something is
    written only when that is news, or half a minute old.
    """
    if vendor == canary.VIA or not vendor:
        return
    if ok:
        _took(vendor, now)
    else:
        _failed(vendor, detail, now)


def vendors() -> tuple[VendorInfo, ...]:
    """All that were ever heard of, those that fail first."""
    rows = VendorState.objects.order_by(F("failing_since").asc(nulls_last=True), "vendor")
    told = dict(Matter.objects.filter(since__isnull=False).values_list("name", "told_at"))
    return tuple(
        VendorInfo(
            row.vendor,
            row.failing_since,
            row.last_ok_at,
            row.last_failed_at,
            row.last_error,
            row.failures,
            told.get(_matter_of(row.vendor)),
        )
        for row in rows
    )


def _took(vendor: str, now: datetime) -> None:
    with _lock:
        seen = _well.get(vendor)
        if seen is not None and timedelta(0) <= now - seen < _SEEN:
            return
        _well[vendor] = now
    with connection.cursor() as cursor:
        cursor.execute(_TOOK, {"vendor": vendor, "now": now, "old": now - _REMEMBERED})


def _failed(vendor: str, detail: str, now: datetime) -> None:
    with _lock:
        _well.pop(vendor, None)
    values: dict[str, str | int | datetime] = {
        "vendor": vendor,
        "now": now,
        "detail": detail.replace("\0", "")[:_LONGEST],
        "many": _IN_A_ROW,
        "few": _FEW,
        "since": now - _FEW_FOR,
    }
    with connection.cursor() as cursor:
        cursor.execute(_REFUSED, values)


# ---- matters ----


@dataclass(frozen=True)
class Finding:
    """How it stands with one matter. `wrong` "": well. `avoid`: ways that are at fault, not to be used."""

    name: str
    title: str  # "E-mail", "the canary": what is well again
    wrong: str = ""
    lines: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()


def report(findings: Iterable[Finding], now: datetime) -> None:
    """Tell the administrators what is wrong, and that it is well again: once each time, and each matter not
    more often than once an hour. Any number of workers may report the same.
    """
    known = set(Matter.objects.filter(since__isnull=False).values_list("name", flat=True))
    for finding in findings:
        if finding.wrong or finding.name in known:
            _report(finding, now)


@transaction.atomic
def _report(finding: Finding, now: datetime) -> None:
    Matter.objects.bulk_create([Matter(name=finding.name)], ignore_conflicts=True)
    row = Matter.objects.select_for_update().get(pk=finding.name)
    if finding.wrong:
        _wrong(row, finding, now)
    elif row.since is not None:
        _right(row, finding, now)
    row.save()


def _wrong(row: Matter, finding: Finding, now: datetime) -> None:
    if row.since is None:
        row.since = now
    row.detail = finding.wrong[:_LONGEST]
    told = row.told_at is not None and row.told_at >= row.since
    lately = row.told_at is not None and now - row.told_at < _AT_MOST_EVERY
    if told or lately:
        return
    row.told_at = now
    bus.publish(AdminWord(finding.wrong, finding.lines, now, _key(row), finding.avoid))


def _right(row: Matter, finding: Finding, now: datetime) -> None:
    since = row.since or now
    if row.told_at is not None and row.told_at >= since:
        lines = (f"It was not from {since:%Y-%m-%d %H:%M} to {now:%H:%M} UTC: {row.detail}",)
        bus.publish(AdminWord(f"Well again: {finding.title}", lines, now, f"{_key(row)}:well", finding.avoid))
    row.since = None


def _key(row: Matter) -> str:
    return f"{row.name}:{row.since.isoformat() if row.since else ''}"


def _matter_of(vendor: str) -> str:
    return f"vendor:{vendor}"


def of_vendors() -> tuple[Finding, ...]:
    """How it stands with each vendor."""
    return tuple(_of_vendor(row) for row in VendorState.objects.order_by("vendor"))


def _of_vendor(row: VendorState) -> Finding:
    name, avoid = _matter_of(row.vendor), _ways_of(row)
    if row.failing_since is None:
        return Finding(name, row.vendor, avoid=())
    lines = (
        f"It has taken nothing since {row.failing_since:%H:%M} UTC: {row.last_error}",
        "Messages over it are tried again, and people are reached by their next way meanwhile.",
    )
    return Finding(name, row.vendor, f"Messages over {row.vendor} do not leave", lines, avoid)


def _ways_of(row: VendorState) -> tuple[str, ...]:
    """The vendor, and the channels whose messages it carries."""
    if row.failing_since is None:
        return ()
    carried = Notification.objects.filter(vendor=row.vendor, due_at__gt=row.failing_since - _RECENT)
    return tuple(dict.fromkeys((row.vendor, *carried.values_list("via", flat=True).distinct())))


def of_workers(now: datetime) -> Finding:
    """Workers whose heart stopped without a goodbye, and in whose place nobody has started on their host."""
    rows = list(WorkerProcess.objects.order_by("heartbeat_at"))
    silent = [
        row
        for row in rows
        if row.heartbeat_at < now - _SILENT
        and not any(other.host == row.host and other.started_at > row.heartbeat_at for other in rows)
    ]
    if not silent:
        return Finding("workers", "every worker answers, or was forgotten after an hour of silence")
    lines = tuple(
        f"{row.host} (process {row.pid}): silent since {row.heartbeat_at:%H:%M} UTC" for row in silent
    )
    wrong = f"{len(silent)} worker{'s' if len(silent) > 1 else ''} died, and nobody took the place"
    return Finding("workers", "workers", wrong, (*lines, "What they had in hand, others have taken over."))


# ---- the word ----


def on_admin_word(news: AdminWord) -> None:
    """One message to each administrator, over the first of their ways that is not at fault."""
    people = User.objects.filter(role__in=(Role.OWNER, Role.ADMIN)).exclude(state=UserState.LEFT)
    digest = hashlib.sha256(news.key.encode()).hexdigest()[:32]
    keys = {user.email: f"admin-{digest}-{user.pk}" for user in people.order_by("pk")}
    said = set(Page.objects.filter(key__in=keys.values()).values_list("key", flat=True))
    directory = Directory()
    directory.avoid(keys, news.avoid)
    call_many(
        requests=[_request(email, key, news) for email, key in keys.items() if key not in said],
        now=news.at,
        directory=directory,
    )


def _request(email: str, key: str, news: AdminWord) -> Request:
    return Request(
        email,
        MessageKind.ADMIN,
        Urgency.HIGH,
        replace(_SUBJECT, title=news.headline),
        "you are an administrator of Tocsin",
        headline=news.headline,
        more={"lines": list(news.lines)},
        key=key,
    )
