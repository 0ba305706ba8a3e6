from datetime import datetime, timedelta
from typing import Any, Final

from ninja import Field, Query, Router, Schema

from tocsin.apps.oncall import queries
from tocsin.domain.schedule.checks import Check, Coverage, Finding
from tocsin.domain.schedule.load import Load, PersonLoad
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.resources.schedules import Span

router = Router()

_HOUR: Final = timedelta(hours=1)


class FindingOut(Schema):
    """`start` and `end` are of the first occasion; `text` says how many there are."""

    check: Check
    text: str
    user: str | None
    start: datetime | None
    end: datetime | None


class CoverageOut(Schema):
    """`covered_hours` includes those of the fallback."""

    percent: float
    hours: float
    covered_hours: float
    fallback_hours: float


class PersonLoadOut(Schema):
    user: str
    hours: float
    weekday_hours: float
    night_hours: float
    weekend_hours: float
    holiday_hours: float
    nights: int
    weekends: int
    shifts: int


class LoadOut(Schema):
    """`balance` is 100 when all members have the same time, 0 when one has it all."""

    start: datetime
    end: datetime
    balance: int
    people: list[PersonLoadOut]


class ChecksOut(Schema):
    start: datetime
    end: datetime
    findings: list[FindingOut]
    coverage: CoverageOut
    load: LoadOut


class ChecksFilter(Schema):
    days: int = Field(90, ge=1, le=366)


@router.get("/{name}/checks", response=ChecksOut)
def read_checks(request: ApiRequest, name: str, filters: Query[ChecksFilter]) -> Any:
    """What is doubtful about the coming `days`: gaps, double bookings, people who are never on call, away or
    out of reach, holidays; how much is covered, and how evenly it is shared.
    """
    found = queries.checks(name, now=request.now, days=filters.days)
    return ChecksOut(
        start=found.start,
        end=found.end,
        findings=[_finding(one) for one in found.findings],
        coverage=_coverage(found.coverage),
        load=_load(found.load, found.start, found.end),
    )


@router.get("/{name}/load", response=LoadOut)
def read_load(request: ApiRequest, name: str, filters: Query[Span]) -> Any:
    """Who carries how much from `from` (now) until `until` (two weeks later; at most 400 days)."""
    start, end = filters.bounds(request.now)
    return _load(queries.load(name, start, end), start, end)


def _finding(one: Finding) -> FindingOut:
    return FindingOut(check=one.check, text=one.text, user=one.user, start=one.start, end=one.end)


def _coverage(one: Coverage) -> CoverageOut:
    return CoverageOut(
        percent=round(one.percent, 3),
        hours=_hours(one.total),
        covered_hours=_hours(one.covered),
        fallback_hours=_hours(one.by_fallback),
    )


def _load(found: Load, start: datetime, end: datetime) -> LoadOut:
    people = [_person(one) for one in found.people]
    return LoadOut(start=start, end=end, balance=found.balance, people=people)


def _person(one: PersonLoad) -> PersonLoadOut:
    kinds = {f"{kind}_hours": _hours(time) for kind, time in one.by_kind.items()}
    return PersonLoadOut(
        user=one.user,
        hours=_hours(one.total),
        nights=one.nights,
        weekends=one.weekends,
        shifts=one.shifts,
        **kinds,
    )


def _hours(time: timedelta) -> float:
    return round(time / _HOUR, 3)
