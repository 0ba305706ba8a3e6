"""What to do about an alert that calls too often for nothing: suggestions, each with its reason."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from tocsin.domain.severity import Severity
from tocsin.domain.time import format_duration

_FEW: Final = 3  # incidents: fewer say nothing
_MOSTLY: Final = 0.8
_SHORT: Final = timedelta(minutes=10)
_TOGETHER: Final = 3  # incidents within an hour of each other


class Advice(StrEnum):
    PAUSE = "pause"
    LOWER = "lower"
    GROUP = "group"
    HOURS = "hours"
    TUNE = "tune"


@dataclass(frozen=True)
class Noisy:
    """How one kind of alert behaved in a period. Shares are 0–1; `typical` is the median length of its
    incidents, None while none is over; `crowd` is how many of its incidents began within an hour of another.
    """

    name: str
    service: str
    integration: str
    severity: Severity | None
    incidents: int
    pages: int
    people: int
    acted_on: int  # somebody acknowledged, resolved, moved or wrote
    by_itself: int  # over without anybody
    at_night: int  # pages between 22 and 7 where the person lives
    crowd: int
    typical: timedelta | None

    @property
    def share_acted_on(self) -> float:
        return self.acted_on / self.incidents if self.incidents else 0.0


@dataclass(frozen=True)
class Suggestion:
    advice: Advice
    text: str
    reason: str


def suggestions(row: Noisy) -> tuple[Suggestion, ...]:
    """The most promising first; none for what is rare or is acted on."""
    if row.incidents < _FEW:
        return ()
    found = (_pause(row), _group(row), _lower(row), _hours(row), _tune(row))
    return tuple(each for each in found if each is not None)


def _pause(row: Noisy) -> Suggestion | None:
    urgent = row.severity in {Severity.SEV1, Severity.SEV2}
    brief = row.typical is not None and row.typical <= _SHORT
    if urgent or not brief or row.by_itself < _MOSTLY * row.incidents or row.typical is None:
        return None
    wait = timedelta(minutes=max(1, -(-row.typical // timedelta(minutes=1))))
    return Suggestion(
        Advice.PAUSE,
        f"Let its route wait: pause: {format_duration(wait)}",
        f"{row.by_itself} of {row.incidents} were over without anybody, mostly within "
        f"{format_duration(wait)}",
    )


def _group(row: Noisy) -> Suggestion | None:
    if row.crowd < max(_TOGETHER, row.incidents / 2):
        return None
    return Suggestion(
        Advice.GROUP,
        "Group it: let its route name fewer labels in group_by, or none of those that differ",
        f"{row.crowd} of {row.incidents} incidents began within an hour of another one of its kind",
    )


def _lower(row: Noisy) -> Suggestion | None:
    ignored = row.incidents - row.acted_on
    if ignored < _MOSTLY * row.incidents or row.severity in {None, Severity.SEV4}:
        return None
    return Suggestion(
        Advice.LOWER,
        f"Lower its severity below {row.severity}, or stop sending it",
        f"nobody did anything about {ignored} of {row.incidents} incidents",
    )


def _hours(row: Noisy) -> Suggestion | None:
    if row.at_night < _FEW or row.share_acted_on > 0.5 or row.severity is Severity.SEV1:  # noqa: PLR2004 - half
        return None
    return Suggestion(
        Advice.HOURS,
        "Make it low urgency outside support hours",
        f"{row.at_night} of {row.pages} pages came at night, and fewer than half were acted on",
    )


def _tune(row: Noisy) -> Suggestion | None:
    """It calls for something real, again and again."""
    if row.incidents < 10 or row.share_acted_on < _MOSTLY:  # noqa: PLR2004 - ten times is a habit
        return None
    return Suggestion(
        Advice.TUNE,
        "Automate or fix what people do about it each time",
        f"people acted on {row.acted_on} of {row.incidents} incidents",
    )
