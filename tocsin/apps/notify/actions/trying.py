"""Tests of how a person is reached. They leave as real messages do, and are no incident."""

from datetime import datetime

from django.db import connection, transaction

from tocsin.apps.notify.actions.calling import call_many
from tocsin.apps.notify.actions.methods import one_method, straight
from tocsin.apps.notify.actions.own import user_of
from tocsin.apps.notify.models import Notification, NotificationState, Page
from tocsin.apps.notify.queries import method_of
from tocsin.apps.notify.types import Request
from tocsin.domain.errors import Conflict, NotFound
from tocsin.domain.notification.model import MessageKind, Subject
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.severity import Severity, Urgency
from tocsin.lib import pg

_HEADLINE = "Test page: nothing is wrong"
_RANK = 5
_LONGEST = 512


@transaction.atomic
def send_test(
    *, actor: Actor, email: str, now: datetime, urgency: Urgency = Urgency.HIGH, at_once: bool = False
) -> int:
    """A test page over everything that a real one of this urgency would use; the page's id.

    `at_once`: what would leave later leaves now, too.
    """
    _may_try(actor, email)
    user = user_of(email)
    subject = Subject(0, "TEST", "This is a test: nothing is wrong", Severity.SEV4, "Tocsin")
    why = f"test asked for by {actor.label}"
    request = Request(user.email, MessageKind.TEST, urgency, subject, why, headline=_HEADLINE)
    (page,) = call_many(requests=(request,), now=now)
    if page is None:
        raise NotFound("user", email)
    if at_once:
        _bring_forward(page, now)
    return page


@transaction.atomic
def send_rest(*, actor: Actor, email: str, page_id: int, now: datetime) -> int:
    """What of a test page would leave later leaves now; how many messages those are."""
    _may_try(actor, email)
    known = Page.objects.filter(pk=page_id, user__email=email.lower(), kind=MessageKind.TEST).exists()
    if not known:
        raise NotFound("test", page_id)
    return _bring_forward(page_id, now)


@transaction.atomic
def test_method(*, actor: Actor, email: str, method_id: int, now: datetime) -> int:
    """A test over this one method; its page's id."""
    _may_try(actor, email)
    row = one_method(user_of(email), method_id)
    if problem := method_of(row).problem:
        raise Conflict(f"Nothing can be sent over it: {problem}.")
    return straight(
        row, MessageKind.TEST, _HEADLINE, f"test asked for by {actor.label}"[:_LONGEST], _RANK, now
    )


def _may_try(actor: Actor, email: str) -> None:
    require(actor, Permission.EDIT_SELF if actor.email == email.lower() else Permission.PAGE)


def _bring_forward(page_id: int, now: datetime) -> int:
    rows = Notification.objects.select_for_update().filter(
        page_id=page_id, state=NotificationState.PLANNED, due_at__gt=now, attempts=0
    )
    waiting = list(rows)
    for row in waiting:
        row.due_at = row.wanted_at = now
        row.reason = f"{row.reason}; sent at once, as asked"[:_LONGEST]
    Notification.objects.bulk_update(waiting, ("due_at", "wanted_at", "reason"))
    if waiting:
        with connection.cursor() as cursor:
            pg.notify(cursor, "tocsin_due", "delivery")
    return len(waiting)
