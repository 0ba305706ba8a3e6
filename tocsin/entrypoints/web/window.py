"""The part of time that a schedule's page shows, in which zone; all of it is in the address of the page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from tocsin.domain.time import parse_zone, to_instant

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_EARLIEST, _LATEST = date(1990, 1, 1), date(2150, 1, 1)
_SATURDAY = 5


class Span(StrEnum):
    WEEK = "week"
    TWO_WEEKS = "2weeks"
    MONTH = "month"

    @property
    def words(self) -> str:
        return {Span.WEEK: "Week", Span.TWO_WEEKS: "2 weeks", Span.MONTH: "Month"}[self]


@dataclass(frozen=True)
class Day:
    """One column; `x` and `width` in percent of the strip, `note` where it has not 24 hours."""

    day: date
    x: float
    width: float
    note: str
    today: bool

    @property
    def weekend(self) -> bool:
        return self.day.weekday() >= _SATURDAY


@dataclass(frozen=True)
class Window:
    """From the midnight that begins `first` to the one that begins `last`, in `zone`."""

    first: date
    last: date
    zone: ZoneInfo
    now: datetime
    span: Span = Span.WEEK
    home: str = ""  # the zone that need not be said in the address

    @cached_property
    def start(self) -> datetime:
        return to_instant(datetime.combine(self.first, time()), self.zone)

    @cached_property
    def end(self) -> datetime:
        return to_instant(datetime.combine(self.last, time()), self.zone)

    def x(self, moment: datetime) -> float:
        """Where `moment` lies, in percent; by real time, so that a day of 23 hours is narrower."""
        share = (moment - self.start) / (self.end - self.start)
        return round(min(max(share, 0.0), 1.0) * 100, 3)

    @property
    def now_x(self) -> float | None:
        return self.x(self.now) if self.start <= self.now < self.end else None

    @property
    def days(self) -> Iterator[Day]:
        today = self.now.astimezone(self.zone).date()
        day = self.first
        while day < self.last:
            begins, ends = (to_instant(datetime.combine(one, time()), self.zone) for one in (day, day + _DAY))
            x, hours = self.x(begins), (ends - begins) / timedelta(hours=1)
            note = "" if hours == 24 else f"{hours:g} h"  # noqa: PLR2004  (a day's)
            if hours:
                yield Day(day, x, round(self.x(ends) - x, 3), note, day == today)
            day += _DAY

    @property
    def hours(self) -> tuple[float, ...]:
        """The ticks within days: each sixth hour of a week, noon of two, none of a month."""
        every = {Span.WEEK: (6, 12, 18), Span.TWO_WEEKS: (12,)}.get(self.span, ())
        days = ((self.last - self.first).days) if every else 0
        walls = (
            datetime.combine(self.first + timedelta(days=n), time(hour))
            for n in range(days)
            for hour in every
        )
        return tuple(self.x(to_instant(wall, self.zone)) for wall in walls)

    @property
    def title(self) -> str:
        if self.span is Span.MONTH and self.first.day == self.last.day == 1:
            return f"{self.first:%B %Y}"
        last = self.last - _DAY
        if (self.first.year, self.first.month) == (last.year, last.month):
            return f"{self.first.day}–{last.day} {last:%B %Y}"
        year = "" if self.first.year == last.year else f" {self.first:%Y}"
        return f"{self.first.day} {self.first:%b}{year} – {last.day} {last:%b %Y}"

    def said(self, moment: datetime) -> str:
        """`Mon 23 Nov, 09:00` in the zone of the page."""
        wall = moment.astimezone(self.zone)
        return f"{wall:%a} {wall.day} {wall:%b, %H:%M}"

    def stretch(self, start: datetime, end: datetime) -> str:
        """From–until in few words."""
        one, other = start.astimezone(self.zone), end.astimezone(self.zone)
        until = f"{other:%H:%M}" if one.date() == other.date() else self.said(end)
        return f"{self.said(start)} – {until}"

    def query(self, **changed: str) -> str:
        values = {"span": self.span.value, "from": self.first.isoformat(), "zone": self.zone.key} | changed
        if values["zone"] == self.home:
            values.pop("zone")
        if not values["from"]:
            values.pop("from")
        return "?" + urlencode(values)

    @property
    def here(self) -> str:
        return self.query()

    @property
    def before(self) -> str:
        return self.query(**{"from": _shifted(self.first, self.span, -1).isoformat()})

    @property
    def after(self) -> str:
        return self.query(**{"from": _shifted(self.first, self.span, 1).isoformat()})

    @property
    def today(self) -> str:
        return self.query(**{"from": ""})

    @property
    def spans(self) -> tuple[tuple[Span, str], ...]:
        # Of a window that holds today the other spans begin with today as well, not with its first day.
        holds = self.start <= self.now < self.end
        return tuple((span, self.query(span=span, **({"from": ""} if holds else {}))) for span in Span)


def asked(values: Mapping[str, str], home: str, mine: str, now: datetime) -> Window:
    """What the address says; nonsense falls back to this week in the zone of the schedule. `home` is that
    zone, `mine` the reader's ("": not known).
    """
    name = values.get("zone", "") or home
    try:
        zone = parse_zone(mine if name == "mine" and mine else name)
    except ValueError:
        zone = parse_zone(home)
    span = next((one for one in Span if one == values.get("span")), Span.WEEK)
    today = now.astimezone(UTC).astimezone(zone).date()
    try:
        day = date.fromisoformat(values.get("from", ""))
    except ValueError:
        day = today
    if not _EARLIEST <= day <= _LATEST:
        day = today
    first = day.replace(day=1) if span is Span.MONTH else day - timedelta(days=day.weekday())
    return Window(first, _shifted(first, span, 1), zone, now, span, home)


def plain(first: date, days: int, zone: ZoneInfo, now: datetime) -> Window:
    """A strip of so many days, as for a preview."""
    span = Span.WEEK if days <= _WEEK.days else Span.TWO_WEEKS if days <= 2 * _WEEK.days else Span.MONTH
    return Window(first, first + timedelta(days=days), zone, now, span)


def _shifted(first: date, span: Span, count: int) -> date:
    if span is Span.MONTH:
        months = first.year * 12 + first.month - 1 + count
        return date(months // 12, months % 12 + 1, 1)
    return first + count * (_WEEK if span is Span.WEEK else 2 * _WEEK)
