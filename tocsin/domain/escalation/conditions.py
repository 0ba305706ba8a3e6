"""Whether a step's condition holds, and if not, why: read when the step fires, never later in that pass."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from tocsin.domain.escalation.model import MACHINES, Condition, During, Person, Snapshot, Step
from tocsin.domain.time import BusinessHours, zone_or_utc

_LOCAL: Final = frozenset({During.LOCAL, During.OUTSIDE_LOCAL})
_INSIDE: Final = frozenset({During.SUPPORT, During.LOCAL})
_ANY: Final = Condition()
_OUTSIDE: Final = "it is for support hours, and they are over now"
_WITHIN: Final = "it is for outside support hours, and they are open now"


def unmet(snapshot: Snapshot, step: Step, now: datetime) -> str:
    """What does not hold, for people; "" when the step may call. `local` hours are asked of each person, and
    only where the step has nobody of the service itself.
    """
    when = step.when
    if when == _ANY:
        return ""
    if when.severities and snapshot.severity not in when.severities:
        return f"it is for {', '.join(when.severities)}, and this is {snapshot.severity}"
    if when.urgency is not None and snapshot.urgency is not when.urgency:
        return f"it is for {when.urgency} urgency, and this is {snapshot.urgency}"
    if when.during is None:
        return ""
    if when.during in _LOCAL and any(target.kind not in MACHINES for target in step.targets):
        return ""
    inside = _hours(snapshot).is_open(now)
    if inside is (when.during in _INSIDE):
        return ""
    return _OUTSIDE if when.during in _INSIDE else _WITHIN


def kept_by_their_clock(snapshot: Snapshot, when: Condition, person: Person, now: datetime) -> bool:
    """Whether a `local` condition keeps this person: the service's days and times on their own clock."""
    if when.during not in _LOCAL:
        return True
    zone = zone_or_utc(person.zone or "UTC")  # nobody is to be missed for an old name
    return replace(_hours(snapshot), zone=zone).is_open(now) is (when.during in _INSIDE)


def nobody_by_their_clock(when: Condition) -> str:
    return f"{_OUTSIDE if when.during in _INSIDE else _WITHIN}, for everybody on their own clock"


def _hours(snapshot: Snapshot) -> BusinessHours:
    return snapshot.support or snapshot.hours
