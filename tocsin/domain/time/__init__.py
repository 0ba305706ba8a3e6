"""Durations, wall-clock time and business hours: the only arithmetic on civil time in the product."""

from tocsin.domain.time.business import BusinessHours, known_country, next_business_day
from tocsin.domain.time.durations import format_duration, parse_duration
from tocsin.domain.time.wall import (
    WEEKDAYS,
    parse_weekday,
    parse_zone,
    to_instant,
    to_wall,
    zone_or_utc,
)

__all__ = [
    "WEEKDAYS",
    "BusinessHours",
    "format_duration",
    "known_country",
    "next_business_day",
    "parse_duration",
    "parse_weekday",
    "parse_zone",
    "to_instant",
    "to_wall",
    "zone_or_utc",
]
