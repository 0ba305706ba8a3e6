"""What notify hears; `config.subscriptions` wires it."""

import hashlib
from dataclasses import replace

from django.db import connection

from tocsin.apps.identity.models import User
from tocsin.apps.notify.actions.calling import call_many, end
from tocsin.apps.notify.models import Notification, Page
from tocsin.apps.notify.types import Request
from tocsin.domain.escalation.codec import dump
from tocsin.domain.notification.failing import rank
from tocsin.domain.notification.model import MessageKind, Subject
from tocsin.domain.severity import Severity, Urgency
from tocsin.lib import ids, pg
from tocsin.ports import registry
from tocsin.ports.events import DutySettled, DutyWord, InvitationMade

_SUBJECT = Subject(incident_id=0, ref="", title="", severity=Severity.SEV4, service="Tocsin")


def on_invitation_made(news: InvitationMade) -> None:
    """Mail it, where mails leave. The link is a way in: it is made as the mail leaves and kept nowhere."""
    channel = registry.channels.get("email")
    user = User.objects.filter(email=news.email).first()
    if user is None or channel is None or channel.ready or not channel.counts:
        return
    headline = "You are invited to Tocsin"
    page = Page.objects.create(
        user=user,
        kind=MessageKind.INVITATION,
        urgency=Urgency.LOW,
        reason=f"{news.by} invites you"[:512],
        headline=headline,
        subject=dump(replace(_SUBJECT, title=headline)),
        started_at=news.at,
    )
    Notification.objects.create(
        page=page,
        person=user.pk,
        via="email",
        address=user.email,
        key=ids.new_id(),
        rank=rank(MessageKind.INVITATION, Urgency.LOW, first=False),
        due_at=news.at,
        wanted_at=news.at,
        reason="an invitation goes to the person's own address",
    )
    with connection.cursor() as cursor:
        pg.notify(cursor, "tocsin_due", "delivery")


def on_duty_word(news: DutyWord) -> None:
    """A quiet word, or, where it presses, a page by the person's rules; the same `key` is told once.

    The constraint on the key is what makes it once; asked first, so that saying it again is no error.
    """
    key = _key(news.key)
    if Page.objects.filter(key=key).exists():
        return
    request = Request(
        news.email,
        MessageKind.DUTY if news.pressing else MessageKind.NOTICE,
        Urgency.HIGH if news.pressing else Urgency.LOW,
        replace(_SUBJECT, title=news.headline),
        news.headline,
        ack_deadline=news.before,
        headline=news.headline,
        more={"lines": news.lines, "confirm": news.confirm, "incidents": news.incidents},
        key=key,
        occasion=news.occasion,
    )
    call_many(requests=(request,), now=news.at)


def on_duty_settled(news: DutySettled) -> None:
    end(key=_key(news.key), reason=news.reason, now=news.at)


def _key(text: str) -> str:
    # Names of schedules and people are longer than a key may be.
    return f"duty-{hashlib.sha256(text.encode()).hexdigest()[:40]}"
