from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from tocsin.apps.audit.models import AuditEntry, IdempotencyKey
from tocsin.apps.audit.types import Answered
from tocsin.domain.permissions import Actor
from tocsin.lib import pg

KEYS_KEPT = timedelta(days=1)


def record(
    *,
    actor: Actor,
    action: str,
    target_kind: str,
    target_id: object,
    target_label: str,
    data: dict[str, Any] | None = None,
    now: datetime,
) -> None:
    """Write one entry, in the transaction of the action it tells of. `data` fits JSON and holds no secret."""
    AuditEntry.objects.create(
        at=now,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label[:255],
        action=action,
        target_kind=target_kind,
        target_id=str(target_id)[:64],
        target_label=target_label[:255],
        data=data or {},
    )


def claim_key(*, key: str, actor: str, path: str) -> Answered | None:
    """Hold an idempotency key until the transaction ends; the answer it was given before, if any.

    A second request with the same key waits here for the first one's end, so that only one of them acts.
    """
    with connection.cursor() as cursor:
        pg.lock(cursor, f"idempotency\n{actor}\n{path}\n{key}")
    row = IdempotencyKey.objects.filter(key=key, actor=actor, path=path).first()
    return Answered(row.digest, row.status, row.body) if row else None


def keep_answer(*, key: str, actor: str, path: str, answer: Answered, now: datetime) -> None:
    IdempotencyKey.objects.create(
        key=key, actor=actor, path=path, digest=answer.digest, status=answer.status, body=answer.body, at=now
    )


def forget_keys(*, now: datetime) -> int:
    """Drop idempotency keys older than a day; the number dropped."""
    with transaction.atomic():
        return IdempotencyKey.objects.filter(at__lt=now - KEYS_KEPT).delete()[0]
