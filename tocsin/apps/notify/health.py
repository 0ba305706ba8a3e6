"""Whether we ourselves are well: vendors that fail, and anything else that the administrators must hear of,
each time once.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from tocsin.apps.identity.models import User, UserState
from tocsin.apps.notify.actions.calling import call_many
from tocsin.apps.notify.directory import Directory
from tocsin.apps.notify.models import Matter, Notification, Page, VendorState, WorkerProcess
from tocsin.apps.notify.types import Request
from tocsin.apps.notify.vendors import matter_of
from tocsin.domain.notification.model import MessageKind, Subject
from tocsin.domain.permissions import Role
from tocsin.domain.severity import Severity, Urgency
from tocsin.lib import bus
from tocsin.ports.events import AdminWord

_RECENT: Final = timedelta(days=1)
_SILENT: Final = timedelta(seconds=60)
_AT_MOST_EVERY: Final = timedelta(hours=1)
_LONGEST: Final = 512
_SUBJECT: Final = Subject(incident_id=0, ref="", title="", severity=Severity.SEV4, service="Tocsin")


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


def of_vendors() -> tuple[Finding, ...]:
    """How it stands with each vendor."""
    return tuple(_of_vendor(row) for row in VendorState.objects.order_by("vendor"))


def _of_vendor(row: VendorState) -> Finding:
    name, avoid = matter_of(row.vendor), _ways_of(row)
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
