"""How a person first gets in: by a signed link, by an identity provider, or as first owner."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from tocsin.apps.audit.actions import record
from tocsin.apps.identity.actions import checks
from tocsin.apps.identity.models import User, UserState
from tocsin.apps.identity.queries import person_of
from tocsin.apps.identity.types import Person
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound
from tocsin.domain.permissions import SYSTEM, Actor, ActorKind, Permission, Role, require
from tocsin.lib import bus, ids, pg, signing
from tocsin.ports.events import InvitationMade

INVITATION_LASTS = timedelta(days=7)
_PURPOSE = "invitation"
_FIRST_OWNER = "admin@localhost"


@transaction.atomic
def invitation_token(*, actor: Actor, email: str, now: datetime) -> str:
    """For a link with which an invited person sets a password, once and within seven days. Where mails leave,
    they are mailed one too.
    """
    require(actor, Permission.MANAGE_PEOPLE)
    row = User.objects.filter(email=email.lower()).first()
    if row is None:
        raise NotFound("user", email)
    if row.role == Role.OWNER:
        require(actor, Permission.MANAGE_OWNERS)
    if row.state != UserState.INVITED:
        raise Conflict(f"{row.email} is {row.state}, not invited.")
    _record(actor, "user.invitation_made", row, now)
    bus.publish(InvitationMade(row.email, now, actor.label))
    return _signed(row, now)


def invitation_link(email: str, now: datetime) -> str | None:
    """For a mail to that very address, as it leaves; None when the person is not invited, or no longer."""
    row = User.objects.filter(email=email.lower(), state=UserState.INVITED).first()
    return f"{settings.TOCSIN.public_url}/invitation/{_signed(row, now)}" if row else None


def open_invitation(token: str, now: datetime) -> Person:
    """Whom the link invites; raises Conflict with words for the reader when it is dead."""
    return person_of(_invited(token, now))


@transaction.atomic
def accept_invitation(*, token: str, password: str, name: str = "", now: datetime) -> Person:
    """Set the password and make the person active. The signed link is the permission."""
    row = _invited(token, now, lock=True)
    if name:
        row.name = checks.name(name, 255)
    try:
        validate_password(password, row)
    except ValidationError as error:
        raise Invalid(*(FieldError("password", message) for message in error.messages)) from None
    row.set_password(password)
    row.state = UserState.ACTIVE
    row.save(update_fields=["password", "name", "state"])
    _record(_self(row), "user.joined", row, now, {"by": "invitation"})
    return person_of(row)


@transaction.atomic
def signed_in(*, user_id: int, now: datetime) -> None:
    """Somebody invited proved who they are in another way, such as an identity provider: now active."""
    row = User.objects.select_for_update().get(pk=user_id)
    if row.state == UserState.INVITED:
        row.state = UserState.ACTIVE
        row.save(update_fields=["state"])
        _record(_self(row), "user.joined", row, now, {"by": "sign-in"})


@transaction.atomic
def bootstrap_admin(now: datetime) -> tuple[str, str] | None:
    """The first owner's (e-mail, password), shown once; None when an owner can log in already."""
    with connection.cursor() as cursor:
        # Two servers that start at once must not both make one.
        pg.lock(cursor, "identity.bootstrap_admin")
    if User.objects.filter(role=Role.OWNER, state=UserState.ACTIVE).exists():
        return None
    password = ids.password()
    row, _ = User.objects.get_or_create(
        email=_FIRST_OWNER, defaults={"name": "Administrator", "created_at": now}
    )
    row.role, row.state, row.is_active = Role.OWNER, UserState.ACTIVE, True
    row.set_password(password)
    row.save()
    _record(SYSTEM, "user.bootstrapped", row, now)
    return row.email, password


def _invited(token: str, now: datetime, *, lock: bool = False) -> User:
    try:
        payload = signing.verify(_PURPOSE, token, now)
    except signing.BadSignature:
        raise Conflict("This invitation is not valid, or is over. Ask for a new one.") from None
    rows = User.objects.select_for_update() if lock else User.objects.all()
    row = rows.filter(pk=payload["user"]).first()
    if row is None or row.state != UserState.INVITED or payload["stamp"] != _stamp(row):
        raise Conflict("This invitation was used already. You can log in, or ask for a new one.")
    return row


def _signed(row: User, now: datetime) -> str:
    return signing.sign(_PURPOSE, {"user": row.pk, "stamp": _stamp(row)}, now + INVITATION_LASTS)


def _stamp(row: User) -> str:
    # Changes with the password and the state, so that a link works once.
    return hashlib.sha256(f"{row.password}\n{row.state}\n{row.email}".encode()).hexdigest()[:16]


def _self(row: User) -> Actor:
    return Actor(ActorKind.USER, str(row), Role(row.role), id=row.pk, email=row.email)


def _record(actor: Actor, action: str, row: User, now: datetime, data: dict[str, Any] | None = None) -> None:
    record(
        actor=actor,
        action=action,
        target_kind="user",
        target_id=row.pk,
        target_label=row.email,
        data=data,
        now=now,
    )
