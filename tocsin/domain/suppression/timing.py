"""A pause before a new alert is told, and alerts that come and go."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from tocsin.domain.severity import Severity
from tocsin.domain.suppression.held import Held, HoldKind, clock
from tocsin.domain.time import format_duration

NEVER_HELD: Final = frozenset({Severity.SEV1, Severity.SEV2})
_MOST: Final = 50


class Flapping(Protocol):
    """As routes say it: an alert flaps when it changed (fired or ended) `changes` times `within`, until it
    has been steady for half that time.
    """

    @property
    def changes(self) -> int: ...
    @property
    def within(self) -> timedelta: ...


def remembered(changes: Sequence[datetime], at: datetime, setting: Flapping) -> tuple[datetime, ...]:
    """The changes with one more at `at`; those that no longer matter are forgotten."""
    oldest = at - setting.within
    return (*(change for change in changes if change > oldest), at)[-_MOST:]


def steady(setting: Flapping) -> timedelta:
    """So long without a change, and it flaps no longer."""
    return setting.within / 2


def flaps(changes: Sequence[datetime], now: datetime, setting: Flapping, *, before: bool = False) -> bool:
    """Whether an alert that changed at these instants flaps at `now`; `before`: it did until now."""
    if before and changes and now < changes[-1] + steady(setting):
        return True
    recent = [change for change in changes if now - setting.within < change <= now]
    return len(recent) >= setting.changes and now < recent[-1] + steady(setting)


def by_flapping(
    severity: Severity | None,
    changes: Sequence[datetime],
    now: datetime,
    setting: Flapping | None,
    *,
    before: bool = False,
) -> Held | None:
    if setting is None or severity is None or severity in NEVER_HELD:
        return None
    if not flaps(changes, now, setting, before=before):
        return None
    recent = sum(change > now - setting.within for change in changes)
    until = changes[-1] + steady(setting)
    text = f"flapping: it came and went, {recent} changes within {format_duration(setting.within)}"
    ends = f"at {clock(until)}, when it has been steady for {format_duration(steady(setting))}"
    return Held(HoldKind.FLAPPING, "flapping", text, now, until, ends)


def by_pause(
    severity: Severity | None, fired_at: datetime, pause: timedelta | None, now: datetime
) -> Held | None:
    """A new alert waits this long; what ends before then opens nothing."""
    if not pause or severity is None or severity in NEVER_HELD or now >= fired_at + pause:
        return None
    until = fired_at + pause
    text = f"the pause of {format_duration(pause)} before a new alert is told"
    return Held(
        HoldKind.PAUSE, "pause", text, now, until, f"at {until:%H:%M:%S} UTC, unless it is over before"
    )
