"""What everything about one person shares: it is their own business, or an administrator's."""

from datetime import datetime
from typing import Any

from tocsin.apps.audit import actions as audit
from tocsin.apps.identity.models import User
from tocsin.domain.errors import NotFound
from tocsin.domain.permissions import Actor, Permission, require


def may_edit(actor: Actor, email: str) -> None:
    if actor.email == email.lower():
        require(actor, Permission.EDIT_SELF)
    else:
        require(actor, Permission.MANAGE_PEOPLE)


def user_of(email: str) -> User:
    row = User.objects.select_for_update().filter(email=email.lower()).first()
    if row is None:
        raise NotFound("user", email)
    return row


def record(actor: Actor, action: str, user: User, data: dict[str, Any], now: datetime) -> None:
    audit.record(
        actor=actor,
        action=action,
        target_kind="user",
        target_id=user.pk,
        target_label=user.email,
        data=data,
        now=now,
    )
