from datetime import datetime
from typing import Any

from django.db import transaction

from tocsin.apps.audit.actions import record
from tocsin.apps.identity.actions import checks
from tocsin.apps.identity.models import User, UserState
from tocsin.apps.identity.queries import person_of
from tocsin.apps.identity.types import Person
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound
from tocsin.domain.permissions import Actor, Permission, Role, require
from tocsin.lib import bus
from tocsin.ports.events import Leaving


@transaction.atomic
def invite_user(
    *,
    actor: Actor,
    email: str,
    name: str = "",
    timezone: str = "UTC",
    role: Role = Role.RESPONDER,
    now: datetime,
) -> Person:
    """A new person without a password. Raises Conflict when the address is taken."""
    require(actor, Permission.MANAGE_PEOPLE)
    _require_for_owner(actor, role)
    address = checks.email(email)
    if User.objects.filter(email=address).exists():
        raise Conflict(f"{address} is here already.")
    row = _create(address, name, timezone, role, from_file=False, now=now)
    _record(actor, "user.invited", row, {"role": role}, now)
    return person_of(row)


@transaction.atomic
def ensure_user(
    *,
    actor: Actor,
    email: str,
    name: str | None = None,
    timezone: str | None = None,
    role: Role | None = None,
    from_file: bool | None = None,
    now: datetime,
) -> Person:
    """The person with this address, invited when unknown; what is not None is set. No change, no audit entry.

    Somebody who left stays so: a file that still names them does not let them in again.
    """
    require(actor, Permission.MANAGE_PEOPLE)
    address = checks.email(email)
    row = User.objects.select_for_update().filter(email=address).first()
    if row is None:
        _require_for_owner(actor, role)
        row = _create(
            address, name or "", timezone or "UTC", role or Role.RESPONDER, from_file=bool(from_file), now=now
        )
        _record(actor, "user.invited", row, {"role": row.role}, now)
        return person_of(row)
    if role is not None and role != row.role:
        _change_role(actor, row, role)
    wanted = {"name": name, "timezone": timezone, "role": role, "from_file": from_file}
    _set(actor, row, wanted, now)
    return person_of(row)


@transaction.atomic
def update_user(
    *,
    actor: Actor,
    email: str,
    name: str | None = None,
    timezone: str | None = None,
    unlock: bool = False,
    now: datetime,
) -> Person:
    """One's own name and zone, or anybody's with MANAGE_PEOPLE. What a file keeps needs `unlock`."""
    own = actor.email == email.lower()
    require(actor, Permission.EDIT_SELF if own else Permission.MANAGE_PEOPLE)
    row = _locked(email)
    wanted: dict[str, Any] = {"name": name, "timezone": timezone}
    changes = any(value is not None and getattr(row, field) != value for field, value in wanted.items())
    if row.from_file and changes and not unlock:
        raise Conflict(
            f"{row.email} is kept in a configuration file; unlock it to change it here.", ("unlock",)
        )
    if row.from_file and unlock:
        wanted["from_file"] = False
    _set(actor, row, wanted, now)
    return person_of(row)


@transaction.atomic
def set_role(*, actor: Actor, email: str, role: Role, now: datetime) -> Person:
    """Owners are made and unmade by owners only; the last one stays (Conflict)."""
    require(actor, Permission.MANAGE_PEOPLE)
    row = _locked(email)
    if row.role != role:
        _change_role(actor, row, role)
        _set(actor, row, {"role": role}, now)
    return person_of(row)


@transaction.atomic
def deactivate_user(*, actor: Actor, email: str, replacement: str | None = None, now: datetime) -> Person:
    """The person left: no login, in no team, called by nobody. Their name stays on what they did.

    `replacement` takes their place wherever they are still counted on. Raises Conflict where somebody is
    needed and nobody named.
    """
    require(actor, Permission.MANAGE_PEOPLE)
    row = _locked(email)
    if row.state == UserState.LEFT:
        return person_of(row)
    _require_for_owner(actor, Role(row.role))
    if row.role == Role.OWNER:
        _keep_an_owner(row)
    bus.publish(Leaving(row.email, _replacement(row, replacement), actor, now))
    row.state, row.is_active = UserState.LEFT, False
    row.save(update_fields=["state", "is_active"])
    data = {"replacement": replacement.lower()} if replacement else {}
    _record(actor, "user.deactivated", row, data, now)
    return person_of(row)


def _replacement(leaver: User, email: str | None) -> str | None:
    if not email:
        return None
    other = User.objects.filter(email=email.lower()).exclude(state=UserState.LEFT).first()
    if other is None or other == leaver:
        raise Invalid(FieldError("replacement", "expected somebody else who is here"))
    return other.email


@transaction.atomic
def reactivate_user(*, actor: Actor, email: str, now: datetime) -> Person:
    """Back again: active with the old password, invited without one."""
    require(actor, Permission.MANAGE_PEOPLE)
    row = _locked(email)
    if row.state != UserState.LEFT:
        return person_of(row)
    _require_for_owner(actor, Role(row.role))
    row.state = UserState.ACTIVE if row.has_usable_password() else UserState.INVITED
    row.is_active = True
    row.save(update_fields=["state", "is_active"])
    _record(actor, "user.reactivated", row, {}, now)
    return person_of(row)


def _create(email: str, name: str, timezone: str, role: Role, *, from_file: bool, now: datetime) -> User:
    row = User(
        email=email,
        name=checks.name(name, 255, empty=True),
        timezone=checks.timezone(timezone),
        role=role,
        state=UserState.INVITED,
        from_file=from_file,
        created_at=now,
    )
    row.set_unusable_password()
    row.save()
    return row


def _set(actor: Actor, row: User, wanted: dict[str, Any], now: datetime) -> None:
    if wanted.get("name") is not None:
        wanted["name"] = checks.name(wanted["name"], 255, empty=True)
    if wanted.get("timezone") is not None:
        wanted["timezone"] = checks.timezone(wanted["timezone"])
    changed = {
        field: {"from": getattr(row, field), "to": value}
        for field, value in wanted.items()
        if value is not None and getattr(row, field) != value
    }
    if not changed:
        return
    for field, change in changed.items():
        setattr(row, field, change["to"])
    row.save(update_fields=list(changed))
    _record(actor, "user.changed", row, changed, now)


def _change_role(actor: Actor, row: User, role: Role) -> None:
    _require_for_owner(actor, Role(row.role), role)
    if row.role == Role.OWNER:
        _keep_an_owner(row)


def _require_for_owner(actor: Actor, *roles: Role | None) -> None:
    if Role.OWNER in roles:
        require(actor, Permission.MANAGE_OWNERS)


def _keep_an_owner(leaving: User) -> None:
    # All owners are locked, so that two of them cannot unmake each other at once.
    active = User.objects.select_for_update().filter(role=Role.OWNER).exclude(state=UserState.LEFT)
    others = [row for row in active.order_by("pk") if row.pk != leaving.pk]
    if not others:
        raise Conflict(f"{leaving.email} is the last owner: make somebody else an owner first.")
    # An invited owner cannot log in yet, so does not count where an active one would be lost.
    if leaving.state == UserState.ACTIVE and not any(row.state == UserState.ACTIVE for row in others):
        raise Conflict(f"{leaving.email} is the last owner who can log in.")


def _locked(email: str) -> User:
    row = User.objects.select_for_update().filter(email=email.lower()).first()
    if row is None:
        raise NotFound("user", email)
    return row


def _record(actor: Actor, action: str, row: User, data: dict[str, Any], now: datetime) -> None:
    record(
        actor=actor,
        action=action,
        target_kind="user",
        target_id=row.pk,
        target_label=row.email,
        data=data,
        now=now,
    )
