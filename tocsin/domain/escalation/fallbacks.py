"""Which policies take over, one after another, when one is over."""

from collections.abc import Callable
from typing import Final

from tocsin.domain.escalation.model import Policy

MOST: Final = 5  # as many are followed; a longer way is a mistake

Find = Callable[[str], Policy | None]


def followed(policy: Policy, find: Find) -> tuple[Policy, ...]:
    """The fallbacks to freeze, in the order in which they take over; ends where one is missing or comes
    again.
    """
    found: list[Policy] = []
    names, name = {policy.name}, policy.fallback
    while name and name not in names and len(found) < MOST and (after := find(name)):
        found.append(after)
        names.add(name)
        name = after.fallback
    return tuple(found)


def wrong(policy: Policy, find: Find) -> str:
    """What is wrong with its fallback, "" when nothing is: one that is missing, a circle, too long a way."""
    way, name = [policy.name], policy.fallback
    while name:
        if name in way:
            return f"goes round in a circle: {' → '.join([*way, name])}"
        if len(way) > MOST:
            return f"more than {MOST} policies after another: {' → '.join([*way, name])}"
        way.append(name)
        after = policy if name == policy.name else find(name)
        if after is None:
            return f"there is no escalation policy {name!r}"
        name = after.fallback
    return ""
