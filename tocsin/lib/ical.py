"""iCalendar (RFC 5545) as text: written for those who subscribe, read from addresses that anybody may name.

What is read is not trusted: every series of events is worked out alone and within a bound of time, and one
that cannot be is named with the reason, so that nothing disappears in silence.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

import recurring_ical_events
from icalendar import Calendar, Component, Event
from icalendar.prop import vDuration

PRODID: Final = "-//Tocsin//On call//EN"
_REFRESH: Final = timedelta(minutes=15)
_MOST_COMPONENTS: Final = 20_000
_MOST_HAPPENINGS: Final = 10_000  # a few lines that repeat each hour are many
_TOO_OFTEN: Final = frozenset({"SECONDLY", "MINUTELY"})
_PRIVATE: Final = frozenset({"PRIVATE", "CONFIDENTIAL"})
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LONGEST_TEXT: Final = 2_000
_MOST_ATTENDEES: Final = 50


class UnreadableError(Exception):
    """Not a calendar that can be used; the text says what somebody could do about it."""


@dataclass(frozen=True)
class Entry:
    """One event to be served. Instants are aware and in UTC."""

    uid: str
    start: datetime
    end: datetime
    summary: str
    description: str
    url: str
    sequence: int
    changed_at: datetime
    cancelled: bool = False


@dataclass(frozen=True)
class Happening:
    """One event as it happens once. `start` and `end` are aware, or naive where the calendar leaves the zone
    to its reader, or days. `which` tells the repeats of one `uid` apart.
    """

    uid: str
    which: str
    summary: str
    description: str
    attendees: tuple[str, ...]
    organizer: str
    start: date
    end: date
    private: bool = False  # its words are for its owner's eyes


@dataclass(frozen=True)
class Broken:
    """An event, or a series of them, that cannot be understood."""

    uid: str
    summary: str
    start: date | None
    why: str


@dataclass(frozen=True)
class Reading:
    happenings: tuple[Happening, ...] = ()
    broken: tuple[Broken, ...] = ()


Bound = Callable[[], AbstractContextManager[object]]
"""Entered around each series; raises TimeoutError in it when it takes too long."""


def write(name: str, zone: str, entries: Iterable[Entry]) -> bytes:
    """A calendar to subscribe to. Events are in UTC, so it needs no definitions of zones."""
    calendar = Calendar()
    calendar.add("prodid", PRODID)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("name", name)  # RFC 7986; the next line is what everybody reads
    calendar.add("x-wr-calname", name)
    calendar.add("x-wr-timezone", zone)
    calendar.add("refresh-interval", vDuration(_REFRESH), parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT15M")
    for entry in entries:
        calendar.add_component(_event(entry))
    text: bytes = calendar.to_ical()
    return text


def _event(entry: Entry) -> Event:
    event = Event()
    event.add("uid", entry.uid)
    # The same for everybody who asks until it changes, so that an unchanged calendar is the same text.
    event.add("dtstamp", entry.changed_at)
    event.add("last-modified", entry.changed_at)
    event.add("sequence", entry.sequence)
    event.add("dtstart", entry.start)
    event.add("dtend", entry.end)
    event.add("summary", entry.summary)
    event.add("description", entry.description)
    event.add("url", entry.url)
    event.add("categories", ["On call"])
    event.add("status", "CANCELLED" if entry.cancelled else "CONFIRMED")
    # Somebody on call can still be asked to a meeting.
    event.add("transp", "TRANSPARENT")
    event.add("x-microsoft-cdo-busystatus", "FREE")
    return event


def read(body: bytes, start: datetime, end: datetime, bound: Bound = nullcontext) -> Reading:
    """What happens between `start` and `end`; raises UnreadableError."""
    text = _text(body)
    happenings: list[Happening] = []
    broken: list[Broken] = []
    for calendar in _calendars(text):
        zone = calendar.get("X-WR-TIMEZONE")
        for series in _series(calendar):
            why = ""
            try:
                with bound():
                    happenings.extend(tuple(series.between(start, end, zone)))
            except _CannotError as error:
                why = str(error)
            except TimeoutError:
                why = "how it repeats takes too long to work out"
            except Exception as error:  # noqa: BLE001 - whatever a parser meets, the other events count
                why = f"it cannot be understood ({error})"[:200]
            if len(happenings) > _MOST_HAPPENINGS:
                raise UnreadableError(
                    f"What repeats in the calendar happens more than {_MOST_HAPPENINGS} times. Use a smaller "
                    "calendar, for example one for this purpose only."
                )
            if why and not series.is_over(start.date()):
                broken.append(series.broken(why))
    return Reading(tuple(happenings), tuple(broken))


def _text(body: bytes) -> str:
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = body.decode("utf-16", errors="replace")
    else:
        try:
            text = body.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = body.decode("cp1252", errors="replace")
    text = _CONTROLS.sub("", text).strip()
    head = text[:2000].lower()
    if "<html" in head or "<!doctype" in head:
        raise UnreadableError(
            "The address answers with a web page, not with a calendar. Use the calendar's secret address in "
            "iCal format; it often ends in .ics."
        )
    if not head.startswith("begin:vcalendar"):
        raise UnreadableError(
            "What the address answers is no calendar: it does not begin with BEGIN:VCALENDAR."
        )
    if not text[-100:].upper().endswith("END:VCALENDAR"):
        # Half a calendar would look as if the other half had been deleted.
        raise UnreadableError("The calendar is cut off: it does not end with END:VCALENDAR.")
    count = len(re.findall(r"(?im)^BEGIN:VEVENT", text))
    if count != len(re.findall(r"(?im)^END:VEVENT", text)):
        raise UnreadableError("The calendar is damaged: not every event that begins in it ends.")
    if count > _MOST_COMPONENTS:
        raise UnreadableError(
            f"The calendar holds {count} events; {_MOST_COMPONENTS} can be read. Use a smaller calendar, for "
            "example one for this purpose only."
        )
    return text


def _calendars(text: str) -> list[Calendar]:
    try:
        found = Calendar.from_ical(text, multiple=True)
    except Exception as error:  # a parser of strangers' text may raise anything
        raise UnreadableError(f"The calendar cannot be read: {error}"[:300]) from error
    return list(found)


class _CannotError(Exception):
    pass


@dataclass
class _Series:
    """An event, how it repeats, and the repeats that were changed."""

    uid: str
    parts: list[Component] = field(default_factory=list)

    def between(self, start: datetime, end: datetime, zone: Any) -> Iterator[Happening]:
        for part in self.parts:
            _check(part)
        calendar = Calendar()
        if zone is not None:
            calendar.add("x-wr-timezone", zone)
        for part in self.parts:
            calendar.add_component(part)
        repeats = len(self.parts) > 1 or any(
            part.get(one) for part in self.parts for one in ("RRULE", "RDATE")
        )
        for found in recurring_ical_events.of(calendar).between(start, end):
            if str(found.get("STATUS", "")).upper() == "CANCELLED":
                continue
            original = found.get("RECURRENCE-ID")
            yield Happening(
                uid=self.uid,
                which=_stamp(original.dt) if repeats and original is not None else "",
                summary=_words(found, "SUMMARY"),
                description=_words(found, "DESCRIPTION"),
                attendees=_addresses(found, "ATTENDEE"),
                organizer=next(iter(_addresses(found, "ORGANIZER")), ""),
                start=found["DTSTART"].dt,
                end=found["DTEND"].dt,
                private=_is_private(found),
            )

    @property
    def _has_rule(self) -> bool:
        return any("RRULE" in part or "RDATE" in part for part in self.parts)

    def is_over(self, day: date) -> bool:
        """Whether nothing of it can be on `day` or later, as far as that can be told."""
        ends = [_moment(part.get("DTEND")) or _moment(part.get("DTSTART")) for part in self.parts]
        days = [end.date() if isinstance(end, datetime) else end for end in ends]
        return not self._has_rule and all(known is not None and known < day for known in days)

    @property
    def start(self) -> date | None:
        return _moment(self.parts[0].get("DTSTART"))

    def broken(self, why: str) -> Broken:
        first = self.parts[0]
        return Broken(
            self.uid, "(private)" if _is_private(first) else _words(first, "SUMMARY"), self.start, why
        )


def _series(calendar: Calendar) -> list[_Series]:
    """The events by UID. Some programs give several events one UID: each is then a series of its own."""
    found: dict[str, _Series] = {}
    changed: list[tuple[str, Component]] = []
    for event in calendar.walk("VEVENT"):
        start = _moment(event.get("DTSTART"))
        uid = str(event.get("UID", "")) or f"{_words(event, 'SUMMARY')} {start}"
        if event.get("RECURRENCE-ID") is not None:
            changed.append((uid, event))
            continue
        others = [found[key] for key in (uid, f"{uid} {start}") if key in found]
        known = next((one for one in others if start and one.start == start), None)
        if known is not None:
            if _sequence(event) >= _sequence(known.parts[0]):
                known.parts[0] = event
            continue
        key = f"{uid} {start or len(found)}" if uid in found else uid
        found[key] = _Series(key, [event])
    for uid, event in changed:
        found.setdefault(uid, _Series(uid)).parts.append(event)
    return list(found.values())


def _check(event: Component) -> None:
    """Raise for what the libraries would pass over, guess, or never finish."""
    start = _moment(event.get("DTSTART"))
    if start is None:
        raise _CannotError("its start cannot be read")
    if event.get("DTEND") is not None:
        _check_end(start, _moment(event.get("DTEND")))
    length = getattr(event.get("DURATION"), "dt", None)
    if isinstance(length, timedelta) and length < timedelta(0):
        raise _CannotError("it ends before it starts")
    for name in ("DTSTART", "DTEND"):
        value = event.get(name)
        zone = value.params.get("TZID") if value is not None else None
        if zone and isinstance(value.dt, datetime) and value.dt.tzinfo is None:
            raise _CannotError(f"its time zone “{zone}” is not known")
    _check_repeats(event)


def _check_end(start: date, end: date | None) -> None:
    if end is None:
        raise _CannotError("its end cannot be read")
    if isinstance(start, datetime) != isinstance(end, datetime):
        raise _CannotError("it starts on a day but ends at a time, or the other way round")
    if _before(end, start):
        raise _CannotError("it ends before it starts")


def _check_repeats(event: Component) -> None:
    if {name for name, _ in event.errors} & {"RRULE", "RDATE", "EXDATE"}:
        raise _CannotError("how it repeats cannot be read")
    rules = event.get("RRULE")
    for rule in rules if isinstance(rules, list) else [rules]:
        if rule is not None and _TOO_OFTEN & {str(one).upper() for one in rule.get("FREQ", [])}:
            raise _CannotError("it repeats by the minute or the second, which is no time to be on call")


def _before(one: date, other: date) -> bool:
    if isinstance(one, datetime) and isinstance(other, datetime):
        if (one.tzinfo is None) != (other.tzinfo is None):
            return False
        return one < other
    return one < other


def _moment(value: Any) -> date | None:
    try:
        found = value.dt
    except (AttributeError, ValueError):  # absent, or broken
        return None
    return found if isinstance(found, date) else None


def _stamp(moment: date) -> str:
    return moment.isoformat()


def _sequence(event: Component) -> int:
    try:
        return int(event.get("SEQUENCE", 0))
    except (TypeError, ValueError):
        return 0


def _is_private(event: Component) -> bool:
    return str(event.get("CLASS", "")).upper() in _PRIVATE


def _words(event: Component, name: str) -> str:
    value = event.get(name, "")
    first = value[0] if isinstance(value, list) and value else value
    return str(first or "")[:_LONGEST_TEXT].strip()


def _addresses(event: Component, name: str) -> tuple[str, ...]:
    """E-mails in lower case, without those who declined."""
    value = event.get(name, [])
    several = value if isinstance(value, list) else [value]
    return tuple(
        str(one).strip().lower().removeprefix("mailto:")
        for one in several[:_MOST_ATTENDEES]
        if str(getattr(one, "params", {}).get("PARTSTAT", "")).upper() != "DECLINED"
    )
