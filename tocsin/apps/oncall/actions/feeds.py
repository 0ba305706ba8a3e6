"""Secret addresses that calendars subscribe to."""

from datetime import datetime

from django.db import transaction

from tocsin.apps.identity.models import User
from tocsin.apps.oncall import queries
from tocsin.apps.oncall.actions.common import record
from tocsin.apps.oncall.models import Feed
from tocsin.apps.oncall.queries.feeds import feed_of
from tocsin.apps.oncall.types import FeedInfo
from tocsin.domain.errors import NotFound, PermissionDenied
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.lib import ids


@transaction.atomic
def make_feed(*, actor: Actor, email: str, schedule: str = "", now: datetime) -> FeedInfo:
    """A feed of the person's own shifts, or of a whole schedule; the one they have, if they have one."""
    _require_own(actor, email)
    user = User.objects.select_for_update().filter(email=email.lower()).first()
    if user is None:
        raise NotFound("user", email)
    if schedule and queries.schedule(schedule) is None:
        raise NotFound("schedule", schedule)
    row, made = Feed.objects.get_or_create(
        user=user, schedule=schedule, defaults={"nonce": ids.token(), "created_at": now}
    )
    if made:
        _record(actor, "feed.made", row, now)
    return feed_of(row)


@transaction.atomic
def renew_feed(*, actor: Actor, feed_id: int, now: datetime) -> FeedInfo:
    """Another address in place of one that too many know; the old one is dead at once."""
    row = _row(feed_id)
    _require_own(actor, row.user.email)
    row.nonce, row.created_at, row.read_at = ids.token(), now, None
    row.save(update_fields=["nonce", "created_at", "read_at"])
    _record(actor, "feed.renewed", row, now)
    return feed_of(row)


@transaction.atomic
def revoke_feed(*, actor: Actor, feed_id: int, now: datetime) -> None:
    row = _row(feed_id)
    require(actor, Permission.EDIT_SELF if actor.email == row.user.email else Permission.MANAGE_PEOPLE)
    _record(actor, "feed.revoked", row, now)
    row.delete()


def _row(feed_id: int) -> Feed:
    row = Feed.objects.select_for_update(of=("self",)).select_related("user").filter(pk=feed_id).first()
    if row is None:
        raise NotFound("feed", feed_id)
    return row


def _require_own(actor: Actor, email: str) -> None:
    # The address is as good as the person's own sight of the pages, so nobody else ever holds it.
    require(actor, Permission.EDIT_SELF)
    if actor.email != email.lower():
        raise PermissionDenied(
            f"{actor.label} may not have the calendar address of {email}: only its owner may."
        )


def _record(actor: Actor, action: str, row: Feed, now: datetime) -> None:
    record(actor, action, "user", row.user.email, {"feed": row.pk, "schedule": row.schedule}, now)
