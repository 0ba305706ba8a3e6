"""Addresses that calendars subscribe to."""

from typing import Final

from django.conf import settings

from tocsin.apps.oncall.models import Feed
from tocsin.apps.oncall.types import FeedInfo
from tocsin.lib import signing

PURPOSE: Final = "calendar feed"


def feeds(email: str) -> tuple[FeedInfo, ...]:
    """A person's, with their secret addresses: for that person's eyes. Their own shifts first."""
    rows = Feed.objects.select_related("user").filter(user__email=email.lower())
    return tuple(feed_of(row) for row in rows.order_by("schedule"))


def feed(feed_id: int) -> FeedInfo | None:
    row = Feed.objects.select_related("user").filter(pk=feed_id).first()
    return feed_of(row) if row else None


def feed_of(row: Feed) -> FeedInfo:
    token = signing.sign(PURPOSE, f"{row.pk} {row.nonce}")
    return FeedInfo(
        id=row.pk,
        email=row.user.email,
        schedule=row.schedule,
        url=f"{settings.TOCSIN.public_url}/calendar/{token}.ics",
        created_at=row.created_at,
        read_at=row.read_at,
    )
