"""Following: one's own business, or, for somebody else, that of whoever edits what is followed."""

from datetime import datetime

from django.db import transaction

from tocsin.apps.audit import actions as audit
from tocsin.apps.identity.models import User
from tocsin.apps.incidents import following
from tocsin.apps.incidents.actions.calling import people_named
from tocsin.apps.incidents.following import FollowInfo, Of, What
from tocsin.apps.incidents.models import Follow
from tocsin.domain.errors import Conflict, FieldError, Invalid
from tocsin.domain.permissions import Actor, Permission, require, require_owned

_MOST = 200


@transaction.atomic
def follow(
    *, actor: Actor, of: Of, name: str, email: str | None = None, now: datetime
) -> tuple[FollowInfo, ...]:
    """The person (the actor, where none is named) gets updates of it from now on, and is paged no more than
    before. All its followers; following twice changes nothing.
    """
    what, person = _about(actor, of, name, email)
    if Follow.objects.filter(user=person).count() >= _MOST:
        raise Conflict(f"{person} follows {_MOST} things already. End some of them first.")
    _, new = Follow.objects.get_or_create(
        user=person, **what.row, defaults={"since": now, "by": actor.label[:255]}
    )
    if new:
        _record(actor, "follow.begun", what, person, now)
    return following.followers(what.of, what.name, actor=actor)


@transaction.atomic
def unfollow(
    *, actor: Actor, of: Of, name: str, email: str | None = None, now: datetime
) -> tuple[FollowInfo, ...]:
    """No more updates of it. All who still follow it; ending what never was changes nothing."""
    what, person = _about(actor, of, name, email)
    gone, _ = Follow.objects.filter(user=person, **what.row).delete()
    if gone:
        _record(actor, "follow.ended", what, person, now)
    return following.followers(what.of, what.name, actor=actor)


def _about(actor: Actor, of: Of, name: str, email: str | None) -> tuple[What, User]:
    who = (email or actor.email or "").strip().lower()
    if not who:
        raise Invalid(FieldError("email", "Say who follows: a program cannot."))
    own = actor.email == who
    require(actor, Permission.READ)
    what = following.find(of, name)
    if own:
        require(actor, Permission.EDIT_SELF)
    else:
        require_owned(actor, Permission.EDIT_TEAM, [what.team_id])
    return what, people_named([who], "email")[0]


def _record(actor: Actor, action: str, what: What, person: User, now: datetime) -> None:
    audit.record(
        actor=actor,
        action=action,
        target_kind="user",
        target_id=person.pk,
        target_label=person.email,
        data={"of": what.of, "name": what.name},
        now=now,
    )
