"""A rehearsal on a virtual clock: the same decisions as in earnest, over an Organisation read from files.

`simulate` replays events and gives every page with its time and reason; `explain` asks what one event would
do and who would be called if nobody answered. Nothing here decides by itself: routing, severity, grouping,
joining, the ladder and personal rules are the domain's own.
"""

from tocsin.domain.simulation.explanation import Explanation, Reason, explain
from tocsin.domain.simulation.model import (
    Acknowledge,
    Happening,
    Incident,
    Kept,
    Page,
    Resolve,
    Result,
    SetSeverity,
    Trigger,
    Unsent,
)
from tocsin.domain.simulation.playing import simulate

__all__ = [
    "Acknowledge",
    "Explanation",
    "Happening",
    "Incident",
    "Kept",
    "Page",
    "Reason",
    "Resolve",
    "Result",
    "SetSeverity",
    "Trigger",
    "Unsent",
    "explain",
    "simulate",
]
