from datetime import datetime

from django.db import transaction

from tocsin.apps.audit.actions import record
from tocsin.apps.identity.actions import checks
from tocsin.apps.identity.models import ApiToken
from tocsin.apps.identity.queries import token_digest, token_of
from tocsin.apps.identity.types import TokenInfo
from tocsin.domain.errors import NotFound
from tocsin.domain.permissions import Actor, Permission, Role, require
from tocsin.lib import ids

# The beginning tells people and secret scanners what they have found.
_BEGINNING = "tocsin_"
_SHOWN = len(_BEGINNING) + 5


@transaction.atomic
def create_token(
    *, actor: Actor, name: str, role: Role = Role.RESPONDER, now: datetime
) -> tuple[TokenInfo, str]:
    """The token itself is returned once and kept nowhere."""
    require(actor, Permission.MANAGE_TOKENS)
    if role is Role.OWNER:
        require(actor, Permission.MANAGE_OWNERS)
    raw = _BEGINNING + ids.token(32)
    row = ApiToken.objects.create(
        name=checks.name(name, 128),
        prefix=raw[:_SHOWN],
        digest=token_digest(raw),
        role=role,
        created_by=actor.label[:255],
        created_at=now,
    )
    _record(actor, "token.created", row, now)
    return token_of(row), raw


@transaction.atomic
def revoke_token(*, actor: Actor, token_id: int, now: datetime) -> TokenInfo:
    """From now on nobody acts with it. Revoked before: nothing changes."""
    require(actor, Permission.MANAGE_TOKENS)
    row = ApiToken.objects.select_for_update().filter(pk=token_id).first()
    if row is None:
        raise NotFound("token", token_id)
    if row.role == Role.OWNER:
        require(actor, Permission.MANAGE_OWNERS)
    if row.revoked_at is None:
        row.revoked_at = now
        row.save(update_fields=["revoked_at"])
        _record(actor, "token.revoked", row, now)
    return token_of(row)


def _record(actor: Actor, action: str, row: ApiToken, now: datetime) -> None:
    record(
        actor=actor,
        action=action,
        target_kind="token",
        target_id=row.pk,
        target_label=row.name,
        data={"role": row.role, "prefix": row.prefix},
        now=now,
    )
