"""Who is on call when. `model` defines the words; `resolve` is the one answer everything else is made
from.
"""

from tocsin.domain.schedule.diff import changes_anything
from tocsin.domain.schedule.model import (
    PRIMARY,
    SHADOW,
    Advance,
    Book,
    DayWindow,
    Layer,
    Origin,
    Override,
    OverrideKind,
    Participant,
    Restriction,
    Rotation,
    Schedule,
    Shift,
    Unit,
    WeekSpan,
)
from tocsin.domain.schedule.resolver import (
    current,
    current_and_following,
    following,
    on_call,
    preceding,
    resolve,
)

__all__ = [
    "PRIMARY",
    "SHADOW",
    "Advance",
    "Book",
    "DayWindow",
    "Layer",
    "Origin",
    "Override",
    "OverrideKind",
    "Participant",
    "Restriction",
    "Rotation",
    "Schedule",
    "Shift",
    "Unit",
    "WeekSpan",
    "changes_anything",
    "current",
    "current_and_following",
    "following",
    "on_call",
    "preceding",
    "resolve",
]
