"""Calling people, and ceasing to. Only escalation and incidents come here, inside their own transactions."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from tocsin.apps.notify.directory import Contact, Directory
from tocsin.apps.notify.models import Notification, NotificationState, Page
from tocsin.apps.notify.types import Request
from tocsin.domain.escalation.codec import dump
from tocsin.domain.notification.failing import QUIET_WORDS, pressing, rank
from tocsin.domain.notification.model import MessageKind, Planned, Subject
from tocsin.domain.notification.plan import plan
from tocsin.domain.severity import Urgency
from tocsin.lib import ids, pg

_ONE_MESSAGE = QUIET_WORDS | {MessageKind.NUDGE}
_CARRIED = (NotificationState.MERGED, NotificationState.BUNDLED)
_LONGEST_REASON = 512


def call(
    *,
    email: str,
    call_out_id: int | None,
    incident_id: int,
    subject: Subject,
    urgency: Urgency,
    kind: MessageKind = MessageKind.PAGE,
    step: int | None,
    reason: str,
    now: datetime,
    first: bool,
    ack_deadline: datetime | None = None,
) -> int | None:
    """Call one person; the page's id, None when there is no such person."""
    request = Request(
        email, kind, urgency, subject, reason, call_out_id, incident_id, step, first, ack_deadline
    )
    return call_many(requests=(request,), now=now)[0]


def call_many(
    *, requests: Sequence[Request], now: datetime, directory: Directory | None = None
) -> list[int | None]:
    """Plan every request by the person's rules and put the messages into the outbox, in a handful of
    queries.
    """
    if not requests:
        return []
    directory = directory or Directory()
    directory.load(request.email for request in requests)
    known = [(request, contact) for request in requests if (contact := directory.contact(request.email))]
    with transaction.atomic():
        pages = Page.objects.bulk_create([_page(request, contact, now) for request, contact in known])
        rows = [
            row
            for page, (request, contact) in zip(pages, known, strict=True)
            for row in _notifications(page, request, contact, now)
        ]
        Notification.objects.bulk_create(rows)
        if any(row.state == NotificationState.PLANNED and row.due_at <= now for row in rows):
            with connection.cursor() as cursor:
                pg.notify(cursor, "tocsin_due", "delivery")
    made = iter(pages)
    people = {contact.email for _, contact in known}
    return [next(made).pk if request.email.lower() in people else None for request in requests]


def stop(*, call_out_id: int, email: str | None, reason: str, now: datetime) -> int:
    """Nothing more leaves for this call-out, to anybody or only to `email`; how many messages that
    cancelled.
    """
    pages = Page.objects.filter(call_out_id=call_out_id, ended_at=None)
    if email is not None:
        pages = pages.filter(user__email=email)
    with transaction.atomic():
        # Ending the page first closes the last gate before a message leaves (see delivery.still_wanted).
        ids_ = list(pages.select_for_update(of=("self",)).order_by("id").values_list("id", flat=True))
        if not ids_:
            return 0
        Page.objects.filter(pk__in=ids_).update(ended_at=now, end_reason=reason[:255])
        return _cancel(ids_, reason)


def end(*, key: str, reason: str, now: datetime) -> int:
    """Nothing more leaves of the page of this key; how many messages that cancelled."""
    with transaction.atomic():
        rows = Page.objects.select_for_update(of=("self",)).filter(key=key, ended_at=None)
        ids_ = list(rows.values_list("id", flat=True))
        Page.objects.filter(pk__in=ids_).update(ended_at=now, end_reason=reason[:255])
        return _cancel(ids_, reason) if ids_ else 0


def stop_repeats(*, call_out_id: int, reason: str) -> int:
    """Cancel what has not left of pages of which something has; a first message is still to leave."""
    sent = Q(sent_at__isnull=False) | Q(state=NotificationState.BUNDLED, handed_at__isnull=False)
    mine = Notification.objects.filter(sent, page__call_out_id=call_out_id)
    begun = set(mine.values_list("page_id", flat=True))
    return _cancel(sorted(begun), reason) if begun else 0


def _cancel(pages: Sequence[int], reason: str) -> int:
    """What has not left, in a message that lists several too; what it would have listed leaves by itself."""
    waiting = Q(state__in=(NotificationState.PLANNED, NotificationState.CLAIMED))
    listed = Q(state__in=_CARRIED, handed_at=None, carried_by__sent_at=None)
    mine = Notification.objects.filter(waiting | listed, page_id__in=pages)
    said = f"not sent: {reason}"[:_LONGEST_REASON]
    count = mine.update(state=NotificationState.CANCELLED, receipt=said, carried_by=None)
    let_go(Notification.objects.filter(page_id__in=pages, state=NotificationState.CANCELLED).values("pk"))
    return count


def let_go(carriers: Any) -> int:
    """What these messages would have said leaves by itself, where it is still wanted; how much that is."""
    carried = Notification.objects.filter(
        carried_by__in=carriers, state__in=_CARRIED, handed_at=None, page__ended_at=None
    )
    return carried.update(state=NotificationState.PLANNED, carried_by=None)


def tell(
    *,
    emails: Iterable[str],
    subject: Subject,
    kind: MessageKind,
    headline: str,
    now: datetime,
    call_out_id: int | None = None,
) -> None:
    """A quiet word: one message over the first way they have for low urgency."""
    requests = [
        Request(
            email,
            kind,
            Urgency.LOW,
            subject,
            headline,
            call_out_id=call_out_id,
            incident_id=subject.incident_id or None,
            headline=headline,
        )
        for email in dict.fromkeys(emails)
    ]
    call_many(requests=requests, now=now)


def _page(request: Request, contact: Contact, now: datetime) -> Page:
    return Page(
        call_out_id=request.call_out_id,
        incident_id=request.incident_id,
        user_id=contact.user_id,
        kind=request.kind,
        urgency=request.urgency,
        occasion=request.occasion,
        step=request.step,
        generation=request.generation,
        bundle=request.bundle[:64],
        reason=request.reason[:_LONGEST_REASON],
        headline=request.headline[:_LONGEST_REASON],
        more=request.more,
        key=request.key,
        subject=dump(request.subject),
        started_at=now,
    )


def _notifications(page: Page, request: Request, contact: Contact, now: datetime) -> list[Notification]:
    if contact.left:
        lines: tuple[Planned, ...] = (Planned(None, "email", now, "not sent: has left"),)
    else:
        # "Still on it?" is asked in the night too: the answer keeps others asleep.
        quiet = None if request.kind is MessageKind.NUDGE else contact.quiet
        lines = plan(
            contact.methods,
            contact.rules,
            request.urgency,
            now,
            quiet=quiet,
            ack_deadline=request.ack_deadline,
            occasion=request.occasion,
        )
        if request.kind in _ONE_MESSAGE:
            # The delay of a rule is for pages; a quiet word is said once.
            lines = tuple(replace(line, due_at=_at_once(line, quiet, now)) for line in _one(lines))
    rows = []
    first = request.first
    for line in lines:
        rows.append(_notification(page, request, line, first=first))
        first = first and (line.method is None or not line.method.counts)
    return rows


def _one(lines: Sequence[Planned]) -> list[Planned]:
    """The first that reaches somebody; where none does, the first that shows."""
    usable = [line for line in lines if line.method is not None]
    return ([line for line in usable if line.method and line.method.counts] or usable)[:1]


def _at_once(line: Planned, quiet: object, now: datetime) -> datetime:
    return line.due_at if quiet is not None else now


def _notification(page: Page, request: Request, line: Planned, *, first: bool) -> Notification:
    method = line.method
    return Notification(
        page=page,
        person=page.user_id or 0,
        method_id=method.id or None if method else None,
        via=line.via,
        address=method.address if method else "",
        key=ids.new_id(),
        rank=rank(request.kind, request.urgency, first=first),
        due_at=line.due_at,
        wanted_at=line.due_at,
        hurry=method is not None and pressing(request.kind, request.subject.severity, first=first),
        state=NotificationState.PLANNED if method else NotificationState.SUPPRESSED,
        reason=line.reason[:_LONGEST_REASON],
    )
