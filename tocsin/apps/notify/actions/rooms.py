"""What a policy says to chat rooms and webhooks: nobody's page, and never counted as reaching anybody."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import transaction

from tocsin.apps.notify.actions.keeping import wake
from tocsin.apps.notify.models import Notification, NotificationState, Page
from tocsin.apps.notify.types import Post
from tocsin.domain.escalation.codec import dump
from tocsin.domain.notification.failing import rank
from tocsin.domain.notification.model import MessageKind
from tocsin.domain.severity import Urgency
from tocsin.lib import ids
from tocsin.ports import registry

_URGENT: Final = 2
_LONGEST: Final = 512


def post_many(*, posts: Sequence[Post], now: datetime) -> list[str]:
    """One message for each; why it will not leave, "" when it will."""
    problems = [problem(post.via) for post in posts]
    with transaction.atomic():
        pages = Page.objects.bulk_create([_page(post, now) for post in posts])
        Notification.objects.bulk_create(
            _notification(post, page, why, now)
            for post, page, why in zip(posts, pages, problems, strict=True)
        )
        if not all(problems):
            wake()
    return problems


def problem(via: str) -> str:
    """Why nothing can be posted over this channel; "" when it can."""
    channel = registry.channels.get(via)
    if channel is None:
        return f"there is no channel “{via}”"
    if not channel.abilities.rooms:
        return f"{channel.title} reaches people, not rooms"
    return channel.ready


def _urgency(post: Post) -> Urgency:
    return Urgency.HIGH if post.subject.severity.rank <= _URGENT else Urgency.LOW


def _page(post: Post, now: datetime) -> Page:
    return Page(
        call_out_id=post.call_out_id,
        incident_id=post.incident_id,
        kind=MessageKind.ROOM,
        urgency=_urgency(post),
        step=post.step,
        generation=post.generation,
        reason=post.reason[:_LONGEST],
        subject=dump(post.subject),
        started_at=now,
    )


def _notification(post: Post, page: Page, why: str, now: datetime) -> Notification:
    return Notification(
        page=page,
        via=post.via,
        address=post.address[:_LONGEST],
        key=ids.new_id(),
        rank=rank(MessageKind.ROOM, _urgency(post), first=False),
        due_at=now,
        wanted_at=now,
        state=NotificationState.SUPPRESSED if why else NotificationState.PLANNED,
        reason=f"{post.reason}; not sent: {why}"[:_LONGEST] if why else post.reason[:_LONGEST],
    )
