"""Reading what a form sent. Meaning is checked by the actions; these turn text into values."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from tocsin.apps.identity import queries as identity
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.escalation.model import ScheduleWho, Target, TargetKind, TeamWho
from tocsin.domain.severity import Severity, Urgency
from tocsin.domain.time import parse_zone, to_instant

# Of a target: who of it, when nothing more is said.
_WHOM: Mapping[str, str] = {
    TargetKind.USER: "",
    TargetKind.TEAM: TeamWho.MEMBERS,
    TargetKind.SCHEDULE: ScheduleWho.CURRENT,
}
YEARS = range(1970, 2200)


def text(data: QueryDict, field: str, *, required: bool = False) -> str:
    value = data.get(field, "").replace("\0", "").strip()  # which the database cannot hold
    if required and not value:
        raise Invalid(FieldError(field, "Please fill this in."))
    return value


def severity(data: QueryDict, field: str = "severity") -> Severity:
    value = text(data, field, required=True)
    try:
        return Severity(value)
    except ValueError:
        raise Invalid(FieldError(field, f"“{value}” is not a severity.")) from None


def severity_map(data: QueryDict, field: str = "severity_map") -> Mapping[str, Severity]:
    """One word a line: `critical: SEV1`."""
    found: dict[str, Severity] = {}
    for number, line in enumerate(data.get(field, "").splitlines(), 1):
        if not line.strip():
            continue
        word, _, value = (part.strip() for part in line.rpartition(":"))
        try:
            found[word] = Severity(value.upper())
        except ValueError:
            raise Invalid(FieldError(field, f"Line {number}: “{value}” is not a severity.")) from None
        if not word:
            raise Invalid(
                FieldError(field, f"Line {number}: expected a word of the tool, as in “page: SEV1”.")
            )
    return found


def local_time(data: QueryDict, field: str) -> datetime | None:
    """A `datetime-local` field, read in the reader's zone: the profile's, else the browser's (parts/zone.html
    sends it), else UTC.
    """
    value = text(data, field)
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise Invalid(FieldError(field, f"“{value}” is not a date and time.")) from None
    if moment.year not in YEARS:
        raise Invalid(FieldError(field, f"“{value}” is too far from today."))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=_zone_here(data))
    return moment


def _zone_here(data: QueryDict) -> ZoneInfo:
    try:
        return parse_zone(data.get("here", ""))
    except ValueError:
        return ZoneInfo(str(timezone.get_current_timezone()))


def instant(text: str, zone: ZoneInfo) -> datetime:
    """A wall time of `zone`, an instant with its offset, or (as links have it) seconds since 1970. Raises
    ValueError, also for a year that nobody plans for.
    """
    if text.isascii() and text.isdecimal():
        moment = datetime.fromtimestamp(int(text[:11]), UTC)
    else:
        moment = datetime.fromisoformat(text)
    if moment.year not in YEARS:
        raise ValueError("no year to plan for")
    return moment.astimezone(UTC) if moment.tzinfo else to_instant(moment, zone)


def own_address(wanted: str) -> str:
    """An address to come back to, when it is one of ours; else nothing."""
    return wanted if url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) else ""


def minutes(data: QueryDict, field: str, *, most: timedelta) -> timedelta:
    value = text(data, field, required=True)
    if not value.isdecimal() or not timedelta(0) < timedelta(minutes=int(value[:6])) <= most:
        raise Invalid(FieldError(field, "Please choose a length of time."))
    return timedelta(minutes=int(value))


def urgency(data: QueryDict, field: str = "urgency") -> Urgency:
    """High, where nothing is said."""
    try:
        return Urgency(text(data, field) or Urgency.HIGH)
    except ValueError:
        raise Invalid(FieldError(field, "Please choose high or low.")) from None


def target(data: QueryDict) -> Target:
    """`user:E-MAIL`, `team:NAME` or `schedule:NAME`."""
    kind, _, name = text(data, "target", required=True).partition(":")
    if kind not in _WHOM or not name:
        raise Invalid(FieldError("target", "Please choose a person, a team or a schedule."))
    return Target(TargetKind(kind), name, _WHOM[kind])


def person(value: str, field: str) -> str:
    """The e-mail of whom a form names, by address or by name; "" for nobody."""
    asked = value.replace("\0", "").strip()
    if not asked or "@" in asked:
        return asked.lower()
    known = [each.email for each in identity.people() if each.label.lower() == asked.lower()]
    if len(known) != 1:
        why = "There are several of that name" if known else f"Nobody is called “{asked}”"
        raise Invalid(FieldError(field, f"{why}: please give the e-mail address."))
    return known[0]


def errors_of(error: Invalid) -> Mapping[str, str]:
    """By field, for a form to show beside its inputs."""
    return {each.field: each.message for each in error.errors}
