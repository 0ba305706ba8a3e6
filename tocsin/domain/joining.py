"""Open, join, reopen: what becomes of an alert that has found its service and group; and what its end does.

Pure decisions over the newest incident of the same service and group.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from tocsin.domain.lifecycle import OPEN, Status
from tocsin.domain.severity import Severity

JOIN_WITHIN: Final = timedelta(hours=24)
HOLD: Final = timedelta(minutes=15)


class Join(StrEnum):
    OPEN = "open"
    OPEN_LINKED = "open_linked"  # a new incident that names the one it follows
    JOIN = "join"
    REOPEN = "reopen"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Candidate:
    """The newest incident of the alert's service and group. Times are aware."""

    ref: str
    status: Status
    severity: Severity
    declared_at: datetime
    acknowledged: bool
    snoozed_until: datetime | None
    resolved_at: datetime | None
    resolved_by_alert: bool
    same_team: bool = True
    alerts: int = 0
    last_joined_at: datetime | None = None


@dataclass(frozen=True)
class JoinDecision:
    """`raise_to` is set when the alert is worse than the incident it joins; `tell_acker` when somebody has
    it already.
    """

    join: Join
    reason: str
    raise_to: Severity | None = None
    tell_acker: bool = False


def decide(
    severity: Severity | None,
    candidate: Candidate | None,
    *,
    reopen_window: timedelta,
    now: datetime,
    within: timedelta | None = None,
    most: int | None = None,
) -> JoinDecision:
    """What becomes of a new alert. `severity` None opens nothing and joins nothing. `within` and `most` are
    the route's limits of a group: so long after its last alert, and so many alerts.
    """
    if severity is None:
        return JoinDecision(Join.NOTHING, "its severity is “none”, which opens nothing")
    if candidate is None:
        return JoinDecision(Join.OPEN, "no incident of this service has this group")
    if candidate.status in OPEN:
        if full := _full(candidate, within, most, now):
            return JoinDecision(Join.OPEN_LINKED, full)
        return _open_candidate(severity, candidate, now)
    if (
        candidate.status is Status.RESOLVED
        and candidate.resolved_by_alert
        and candidate.resolved_at is not None
    ):
        if now <= candidate.resolved_at + reopen_window:
            worse = severity if severity.worse_than(candidate.severity) else None
            ago = _ago(now - candidate.resolved_at)
            reason = f"{candidate.ref} resolved by itself {ago} ago: it is the same trouble"
            return JoinDecision(Join.REOPEN, reason, worse)
        return JoinDecision(
            Join.OPEN_LINKED,
            f"{candidate.ref} resolved {_ago(now - candidate.resolved_at)} ago, past the reopen window",
        )
    return JoinDecision(Join.OPEN_LINKED, f"{candidate.ref} with this group is {candidate.status}")


def _full(candidate: Candidate, within: timedelta | None, most: int | None, now: datetime) -> str:
    """Why the group takes no more alerts; "" while it does."""
    if most is not None and candidate.alerts >= most:
        return f"{candidate.ref} has {candidate.alerts} alerts, and the route's `group_limit` is {most}"
    last = candidate.last_joined_at or candidate.declared_at
    if within is not None and now - last > within:
        return (
            f"the last alert joined {candidate.ref} {_ago(now - last)} ago, past the route's `group_within`"
        )
    return ""


def _open_candidate(severity: Severity, candidate: Candidate, now: datetime) -> JoinDecision:
    if not candidate.same_team:
        return JoinDecision(
            Join.OPEN_LINKED, f"{candidate.ref} belongs to another team: nothing joins it silently"
        )
    if candidate.snoozed_until is not None and candidate.snoozed_until > now:
        return JoinDecision(Join.OPEN_LINKED, f"{candidate.ref} with this group is snoozed")
    if now - candidate.declared_at > JOIN_WITHIN:
        return JoinDecision(Join.OPEN_LINKED, f"{candidate.ref} with this group is older than 24 h")
    if severity.worse_than(candidate.severity):
        raised = f"raises it from {candidate.severity} to {severity}: the ladder starts again"
        reason = f"joins {candidate.ref} and {raised}"
        return JoinDecision(Join.JOIN, reason, severity)
    if candidate.acknowledged:
        return JoinDecision(
            Join.JOIN,
            f"joins {candidate.ref}, which is acknowledged: no page, the acker is told once",
            tell_acker=True,
        )
    return JoinDecision(
        Join.JOIN, f"joins {candidate.ref}, whose people are being called already: no further page"
    )


def got_worse(severity: Severity | None, *, before: Severity | None, incident: Severity) -> bool:
    """Whether an alert whose severity was `before` raises its incident now: only by a change of its own."""
    changed = severity is not None and (before is None or severity.worse_than(before))
    return changed and severity is not None and severity.worse_than(incident)


class Ending(StrEnum):
    RESOLVE = "resolve"
    MONITOR = "monitor"  # a person closes it
    STAY = "stay"


@dataclass(frozen=True)
class EndDecision:
    ending: Ending
    reason: str


def all_over(
    *,
    status: Status,
    severity: Severity,
    by_hand: bool,
    commander: bool,
    moved: bool,
    touched: bool,
) -> EndDecision:
    """What the end of an incident's last firing alert does.

    `moved`: a person moved its status or published an update; `touched`: a person did anything at all to
    it, an acknowledgement included.
    """
    if status not in OPEN:
        return EndDecision(Ending.STAY, f"it is {status} already")
    because = (
        (by_hand, "it was declared by hand"),
        (commander, "it has a commander"),
        (moved, "a person moved its status"),
        (touched and severity is Severity.SEV1, "it is a SEV1 that a person touched"),
    )
    for holds, reason in because:
        if holds:
            return EndDecision(Ending.MONITOR, f"all its alerts are over; {reason}, so a person closes it")
    return EndDecision(Ending.RESOLVE, "all its alerts are over")


def _ago(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    if seconds < 120:  # noqa: PLR2004 - two minutes read better as seconds
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"  # noqa: PLR2004 - two hours, likewise
