"""Throttles: `throttles: [{via: sms, per: contact, most: 5, within: 15m}]`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from tocsin.domain.configuration import reader
from tocsin.domain.configuration.reader import Cursor
from tocsin.domain.notification.throttle import Limit, Scope
from tocsin.domain.time import format_duration

_MOST: Final = 100_000
_SECOND: Final = timedelta(seconds=1)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Throttle:
    """At most so many messages within a time over `via`. All of one `via` and `per` stand in place of those
    shipped; `most` 0: no limit there.
    """

    via: str
    per: Scope
    most: int
    within: timedelta = _SECOND


def read_throttles(cursor: Cursor) -> tuple[Throttle, ...] | None:
    found: dict[tuple[str, Scope, timedelta], Throttle] = {}
    for item in cursor.items():
        one = _read(item)
        if one is None:
            continue
        key = (one.via, one.per, one.within)
        if key in found:
            item.fail(f"{one.via} per {one.per} within {format_duration(one.within)} is said already")
        found[key] = one
    return tuple(sorted(found.values(), key=lambda one: (one.via, one.per, one.within)))


def _read(cursor: Cursor) -> Throttle | None:
    fields = cursor.table()
    if fields is None:
        return None
    via = fields.need("via", reader.channel, "a channel such as email, sms or webhook")
    per = fields.need("per", reader.choice(Scope), "contact or vendor")
    most = fields.need("most", reader.whole(0, _MOST), "how many messages; 0: no limit")
    within = _SECOND if most == 0 else fields.need("within", reader.duration, "how long, such as 15m")
    at = fields.at("within")
    if most and within is not None and not _SECOND <= within <= _DAY and at is not None:
        at.fail("expected 1s to 1d")
        within = None
    fields.finish()
    if via is None or per is None or most is None or within is None:
        return None
    return Throttle(via, per, most, within if most else _SECOND)


def throttles_form(throttles: tuple[Throttle, ...]) -> list[dict[str, Any]]:
    return [
        {"via": one.via, "per": str(one.per), "most": one.most}
        | ({"within": format_duration(one.within)} if one.most else {})
        for one in throttles
    ]


def by_scope(throttles: tuple[Throttle, ...]) -> Mapping[tuple[str, Scope], tuple[Limit, ...]]:
    """Of each channel and scope, its limits: () for none."""
    found: dict[tuple[str, Scope], tuple[Limit, ...]] = {}
    for one in throttles:
        limits = found.setdefault((one.via, one.per), ())
        if one.most:
            found[one.via, one.per] = (*limits, Limit(one.most, one.within))
    return found
