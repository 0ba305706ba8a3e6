from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tocsin.domain.schedule import Layer, OverrideKind, Shift


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
