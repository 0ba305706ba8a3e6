"""What holds an alert back for a while: silences, maintenance, inhibition, flapping, a pause. Nothing is
eaten: each hold says by what and what will end it, and when the last one ends the alert is decided again.
"""

from tocsin.domain.suppression.inhibition import Inhibition, Source, by_inhibition
from tocsin.domain.suppression.model import NOTHING, Facts, Held, HoldKind, Rules, holds
from tocsin.domain.suppression.recurrence import Span, check_rule, following, span_at
from tocsin.domain.suppression.silences import Silence, SilenceIndex, SilenceKind
from tocsin.domain.suppression.storm import QUIET, Storm
from tocsin.domain.suppression.timing import Flapping, by_flapping, by_pause, flaps, remembered, steady

__all__ = [
    "NOTHING",
    "QUIET",
    "Facts",
    "Flapping",
    "Held",
    "HoldKind",
    "Inhibition",
    "Rules",
    "Silence",
    "SilenceIndex",
    "SilenceKind",
    "Source",
    "Span",
    "Storm",
    "by_flapping",
    "by_inhibition",
    "by_pause",
    "check_rule",
    "flaps",
    "following",
    "holds",
    "remembered",
    "span_at",
    "steady",
]
