"""Severity: the impact of an incident. The table is data; this is the one that is shipped."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Severity(StrEnum):
    """Ordered by rank: SEV1 is the worst."""

    SEV1 = "SEV1"
    SEV2 = "SEV2"
    SEV3 = "SEV3"
    SEV4 = "SEV4"

    @property
    def rank(self) -> int:
        return int(self[3])

    def worse_than(self, other: "Severity") -> bool:
        return self.rank < other.rank


class Urgency(StrEnum):
    HIGH = "high"
    LOW = "low"


class Ladder(StrEnum):
    FULL = "full"
    FIRST_STEP = "first_step"


class Notify(StrEnum):
    MANAGEMENT = "management"
    LEAD = "lead"


NEXT_BUSINESS_DAY = "next_business_day"


@dataclass(frozen=True)
class TableCall:
    """The table's own escalation: whom it calls, and when after the severity was given.

    `at` is a delay, or None for the next business day's opening.
    """

    notify: Notify
    at: timedelta | None


@dataclass(frozen=True)
class SeverityRow:
    severity: Severity
    description: str
    respond_within: timedelta
    urgency: Urgency
    ladder: Ladder
    escalate: tuple[TableCall, ...] = ()


SHIPPED_TABLE: Mapping[Severity, SeverityRow] = {
    row.severity: row
    for row in (
        SeverityRow(
            Severity.SEV1,
            "Critical outage",
            timedelta(minutes=5),
            Urgency.HIGH,
            Ladder.FULL,
            (TableCall(Notify.MANAGEMENT, timedelta(0)),),
        ),
        SeverityRow(
            Severity.SEV2,
            "Major degradation",
            timedelta(minutes=15),
            Urgency.HIGH,
            Ladder.FULL,
            (TableCall(Notify.LEAD, timedelta(minutes=30)),),
        ),
        SeverityRow(
            Severity.SEV3,
            "Minor issue",
            timedelta(hours=1),
            Urgency.LOW,
            Ladder.FIRST_STEP,
            (TableCall(Notify.LEAD, None),),
        ),
        SeverityRow(Severity.SEV4, "Low priority", timedelta(hours=4), Urgency.LOW, Ladder.FIRST_STEP),
    )
}

_WORDS: Mapping[str, Severity] = {
    "critical": Severity.SEV2,
    "error": Severity.SEV2,
    "warning": Severity.SEV3,
    "info": Severity.SEV4,
}


@dataclass(frozen=True)
class Chosen:
    """A severity with where it came from. `severity` None: the word was `none`, which opens nothing."""

    severity: Severity | None
    reason: str


def choose(
    *,
    person: Severity | None = None,
    route: Severity | None = None,
    mapped: Severity | None = None,
    payload: str | None = None,
    service: Severity | None = None,
) -> Chosen:
    """The first that speaks, in this order; a word nobody knows speaks not. Else SEV2: fail loud.

    A `critical` in the payload never gives SEV1: that comes from a route, a map, a person, or an explicit
    SEV1.
    """
    given = (
        (person, "set by a person"),
        (route, "set by the route"),
        (mapped, "by the integration's map"),
    )
    for severity, reason in given:
        if severity is not None:
            return Chosen(severity, f"{severity}: {reason}")
    word = (payload or "").strip()
    if word.upper() in Severity.__members__:
        return Chosen(Severity[word.upper()], f"{word.upper()}: the payload says so")
    if word.lower() == "none":
        return Chosen(None, "the payload's severity is “none”, which opens nothing")
    if word.lower() in _WORDS:
        severity = _WORDS[word.lower()]
        return Chosen(severity, f"{severity}: the payload says “{word}”")
    if service is not None:
        return Chosen(service, f"{service}: the service's default")
    return Chosen(Severity.SEV2, "SEV2: nothing else says, so it is taken seriously")
