from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from tocsin.domain.permissions import Role
from tocsin.domain.time.business import BusinessHours
from tocsin.domain.time.wall import parse_weekday, parse_zone


@dataclass(frozen=True)
class Person:
    id: int
    email: str
    name: str
    timezone: str
    role: Role
    state: str  # invited | active | left
    from_file: bool

    @property
    def label(self) -> str:
        return self.name or self.email


@dataclass(frozen=True)
class TeamInfo:
    """`holidays` holds ISO dates, or one country code. People who left are not in it."""

    id: int
    name: str
    description: str
    lead: Person | None
    manager: Person | None
    members: tuple[Person, ...]
    admins: tuple[str, ...]  # e-mails of the members who administer the team
    business_hours: dict[str, Any] | None
    holidays: tuple[str, ...]
    from_file: bool

    def hours(self) -> BusinessHours:
        """When the team's office is open: as set, else Mon-Fri 09:00-17:00 in the lead's zone, else UTC."""
        return business_hours(
            self.business_hours, self.holidays, zone=self.lead.timezone if self.lead else "UTC"
        )


@dataclass(frozen=True)
class TokenInfo:
    id: int
    name: str
    prefix: str
    role: Role
    created_by: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


def business_hours(
    stored: dict[str, Any] | None, holidays: tuple[str, ...] = (), *, zone: str = "UTC"
) -> BusinessHours:
    """The value of a stored `{timezone, days, start, end}`; what it lacks is Mon-Fri, 09:00, 17:00, `zone`.

    Raises ValueError with what was expected.
    """
    form = stored or {}
    default = BusinessHours()
    days = form.get("days")
    return BusinessHours(
        zone=parse_zone(str(form.get("timezone") or zone)),
        days=frozenset(parse_weekday(str(day)) for day in days) if days else default.days,
        start=time.fromisoformat(str(form["start"])) if form.get("start") else default.start,
        end=time.fromisoformat(str(form["end"])) if form.get("end") else default.end,
        holidays=frozenset(date.fromisoformat(day) for day in holidays if _is_date(day)),
        country=next((day for day in holidays if not _is_date(day)), None),
    )


def _is_date(text: str) -> bool:
    return text[:1].isdigit()
