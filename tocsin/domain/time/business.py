"""Business hours: when a team's office is open, and when it opens next."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib import import_module
from zoneinfo import ZoneInfo

from tocsin.domain.time.wall import to_instant, to_wall

_UTC = ZoneInfo("UTC")
_DAY = timedelta(days=1)
# Long enough for any run of holidays, short enough that hours which never open are found out at once.
_SEARCH_DAYS = 400


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """Open on `days` (Monday is 0) from `start` to `end`, wall time of `zone`; `end <= start` runs past
    midnight.
    """

    zone: ZoneInfo = _UTC
    days: frozenset[int] = frozenset({0, 1, 2, 3, 4})
    start: time = time(9)
    end: time = time(17)
    holidays: frozenset[date] = frozenset()
    country: str | None = None  # ISO 3166 code, with an optional region: "DE" or "DE-BY"

    def is_holiday(self, day: date) -> bool:
        return day in self.holidays or (self.country is not None and _is_public_holiday(self.country, day))

    def is_open(self, instant: datetime) -> bool:
        today = to_wall(instant, self.zone).date()
        return any(
            opening <= instant < closing
            for day in (today - _DAY, today)
            for opening, closing in self._openings(day, 1)
        )

    def next_opening(self, after: datetime) -> datetime | None:
        """The first opening strictly after the instant `after`, in UTC; None when the office never opens."""
        first = to_wall(after, self.zone).date()
        return next((o for o, _ in self._openings(first, _SEARCH_DAYS) if o > after), None)

    def closing(self, instant: datetime) -> datetime | None:
        """When the opening that holds `instant` ends, in UTC; None when the office is closed then."""
        today = to_wall(instant, self.zone).date()
        for day in (today - _DAY, today):
            for opening, closing in self._openings(day, 1):
                if opening <= instant < closing:
                    return closing
        return None

    def _openings(self, first: date, days: int) -> Iterator[tuple[datetime, datetime]]:
        for number in range(days):
            day = first + number * _DAY
            if day.weekday() not in self.days or self.is_holiday(day):
                continue
            until = day + _DAY if self.end <= self.start else day
            yield (
                to_instant(datetime.combine(day, self.start), self.zone),
                to_instant(datetime.combine(until, self.end), self.zone, last=True),
            )


def next_business_day(hours: BusinessHours, declared: datetime, ack_deadline: timedelta) -> datetime | None:
    """The first opening strictly after the acknowledgement deadline of what was declared at `declared`
    (UTC).
    """
    opening = hours.next_opening(declared + ack_deadline)
    return None if opening is None else opening.astimezone(UTC)


def known_country(code: str) -> bool:
    """Whether public holidays are known for a code such as `DE` or `DE-BY`."""
    try:
        _is_public_holiday(code, date(2024, 1, 1))
    except (NotImplementedError, KeyError):
        return False
    return True


@lru_cache(maxsize=16_384)
def _is_public_holiday(code: str, day: date) -> bool:
    country, _, region = code.upper().partition("-")
    return day in _calendar(country, region or None)


@lru_cache(maxsize=64)
def _calendar(country: str, region: str | None) -> Container[date]:
    # Loaded when somebody names a country: it takes longer than all else that "who is on call" needs.
    calendar: Container[date] = import_module("holidays").country_holidays(country, subdiv=region)
    return calendar
