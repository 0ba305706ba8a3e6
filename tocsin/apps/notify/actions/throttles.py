"""How much a contact, and a vendor, is given in a while."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from tocsin.apps.audit import actions as audit
from tocsin.apps.notify.models import Throttle
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.notification.throttle import Limit, Scope
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.time import format_duration

_MOST: Final = 100_000
_MOST_LIMITS: Final = 8
_LONGEST_S: Final = 24 * 3600


@transaction.atomic
def set_throttles(
    *,
    actor: Actor,
    via: str,
    scope: str,
    limits: Sequence[Limit] | None,
    now: datetime,
    from_file: bool = False,
) -> None:
    """All limits of one channel and scope, in place of those shipped. None: those shipped hold again; empty:
    no limit.
    """
    require(actor, Permission.CONFIGURE)
    _check(via, scope, limits or ())
    Throttle.objects.filter(via=via, scope=scope).delete()
    if limits is not None:
        wanted = limits or (Limit(0, timedelta(seconds=1)),)
        Throttle.objects.bulk_create(
            Throttle(
                via=via,
                scope=scope,
                most=limit.most,
                within_s=int(limit.within.total_seconds()),
                from_file=from_file,
            )
            for limit in wanted
        )
    shown = None if limits is None else [f"{one.most} in {format_duration(one.within)}" for one in limits]
    audit.record(
        actor=actor,
        action="throttles.set",
        target_kind="organisation",
        target_id="",
        target_label=f"{via} per {scope}",
        data={"limits": shown},
        now=now,
    )


@transaction.atomic
def set_all_throttles(
    *,
    actor: Actor,
    limits: Mapping[tuple[str, Scope], Sequence[Limit]],
    now: datetime,
    from_file: bool = False,
) -> None:
    """Those of every channel and scope; what is not named here has those shipped."""
    require(actor, Permission.CONFIGURE)
    named = {(via, str(scope)): found for (via, scope), found in limits.items()}
    present = set(Throttle.objects.values_list("via", "scope"))
    for via, scope in sorted(present | named.keys()):
        set_throttles(
            actor=actor,
            via=via,
            scope=scope,
            limits=named.get((via, scope)),
            now=now,
            from_file=from_file,
        )


def _check(via: str, scope: str, limits: Sequence[Limit]) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", via):
        raise Invalid(FieldError("via", "Expected a channel such as sms."))
    if scope not in set(Scope):
        raise Invalid(FieldError("per", "Expected contact or vendor."))
    if len(limits) > _MOST_LIMITS:
        raise Invalid(FieldError("limits", f"At most {_MOST_LIMITS} limits for one channel."))
    if len({limit.within for limit in limits}) < len(limits):
        raise Invalid(FieldError("within", "Each limit has a time of its own."))
    for number, limit in enumerate(limits, 1):
        if not 1 <= limit.most <= _MOST:
            raise Invalid(FieldError(f"limits[{number}].most", f"Expected 1 to {_MOST}."))
        if not 1 <= limit.within.total_seconds() <= _LONGEST_S:
            raise Invalid(FieldError(f"limits[{number}].within", "Expected 1s to 1d."))
