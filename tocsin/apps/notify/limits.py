"""The throttles that hold: those shipped, and in their place whatever somebody set for a channel."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from tocsin.apps.notify.models import Throttle
from tocsin.apps.notify.types import ThrottleInfo
from tocsin.domain.notification.throttle import SHIPPED, Limit, Limits, Scope


def by_channel(rows: Iterable[tuple[str, str, int, int]]) -> dict[str, Limits]:
    """`rows`: (via, scope, most, seconds). A scope that has one with `most` 0 has no limit."""
    own: dict[tuple[str, str], list[Limit]] = {}
    for via, scope, most, within_s in rows:
        mine = own.setdefault((via, scope), [])
        if most:
            mine.append(Limit(most, timedelta(seconds=within_s)))
    found = dict(SHIPPED)
    for (via, scope), limits in own.items():
        ordered = tuple(sorted(limits, key=lambda limit: limit.within))
        one = found.get(via, Limits())
        found[via] = replace(one, contact=ordered) if scope == Scope.CONTACT else replace(one, vendor=ordered)
    return found


def all_of_them() -> list[ThrottleInfo]:
    """By channel and scope; one of `most` 0 says that there is no limit."""
    infos = []
    own: dict[tuple[str, str], list[ThrottleInfo]] = {}
    for row in Throttle.objects.order_by("within_s"):
        info = ThrottleInfo(
            row.via, row.scope, row.most, timedelta(seconds=row.within_s), False, row.from_file
        )
        own.setdefault((row.via, row.scope), []).append(info)
    channels = sorted({*SHIPPED, *(via for via, _ in own)})
    for via in channels:
        shipped = SHIPPED.get(via, Limits())
        for scope, limits in ((Scope.CONTACT, shipped.contact), (Scope.VENDOR, shipped.vendor)):
            set_by_people = own.get((via, str(scope)))
            infos += set_by_people or [
                ThrottleInfo(via, str(scope), limit.most, limit.within, True, False) for limit in limits
            ]
    return infos
