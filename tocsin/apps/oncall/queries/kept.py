"""Answers that hold for a while, so that a thousand schedules need not be resolved again a minute later."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, TypeVar

from tocsin.domain.schedule import Book, Rotation, Schedule

_MOST: Final = 20_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[T]):
    rotations: Mapping[str, Rotation]
    plan: Schedule
    since: datetime
    until: datetime
    value: T


class Kept(Generic[T]):
    """What `work` found out about a schedule and until when it holds, while nothing of the definitions
    changes: `stored.book` gives the very same rotations as long as their texts are the same.
    """

    def __init__(self, work: Callable[[Book, Schedule, datetime], tuple[T, datetime]]) -> None:
        self._work = work
        self._kept: dict[str, _Entry[T]] = {}

    def get(self, made: Book, plan: Schedule, at: datetime) -> T:
        kept = self._kept.get(plan.name)
        if (
            kept is not None
            and kept.rotations is made.rotations
            and kept.since <= at < kept.until
            and kept.plan == plan
        ):
            return kept.value
        value, until = self._work(made, plan, at)
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[plan.name] = _Entry(made.rotations, plan, at, until, value)
        return value
