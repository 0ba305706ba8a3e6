from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tocsin.domain.configuration import load
from tocsin.domain.schedule import Book, Shift, resolve

Rows = list[tuple[str | None, str, str]]


@pytest.fixture
def book() -> Callable[[str], Book]:
    """The book of one configuration text, which must be free of errors."""

    def make(text: str) -> Book:
        loaded = load({"test.yaml": text})
        assert loaded.report.errors == ()
        return loaded.organisation.book()

    return make


@pytest.fixture
def shifts() -> Callable[..., list[Shift]]:
    """Every shift of a stretch of wall time, given in the schedule's zone."""

    def find(book: Book, name: str, start: str, end: str) -> list[Shift]:
        plan = book.schedule(name)
        assert plan is not None
        first, last = (datetime.fromisoformat(text) for text in (start, end))
        return resolve(book, plan, _aware(first, plan.zone), _aware(last, plan.zone))

    return find


@pytest.fixture
def rows(shifts: Callable[..., list[Shift]]) -> Callable[..., Rows]:
    """The same as short rows: who (without the domain), from, until, in the schedule's zone."""

    def find(book: Book, name: str, start: str, end: str) -> Rows:
        plan = book.schedule(name)
        assert plan is not None
        return [
            (
                shift.user and shift.user.partition("@")[0],
                _short(shift.start.astimezone(plan.zone)),
                _short(shift.end.astimezone(plan.zone)),
            )
            for shift in shifts(book, name, start, end)
        ]

    return find


def _aware(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment


def _short(moment: datetime) -> Any:
    return moment.isoformat(timespec="minutes")
