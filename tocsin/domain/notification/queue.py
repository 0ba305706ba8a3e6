"""The queue: in what order what is due leaves, what one message says for several, and why the rest waits.

Each stage takes values and gives values; the last word of each is a reason that people read. `order` first;
then `merge` (the same thing twice to the same person), `bundle` (several incidents in one message) and
`throttle` (see its module), each of which keeps the order.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from tocsin.domain.notification.model import MessageKind, Waiting

MOST_LISTED: Final = 20  # more than that is no longer read; the rest is another message
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_BUNDLED: Final = frozenset({MessageKind.PAGE, MessageKind.STAKEHOLDER, MessageKind.UPDATE})


@dataclass(frozen=True)
class Carried:
    """A message that does not leave, because `by` says it."""

    item: Waiting
    by: Waiting
    reason: str


def order(
    items: Iterable[Waiting], people: Mapping[int, datetime], services: Mapping[str, datetime]
) -> list[Waiting]:
    """High before low and first pages before repeats (rank); one message of each person before anybody's
    second; then who was paged longest ago, then whose service was, then the due time.

    `people` and `services`: when each was last paged; absent: never.
    """
    apart: dict[tuple[int, Hashable], list[Waiting]] = defaultdict(list)
    for item in items:
        apart[item.rank, item.person or (item.via, item.address)].append(item)
    keyed = []
    for mine in apart.values():
        for turn, item in enumerate(_by_service(mine, services)):
            last = people.get(item.person, _NEVER) if item.person else _NEVER
            served = services.get(item.service, _NEVER)
            keyed.append(((item.rank, turn, last, served, item.due_at, item.id), item))
    return [item for _, item in sorted(keyed, key=lambda pair: pair[0])]


def _by_service(items: list[Waiting], services: Mapping[str, datetime]) -> list[Waiting]:
    """One person's: one of each service before a second of any."""
    if len(items) == 1:
        return items
    turns: dict[str, int] = defaultdict(int)
    keyed = []
    for item in sorted(items, key=lambda one: (one.due_at, one.id)):
        turn = turns[item.service]
        turns[item.service] += 1
        keyed.append(((turn, services.get(item.service, _NEVER), item.due_at, item.id), item))
    return [item for _, item in sorted(keyed, key=lambda pair: pair[0])]


def merge(items: Sequence[Waiting]) -> tuple[list[Waiting], list[Carried]]:
    """Of identical messages one leaves, at the place of the first: the one of the newest page, which knows
    most; a first page rather than a repeat.
    """
    groups = _groups(items, same)
    carried: list[Carried] = []
    stands_for: dict[int, Waiting] = {}
    for group in groups.values():
        if len(group) == 1:
            continue
        chosen = min(group, key=lambda item: (item.rank, -item.page, item.due_at, item.id))
        stands_for |= {item.id: chosen for item in group}
        reason = f"merged: one message for {len(group)} that say the same"
        carried += [Carried(item, chosen, reason) for item in group if item is not chosen]
    left: dict[int, Waiting] = {}
    for item in items:
        standing = stands_for.get(item.id, item)
        left.setdefault(standing.id, standing)
    return list(left.values()), carried


def bundle(items: Sequence[Waiting]) -> tuple[list[Waiting], list[Carried]]:
    """Repeats for one person, service and way leave as one message that lists the incidents. First pages
    never do; except where whoever called asked for it by a word, which then holds across services.
    """
    groups = _groups(items, together)
    carried: list[Carried] = []
    for key, group in groups.items():
        if key is None or len({item.incident for item in group}) == 1:
            continue
        for start in range(0, len(group), MOST_LISTED):
            listed = group[start : start + MOST_LISTED]
            incidents = len({item.incident for item in listed})
            reason = f"bundled: one message lists {incidents} incidents"
            carried += [Carried(item, listed[0], reason) for item in listed[1:]]
    gone = {one.item.id for one in carried}
    return [item for item in items if item.id not in gone], carried


def same(item: Waiting) -> Hashable:
    """What identical messages have in common."""
    who = (item.person, item.via, item.address)
    return (*who, item.kind, item.incident, item.says)


def together(item: Waiting) -> Hashable | None:
    """What messages that leave as one have in common; None: it leaves alone."""
    if not item.incident or not item.person or item.kind not in _BUNDLED:
        return None
    who = (item.person, item.via, item.address, item.kind)
    if item.bundle:
        return (*who, "word", item.bundle)
    if item.first or item.kind is MessageKind.UPDATE:
        return None
    return (*who, "service", item.service)


def _groups(
    items: Iterable[Waiting], key: Callable[[Waiting], Hashable | None]
) -> dict[Hashable | None, list[Waiting]]:
    groups: dict[Hashable | None, list[Waiting]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups
