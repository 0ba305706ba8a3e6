"""How much one contact, and one vendor, is given in a while. Sliding windows, shipped as data.

A contact's limits delay repeats only: the first page of an incident never waits for them. A vendor's limits,
and a vendor that asks us to wait, delay anything; the first page of a SEV1 or SEV2 waits a minute for them
at most, and is told to go elsewhere then.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from tocsin.domain.notification.failing import PRESSING
from tocsin.domain.notification.model import MessageKind, Waiting
from tocsin.domain.time import format_duration

_REPEATS: Final = frozenset(
    {
        MessageKind.PAGE,
        MessageKind.STAKEHOLDER,
        MessageKind.JOINED,
        MessageKind.UPDATE,
        MessageKind.ROOM,
    }
)
_SHOWN: Final = 5


class Scope(StrEnum):
    CONTACT = "contact"  # to one address
    VENDOR = "vendor"  # over a channel in all


@dataclass(frozen=True)
class Limit:
    most: int
    within: timedelta


@dataclass(frozen=True)
class Limits:
    """Of one channel."""

    contact: tuple[Limit, ...] = ()
    vendor: tuple[Limit, ...] = ()

    @property
    def longest(self) -> timedelta:
        """How far back it matters what was sent to one contact."""
        return max((limit.within for limit in self.contact), default=timedelta(0))


def _limits(*pairs: tuple[int, int]) -> tuple[Limit, ...]:
    return tuple(Limit(most, timedelta(seconds=within)) for most, within in pairs)


_MINUTE, _HOUR = 60, 3600
_CHAT: Final = _limits((10, _MINUTE))

# SMS and voice: GoAlert's windows (engine/message/ratelimit.go). Vendors: below what they document.
SHIPPED: Final[Mapping[str, Limits]] = MappingProxyType(
    {
        "sms": Limits(
            _limits((1, _MINUTE), (5, 15 * _MINUTE), (11, _HOUR), (21, 3 * _HOUR)), _limits((10, 1))
        ),
        "voice": Limits(
            _limits((1, _MINUTE), (3, 15 * _MINUTE), (7, _HOUR), (15, 3 * _HOUR)), _limits((5, 1))
        ),
        "email": Limits(_limits((10, _MINUTE), (60, _HOUR))),
        "slack": Limits(_CHAT, _limits((20, 1))),
        "mattermost": Limits(_CHAT, _limits((10, 1))),
        "teams": Limits(_CHAT, _limits((4, 1))),
        "telegram": Limits(_CHAT, _limits((25, 1))),
        "ntfy": Limits(_CHAT, _limits((20, 1))),
        "push": Limits(_CHAT),
        "apprise": Limits(_CHAT, _limits((10, 1))),
    }
)


@dataclass(frozen=True)
class Pause:
    """A vendor asked us to wait."""

    until: datetime
    why: str


@dataclass
class History:
    """When what left, oldest first: to each (channel, address), and over each channel."""

    contact: dict[tuple[str, str], list[datetime]] = field(default_factory=lambda: defaultdict(list))
    vendor: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))


@dataclass(frozen=True)
class Held:
    """`elsewhere`: it must not wait that long; the person's next method takes it."""

    item: Waiting
    until: datetime
    reason: str
    elsewhere: bool = False


def throttle(
    items: Sequence[Waiting],
    limits: Mapping[str, Limits],
    history: History,
    paused: Mapping[str, Pause],
    now: datetime,
) -> tuple[list[Waiting], list[Held]]:
    """`items` in the order in which they should leave: those that do, and those that wait, each with its
    reason. `history` grows by what leaves and by the places that were promised.
    """
    leave: list[Waiting] = []
    held: list[Held] = []
    for item in items:
        at, why = _when(item, limits.get(item.via, Limits()), history, paused.get(item.via), now)
        if at <= now:
            leave.append(item)
        else:
            elsewhere = item.hurry and at - item.wanted_at > PRESSING
            held.append(Held(item, at, f"{why}; leaves at {at:%H:%M:%S} UTC", elsewhere))
    return leave, held


def is_held_by_contact(item: Waiting) -> bool:
    """Whether its contact's limits are for it: it is a repeat."""
    return item.kind in _REPEATS and not item.first


def _when(
    item: Waiting, limits: Limits, history: History, pause: Pause | None, now: datetime
) -> tuple[datetime, str]:
    at, why = now, ""
    if pause is not None and pause.until > now:
        at, why = pause.until, pause.why
    mine = history.contact[item.via, item.address]
    if is_held_by_contact(item):
        free, limit = _free(mine, limits.contact, now)
        if limit is not None and free > now:
            # It is looked at again when it is due: what the vendor takes at that time shows then.
            mine.append(free)
            if free >= at:
                at, why = free, _said(limit, item.via, f" to {item.address[:_SHOWN]}…")
            return at, why
    free, limit = _free(history.vendor[item.via], limits.vendor, at)
    if limit is not None and free > at:
        at, why = free, _said(limit, item.via, " to all")
    history.vendor[item.via].append(at)
    mine.append(at)
    return at, why


def _free(sent: Sequence[datetime], limits: Sequence[Limit], at: datetime) -> tuple[datetime, Limit | None]:
    """The first instant from `at` on at which every window has room, and the limit that decides it."""
    decisive = None
    for limit in limits:
        if limit.most <= len(sent):
            free = sent[-limit.most] + limit.within
            if free > at:
                at, decisive = free, limit
    return at, decisive


def _said(limit: Limit, via: str, to: str) -> str:
    return f"throttled: {limit.most} {via}{to} in {format_duration(limit.within)}"
