from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from tocsin.domain.schedule import SHADOW, Layer, OverrideKind, Shift
from tocsin.domain.schedule.checks import Coverage, Finding
from tocsin.domain.schedule.diff import Moved
from tocsin.domain.schedule.hours import Kind
from tocsin.domain.schedule.load import Load
from tocsin.domain.schedule.notices import LONGEST_SEEN
from tocsin.domain.schedule.swapping import SwapState


@dataclass(frozen=True)
class RotationInfo:
    """`definition` is the configuration form; `summary` says it in a few words."""

    name: str
    definition: dict[str, Any]
    people: tuple[str, ...]
    summary: str
    timezone: str
    from_file: bool


@dataclass(frozen=True)
class ScheduleInfo:
    """`implicit`: it exists because a rotation of its name does."""

    name: str
    timezone: str
    team: str | None
    layers: tuple[Layer, ...]
    fallback: tuple[str, ...]
    people: tuple[str, ...]
    implicit: bool
    from_file: bool
    readiness: str | None = None  # as written; None: not said
    swap_approval: bool = False


@dataclass(frozen=True)
class OnCallNow:
    """One line of the board: the shifts that hold now with their real ends, and who comes next."""

    schedule: str
    timezone: str
    team: str | None
    now: tuple[Shift, ...]
    next: tuple[Shift, ...]


@dataclass(frozen=True)
class OverrideInfo:
    id: int
    schedule: str
    start: datetime
    end: datetime
    kind: OverrideKind
    user: str | None
    replaces: str | None
    created_at: datetime
    created_by: str
    from_file: bool
    swap: int | None = None  # made by taking that swap
    calendar: str | None = None  # made by an event of that calendar


@dataclass(frozen=True)
class SwapInfo:
    """`asked` None: anybody. `return_start` and `return_end`: what the taker asks to be relieved of instead,
    which `accepted` says the requester granted. `doubled`: the taker was on call then already.
    """

    id: int
    schedule: str
    requester: str
    start: datetime
    end: datetime
    note: str
    asked: str | None
    state: SwapState
    needs_approval: bool
    taker: str | None
    return_start: datetime | None
    return_end: datetime | None
    approved_by: str
    created_at: datetime
    created_by: str
    changed_at: datetime
    accepted: bool = False
    unasked: bool = False
    doubled: bool = False


@dataclass(frozen=True)
class AbsenceInfo:
    """`calendar` None: somebody wrote it down. `clashes`: the person's own shifts within it, each with its
    schedule; only what `add_absence` answers has them.
    """

    id: int
    email: str
    start: datetime
    end: datetime
    note: str
    calendar: str | None
    created_by: str
    clashes: tuple[tuple[str, Shift], ...] = ()


@dataclass(frozen=True)
class LayerShifts:
    rotation: str
    role: str
    priority: int
    shifts: tuple[Shift, ...]


@dataclass(frozen=True)
class Preview:
    """A schedule as it is and as a change that is not saved yet would make it. `layers`: of each rotation,
    after the change. `problem`: why saving it would be refused although it can be drawn.
    """

    schedule: str
    before: tuple[Shift, ...]
    after: tuple[Shift, ...]
    layers: tuple[tuple[str, tuple[Shift, ...]], ...]
    moved: tuple[Moved, ...]
    problem: str = ""


@dataclass(frozen=True)
class RotationVersion:
    """What a rotation's definition is, was or will be, in the form of the files. `start` None: from its
    beginning; `end` None: until further notice. `state`: past | present | planned.
    """

    definition: dict[str, Any]
    start: datetime | None
    end: datetime | None
    state: str


@dataclass(frozen=True)
class UseInfo:
    """One person whom paging took from a schedule. `which`: current | next | previous."""

    id: int
    at: datetime
    schedule: str
    which: str
    role: str
    email: str
    reason: str
    incident_id: int
    call_out_id: int | None
    step: int | None
    urgency: str


@dataclass(frozen=True)
class NoticeInfo:
    """How long before going on and off call a person is told, and whether of hand-offs and moved shifts."""

    on: tuple[timedelta, ...]
    off: tuple[timedelta, ...]
    handoff: bool
    moved: bool


@dataclass(frozen=True)
class ReadinessInfo:
    """`due_at`: when others are told, unless it was confirmed before; `told`: who was."""

    id: int
    schedule: str
    email: str
    role: str
    shift_start: datetime
    shift_end: datetime
    asked_at: datetime
    due_at: datetime | None
    confirmed_at: datetime | None
    told_at: datetime | None
    told: tuple[str, ...]

    @property
    def endless(self) -> bool:
        """`shift_end` is only how far was looked."""
        return self.shift_end - self.shift_start >= LONGEST_SEEN


@dataclass(frozen=True)
class CorrectionInfo:
    """Minutes added to, or taken from, what was computed for a person's day. One that was withdrawn stays in
    the list and counts for nothing.
    """

    id: int
    email: str
    day: date
    kind: Kind
    minutes: int
    reason: str
    created_at: datetime
    created_by: str
    withdrawn_at: datetime | None
    withdrawn_by: str


@dataclass(frozen=True)
class PayRow:
    """One person's time on call by class, in minutes, and how many incidents called them out. The classes
    are as computed; `corrected` has what was corrected of each, and `corrected_min` all of it.
    """

    email: str
    name: str
    zone: str
    weekday_min: int
    night_min: int
    weekend_min: int
    holiday_min: int
    corrected_min: int
    call_outs: int
    corrected: Mapping[Kind, int]

    @property
    def computed(self) -> dict[Kind, int]:
        minutes = (self.weekday_min, self.night_min, self.weekend_min, self.holiday_min)
        return dict(zip(Kind, minutes, strict=True))

    @property
    def total_min(self) -> int:
        return sum(self.computed.values()) + self.corrected_min


@dataclass(frozen=True)
class PayReport:
    """Of the days from `start` until before `end`, by name; corrections by day, withdrawn ones included."""

    start: date
    end: date
    rows: tuple[PayRow, ...]
    corrections: tuple[CorrectionInfo, ...]


@dataclass(frozen=True)
class ScheduleChecks:
    """What is doubtful about a schedule from `start` until `end`, and how its time is covered and shared."""

    findings: tuple[Finding, ...]
    coverage: Coverage
    load: Load
    start: datetime
    end: datetime


@dataclass(frozen=True)
class FeedInfo:
    """`url` is a secret of the person whose feed it is; `schedule` empty: their own shifts."""

    id: int
    email: str
    schedule: str
    url: str
    created_at: datetime
    read_at: datetime | None


@dataclass(frozen=True)
class Unmatched:
    """An event of a calendar that nothing was made of, and why."""

    summary: str
    start: datetime | None
    end: datetime | None
    why: str


@dataclass(frozen=True)
class CalendarInfo:
    """`url_shown` hides what may be a secret. `read_at`: the last success; `failures` since then. `events`:
    those that named somebody; `idle` of them change nothing, since whom they name is on call anyway.
    """

    id: int
    name: str
    url_shown: str
    use: str  # overrides | absences
    schedule: str
    email: str | None
    due_at: datetime
    read_at: datetime | None
    failures: int
    problem: str
    unmatched: tuple[Unmatched, ...]
    events: int
    idle: int
    created_by: str


@dataclass(frozen=True)
class Cover:
    """`gap`: how long nobody is on call in the coming seven days. `now`: (role, person) of who is."""

    schedule: str
    gap: timedelta
    now: tuple[tuple[str, str], ...]

    @property
    def covered(self) -> bool:
        return any(role != SHADOW for role, _ in self.now)
