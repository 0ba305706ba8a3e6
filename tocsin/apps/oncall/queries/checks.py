"""What is doubtful about a schedule, how much of it is covered, and who carries how much."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from tocsin.apps.identity import queries as people
from tocsin.apps.oncall.models import Absence, Schedule
from tocsin.apps.oncall.queries.stored import book, need, people_of
from tocsin.apps.oncall.types import ScheduleChecks
from tocsin.domain.schedule import Book
from tocsin.domain.schedule.checks import Away, check, coverage
from tocsin.domain.schedule.load import Load
from tocsin.domain.schedule.load import load as load_of
from tocsin.domain.time import parse_zone
from tocsin.ports import registry

AHEAD_DAYS: Final = 90


def checks(schedule: str, *, now: datetime, days: int = AHEAD_DAYS) -> ScheduleChecks:
    """Of the `days` after `now`. Raises NotFound."""
    start = now.replace(second=0, microsecond=0)
    end = start + timedelta(days=days)
    made = book(since=start)
    plan = need(made, schedule)
    everybody = people_of(made, plan)
    is_holiday = _holidays(schedule)
    findings = check(
        made,
        (schedule,),
        start,
        end,
        beside=_sharing(made, schedule, everybody),
        reachable=registry.reach.deliverable(everybody),
        away=_away(everybody, start, end),
        is_holiday=is_holiday,
    )
    weight = load_of(made, plan, start, end, _zones(everybody), is_holiday)
    return ScheduleChecks(findings, coverage(made, plan, start, end), weight, start, end)


def load(schedule: str, start: datetime, end: datetime) -> Load:
    """Each person's share of [start, end), and how even it is. Raises NotFound."""
    made = book(since=start)
    plan = need(made, schedule)
    return load_of(made, plan, start, end, _zones(people_of(made, plan)), _holidays(schedule))


def _sharing(made: Book, schedule: str, everybody: Iterable[str]) -> tuple[str, ...]:
    """The other schedules that could have any of these people on call."""
    here = set(everybody)
    others = (name for name in made.names if name != schedule)
    return tuple(name for name in others if not here.isdisjoint(people_of(made, need(made, name))))


def _away(emails: Iterable[str], start: datetime, end: datetime) -> list[Away]:
    rows = Absence.objects.filter(user__email__in=tuple(emails), start__lt=end, end__gt=start)
    return [
        Away(email, begins, ends, note)
        for email, begins, ends, note in rows.values_list("user__email", "start", "end", "note")
    ]


def _zones(emails: Iterable[str]) -> dict[str, ZoneInfo]:
    return {one.email: parse_zone(one.timezone) for one in people.people(emails=emails)}


def _holidays(schedule: str) -> Callable[[date], bool]:
    """Those of the schedule's team; a schedule of no team has none."""
    row = Schedule.objects.filter(name=schedule).select_related("team").first()
    team = people.team(row.team.name) if row is not None and row.team else None
    return team.hours().is_holiday if team else _none


def _none(_day: date) -> bool:
    return False
