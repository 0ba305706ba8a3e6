"""Silences, maintenance windows, inhibitions and storm mode: read from their form, and written as it."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from tocsin.domain.configuration import reader
from tocsin.domain.configuration.model import UTC_ZONE, Silence
from tocsin.domain.configuration.reader import Cursor, Fields
from tocsin.domain.configuration.routes import read_matchers
from tocsin.domain.suppression import Inhibition, Span, Storm, check_rule
from tocsin.domain.suppression.silences import too_broad
from tocsin.domain.time import format_duration, to_instant

Form = dict[str, Any]

LONGEST: Final = timedelta(days=366)
_FEWEST: Final = 2
_MOST: Final = 100_000
_SECOND: Final = timedelta(seconds=1)
_DAY: Final = timedelta(days=1)


def read_silence(cursor: Cursor) -> Silence | None:
    fields = cursor.table()
    if fields is None:
        return None
    name = fields.need("name", reader.name, "a name that no other has")
    zone = fields.get("timezone", reader.zone) or UTC_ZONE
    matchers = read_matchers(fields, "match")
    services = tuple(dict.fromkeys(fields.many("services", reader.name)))
    start = fields.need("start", reader.moment, "when it begins, such as 2026-12-01T02:00")
    comment = fields.get("comment", reader.text) or ""
    notice = fields.get("notice", reader.duration)
    span = _read_span(fields, start, zone)
    rrule = _read_rule(fields, span, zone)
    fields.finish()
    if not services and too_broad(matchers):
        cursor.fail("it would hold every alert there is: name a label's value in `match`, or `services`")
        return None
    if span is None or name is None or rrule is None:
        return None
    at = fields.at("notice")
    if notice is not None and at is not None and not timedelta(0) < notice < span.end - span.start:
        at.fail("expected a time shorter than it lasts, such as 30m")
        return None
    return Silence(name, span.start, span.end, matchers, services, rrule, zone, comment, notice)


def _read_span(fields: Fields, start: datetime | None, zone: ZoneInfo) -> Span | None:
    end, lasts = fields.get("end", reader.moment), fields.get("for", reader.duration)
    if fields.has("end") == fields.has("for"):
        fields.cursor.fail("expected either `end`, or `for` and a duration such as 2h")
        return None
    if start is None or (end is None and lasts is None):
        return None
    begins = _instant(start, zone)
    # A length is of the clock on the wall, as its recurrence is.
    ends = _instant(start + lasts, zone) if lasts is not None else _instant(end or start, zone)
    at = fields.at("end") or fields.at("for")
    if at is not None and not timedelta(0) < ends - begins <= LONGEST:
        at.fail("expected a time after the start, at most a year later")
        return None
    return Span(begins, ends)


def _read_rule(fields: Fields, span: Span | None, zone: ZoneInfo) -> str | None:
    """ "" where none is said; None where it is wrong."""
    at = fields.at("rrule")
    if at is None or span is None:
        return ""
    return at.parsed("a rule such as FREQ=WEEKLY;BYDAY=SU", lambda raw: check_rule(raw, span, zone))


def _instant(moment: datetime, zone: ZoneInfo) -> datetime:
    return to_instant(moment, zone) if moment.tzinfo is None else moment.astimezone(UTC)


def silence_form(silence: Silence) -> Form:
    zone, notice = silence.zone, silence.notice
    values: Form = {
        "match": [str(matcher) for matcher in silence.matchers] or None,
        "services": list(silence.services) or None,
        # With their offset, so that an hour that the clocks repeat is told apart.
        "start": silence.start.astimezone(zone).isoformat(timespec="minutes"),
        "end": silence.end.astimezone(zone).isoformat(timespec="minutes"),
        "rrule": silence.rrule or None,
        "timezone": zone.key if zone.key != "UTC" else None,
        "comment": silence.comment or None,
        "notice": None if notice is None else format_duration(notice),
    }
    return {"name": silence.name} | {key: value for key, value in values.items() if value is not None}


def read_inhibitions(cursor: Cursor) -> tuple[Inhibition, ...] | None:
    found: dict[str, Inhibition] = {}
    for item in cursor.items():
        one = _read_inhibition(item)
        if one is None:
            continue
        if one.name in found:
            item.fail(f"{one.name!r} is the name of another inhibition")
        found[one.name] = one
    return tuple(found.values())


def _read_inhibition(cursor: Cursor) -> Inhibition | None:
    fields = cursor.table()
    if fields is None:
        return None
    name = fields.need("name", reader.name, "a name that no other has")
    sides = {key: read_matchers(fields, key) for key in ("source", "target")}
    equal = tuple(dict.fromkeys(fields.many("equal", reader.name)))
    fields.finish()
    wrong = False
    for key, what in (("source", "alerts that hold others"), ("target", "alerts that are held")):
        if too_broad(sides[key]):
            (fields.at(key) or cursor).fail(
                f"expected matchers in `{key}` that tell the {what} from the rest"
            )
            wrong = True
    return None if wrong or name is None else Inhibition(name, sides["source"], sides["target"], equal)


def inhibition_form(rule: Inhibition) -> Form:
    form: Form = {
        "name": rule.name,
        "source": [str(matcher) for matcher in rule.source],
        "target": [str(matcher) for matcher in rule.target],
    }
    return form | ({"equal": list(rule.equal)} if rule.equal else {})


def inhibitions_form(rules: tuple[Inhibition, ...]) -> list[Form]:
    return [inhibition_form(rule) for rule in rules]


def read_storm(cursor: Cursor) -> Storm | None:
    fields = cursor.table()
    if fields is None:
        return None
    alerts = fields.need("alerts", reader.whole(_FEWEST, _MOST), "how many new alerts, such as 200")
    within = fields.need("within", reader.duration, "in how long, such as 5m")
    fields.finish()
    at = fields.at("within")
    if within is not None and at is not None and not _SECOND <= within <= _DAY:
        at.fail("expected 1s to 1d")
        return None
    return None if alerts is None or within is None else Storm(alerts, within)


def storm_form(storm: Storm) -> Form:
    return {"alerts": storm.alerts, "within": format_duration(storm.within)}
