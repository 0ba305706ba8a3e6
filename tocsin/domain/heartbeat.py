"""Signs of life: when the next one is due, and what one that came, or did not, means.

Words as healthchecks.io uses them. A **heartbeat** is expected by a period after the last one, or by a cron
expression in a zone; it is **late** once that is past, and **down** when its grace is over too, or when the
job itself says that it failed. A job may say that it **starts**: then its end is due within the grace,
whatever the period says.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.signal import Beat
from tocsin.domain.time import format_duration, parse_zone

SHORTEST: Final = timedelta(seconds=10)
LONGEST: Final = timedelta(days=366)
LONGEST_NAME: Final = 200
_UTC: Final = ZoneInfo("UTC")
PERIOD: Final = timedelta(days=1)  # of one that created itself and did not say
GRACE: Final = timedelta(hours=1)


class State(StrEnum):
    NEW = "new"  # never heard of
    UP = "up"
    LATE = "late"
    DOWN = "down"
    PAUSED = "paused"


@dataclass(frozen=True)
class Plan:
    """When to be heard: `every`, or by `cron` in `zone`; exactly one of the two is set."""

    every: timedelta | None = None
    cron: str = ""
    zone: ZoneInfo = _UTC
    grace: timedelta = GRACE

    def __str__(self) -> str:
        when = f"every {format_duration(self.every)}" if self.every else f"by “{self.cron}” ({self.zone.key})"
        return f"{when}, with {format_duration(self.grace)} of grace"

    def expected(self, after: datetime) -> datetime | None:
        """The first instant after `after` at which it is to be heard, in UTC; None: never."""
        if self.every is not None:
            return after + self.every
        # What fires at a wall time that the clocks skip or repeat is run once, as Debian's cron does.
        try:
            return next(CronSim(self.cron, after.astimezone(self.zone))).astimezone(UTC)
        except (StopIteration, OverflowError):
            return None

    def due(self, after: datetime) -> datetime | None:
        """When it is down, unless it is heard of until then."""
        expected = self.expected(after)
        return None if expected is None else expected + self.grace


@dataclass(frozen=True)
class Life:
    """What is known of one. `down` is remembered rather than reckoned: an alert stands for it."""

    created_at: datetime
    last_at: datetime | None = None
    started_at: datetime | None = None  # of a run that has not ended
    down: bool = False
    enabled: bool = True

    @property
    def since(self) -> datetime:
        return self.last_at or self.created_at


@dataclass(frozen=True)
class Heard:
    """What one sign of life makes of it. `due_at` None: nothing is awaited, it is down already."""

    down: bool
    last_at: datetime | None
    started_at: datetime | None
    due_at: datetime | None
    ran: timedelta | None = None


def hear(plan: Plan, life: Life, beat: Beat, exit_code: int | None, at: datetime) -> Heard:
    """`at`: when it came. One that came before the last (they may overtake each other) moves nothing back."""
    at = max(at, life.since)
    if beat is Beat.START:
        # A run that begins mends nothing: what is down stays down until one ends well.
        return Heard(life.down, life.last_at, at, None if life.down else at + plan.grace)
    ran = at - life.started_at if life.started_at is not None else None
    if failed(beat, exit_code):
        return Heard(down=True, last_at=at, started_at=None, due_at=None, ran=ran)
    return Heard(down=False, last_at=at, started_at=None, due_at=plan.due(at), ran=ran)


def failed(beat: Beat, exit_code: int | None) -> bool:
    return beat is Beat.FAIL or bool(exit_code)


def due_at(plan: Plan, life: Life) -> datetime | None:
    """When it is down unless heard of, after its plan was changed or it was switched on again."""
    if not life.enabled or life.down:
        return None
    if life.started_at is not None:
        return life.started_at + plan.grace
    return plan.due(life.since)


def state(plan: Plan, life: Life, now: datetime) -> State:
    if not life.enabled:
        return State.PAUSED
    if life.down:
        return State.DOWN
    if life.last_at is None and life.started_at is None:
        return State.NEW
    expected = plan.expected(life.since)
    return State.LATE if life.started_at is None and expected is not None and expected <= now else State.UP


def plan_of(every: timedelta | None, cron: str, zone: str, grace: timedelta | None) -> Plan:
    """Raises Invalid, which names the field."""
    errors = []
    if (every is None) == (not cron):
        errors.append(FieldError("every", "expected either how often (every) or a cron expression, not both"))
    if every is not None and not SHORTEST <= every <= LONGEST:
        errors.append(FieldError("every", "expected between 10 seconds and 366 days"))
    if grace is not None and not timedelta() <= grace <= LONGEST:
        errors.append(FieldError("grace", "expected at most 366 days"))
    try:
        named = parse_zone(zone)
    except ValueError as error:
        named = _UTC
        errors.append(FieldError("timezone", str(error)))
    if cron:
        errors.extend(_cron_errors(cron, named))
    if errors:
        raise Invalid(*errors)
    return Plan(every, cron, named, _grace(every) if grace is None else grace)


def _grace(every: timedelta | None) -> timedelta:
    """A tenth of the period, between a minute and an hour."""
    return min(max((every or PERIOD) / 10, timedelta(minutes=1)), GRACE)


def _cron_errors(cron: str, zone: ZoneInfo) -> list[FieldError]:
    try:
        next(CronSim(cron, datetime(2024, 1, 1, tzinfo=zone)))
    except CronSimError as error:
        return [FieldError("cron", f"{str(error).lower()}; expected five fields, such as 0 3 * * *")]
    except StopIteration:
        return [FieldError("cron", "never comes")]
    return []
