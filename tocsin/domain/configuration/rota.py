"""Rotations and schedules: read from their configuration form, and written as it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from tocsin.domain.configuration import reader
from tocsin.domain.configuration.nodes import Scalar
from tocsin.domain.configuration.reader import Cursor, Fields
from tocsin.domain.schedule import (
    PRIMARY,
    Advance,
    DayWindow,
    Layer,
    OverrideKind,
    Participant,
    Restriction,
    Unit,
    WeekSpan,
)
from tocsin.domain.schedule.definition import (
    DEFAULT_HANDOFF,
    OverrideDefinition,
    RotationDefinition,
    ScheduleDefinition,
)
from tocsin.domain.time import WEEKDAYS, format_duration, parse_weekday

Form = dict[str, Any]

_LONGEST_TURN: Final = 9000
_LONGEST_DELAY: Final = 3660
_LAST_OF_MONTH: Final = 31
_DATE_LENGTH: Final = len("2024-08-05")
LONGEST_OVERRIDE: Final = timedelta(days=800)
_LONGEST_READINESS: Final = timedelta(days=1)
_MIDNIGHT: Final = time(0)
_EVERY_DAY: Final = tuple(range(7))


def read_rotation(cursor: Cursor) -> RotationDefinition | None:
    fields = cursor.table()
    if fields is None:
        return None
    name = fields.need("name", reader.name, "the rotation's name")
    unit = fields.get("type", reader.choice(Unit))
    handoff_time = fields.get("handoff_time", reader.clock_time)
    handoff_day = _read_handoff_day(fields, unit)
    start, start_date = _read_start(fields, handoff_time, handoff_day)
    until = fields.get("until", reader.naive)
    if start is not None and until is not None and until <= start:
        cursor.fail("`until` is not after `start`")
    participants = fields.at("participants")
    restrictions = fields.at("restrictions")
    definition = RotationDefinition(
        name=name or "",
        unit=unit,
        every=fields.get("every", reader.whole(1, _LONGEST_TURN)),
        start=start,
        start_date=start_date,
        handoff_time=handoff_time,
        handoff_day=handoff_day,
        until=until,
        zone=fields.get("timezone", reader.zone),
        participants=None if participants is None else participants.list_of(_read_participant),
        advance=fields.get("advance", reader.choice(Advance)),
        restrictions=None if restrictions is None else restrictions.list_of(_read_restriction),
        role=fields.get("role", reader.name) or PRIMARY,
        follows=fields.get("follows", reader.name),
        start_delay=fields.get("start_delay", _read_delay),
        ring_offset=fields.get("ring_offset", reader.whole(0, 999_999)),
    )
    fields.finish()
    if participants is not None and not definition.participants:
        participants.fail("expected at least one participant")
    return definition if name else None


def _read_delay(cursor: Cursor) -> int | None:
    """Days, as the number alone or as `7d`."""
    text = cursor.scalar("a number of days such as 7")
    if text is None:
        return None
    digits = text.removesuffix("d").strip()
    if not digits.isdecimal() or not int(digits) <= _LONGEST_DELAY:
        cursor.fail(f"expected a number of days such as 7, found {text[:80]!r}")
        return None
    return int(digits)


def _read_handoff_day(fields: Fields, unit: Unit | None) -> int | None:
    """A day of the week; for monthly rotations a day of the month."""
    at = fields.at("handoff_day")
    if at is None:
        return None
    if unit is Unit.MONTHLY:
        return reader.whole(1, _LAST_OF_MONTH)(at)
    return reader.weekday(at)


def _read_start(
    fields: Fields, clock: time | None, handoff_day: int | None
) -> tuple[datetime | None, date | None]:
    """The start, complete or (when it says no time and nothing else does) only its date."""
    at = fields.at("start")
    if at is None:
        return None, None
    start = reader.naive(at)
    if start is None:
        return None, None
    if isinstance(at.node, Scalar) and len(at.node.text.strip()) == _DATE_LENGTH:
        if clock is None:
            return None, start.date()
        start = datetime.combine(start, clock)
    elif clock is not None and start.time() != clock:
        at.fail(
            f"says {start:%H:%M} where handoff_time says {clock:%H:%M}; expected one of them, or both alike"
        )
    if handoff_day is not None and handoff_day not in {start.weekday(), start.day}:
        at.fail("does not fall on the handoff_day beside it; expected one of them, or both alike")
    return start, None


def follow_the_one_before(definitions: Iterable[RotationDefinition]) -> list[RotationDefinition]:
    """In the order of one file: a rotation that does not say all follows the one before it; the first, which
    has none before it, takes the defaults. Said once here, so that the order means nothing afterwards.
    """
    done: list[RotationDefinition] = []
    for entry in definitions:
        definition = entry
        if not entry.is_whole and entry.follows is None:
            if done:
                definition = replace(entry, follows=done[-1].name)
            elif entry.participants is not None:
                definition = replace(
                    entry,
                    zone=entry.zone or ZoneInfo("UTC"),
                    handoff_time=entry.handoff_time
                    if entry.start is not None or entry.handoff_time is not None
                    else DEFAULT_HANDOFF,
                )
        done.append(definition)
    return done


def rotation_form(definition: RotationDefinition) -> Form:
    values: Form = {
        "type": definition.unit and str(definition.unit),
        "every": definition.every,
        "start": _start_form(definition),
        "handoff_time": definition.handoff_time and f"{definition.handoff_time:%H:%M}",
        "handoff_day": _handoff_day_form(definition),
        "until": definition.until and f"{definition.until:%Y-%m-%dT%H:%M}",
        "timezone": definition.zone and definition.zone.key,
        "participants": definition.participants
        and [_participant_form(one) for one in definition.participants],
        "advance": definition.advance and str(definition.advance),
        "role": definition.role if definition.role != PRIMARY else None,
        "follows": definition.follows,
        "start_delay": definition.start_delay,
        "ring_offset": definition.ring_offset,
    }
    if definition.restrictions is not None:
        values["restrictions"] = [_restriction_form(entry) for entry in definition.restrictions]
    return {"name": definition.name} | {key: value for key, value in values.items() if value is not None}


def _start_form(definition: RotationDefinition) -> str | None:
    if definition.start is not None:
        return f"{definition.start:%Y-%m-%dT%H:%M}"
    return None if definition.start_date is None else definition.start_date.isoformat()


def _handoff_day_form(definition: RotationDefinition) -> str | int | None:
    day = definition.handoff_day
    return day if day is None or definition.unit is Unit.MONTHLY else WEEKDAYS[day]


def _read_participant(cursor: Cursor) -> Participant | None:
    """`{user: …}`, `{group: […]}` or `{unassigned: true}`; a bare e-mail address is a user."""
    if isinstance(cursor.node, Scalar):
        email = reader.email(cursor)
        return None if email is None else Participant((email,))
    fields = cursor.table()
    if fields is None:
        return None
    given = [key for key in ("user", "group", "unassigned") if fields.has(key)]
    user = fields.get("user", reader.email)
    group = fields.many("group", reader.email)
    unassigned = fields.get("unassigned", reader.flag)
    fields.finish()
    if len(given) != 1 or (given == ["unassigned"] and unassigned is False):
        cursor.fail("expected one of `user: EMAIL`, `group: [EMAIL, …]` or `unassigned: true`")
        return None
    if unassigned:
        return Participant(())
    people = group if user is None else (user,)
    if given == ["group"] and not people:
        cursor.fail("expected at least one person in the group")
    return Participant(tuple(dict.fromkeys(people))) if people else None


def _participant_form(participant: Participant) -> Form:
    if not participant.people:
        return {"unassigned": True}
    if len(participant.people) == 1:
        return {"user": participant.people[0]}
    return {"group": list(participant.people)}


def _read_restriction(cursor: Cursor) -> Restriction | None:
    fields = cursor.table()
    if fields is None:
        return None
    if fields.has("from") or fields.has("to"):
        opens = fields.need("from", _read_week_time, "a point of the week such as fri 17:00")
        closes = fields.need("to", _read_week_time, "a point of the week such as mon 09:00")
        fields.finish()
        return WeekSpan(*opens, *closes) if opens and closes else None
    days = fields.many("days", reader.weekday)
    start, end = fields.get("start", reader.clock_time), fields.get("end", reader.clock_time)
    if not (fields.has("days") or fields.has("start") or fields.has("end")):
        cursor.fail("expected `days`, `start` and `end`, or `from` and `to`")
    fields.finish()
    return DayWindow(
        tuple(sorted(set(days))) or _EVERY_DAY,
        _MIDNIGHT if start is None else start,
        _MIDNIGHT if end is None else end,
    )


def _read_week_time(cursor: Cursor) -> tuple[int, time] | None:
    def parse(raw: str) -> tuple[int, time]:
        day, _, clock = raw.partition(" ")
        return parse_weekday(day), reader.parse_clock(clock.strip()) if clock else _MIDNIGHT

    return cursor.parsed("a point of the week such as fri 17:00", parse)


def _restriction_form(restriction: Restriction) -> Form:
    if isinstance(restriction, DayWindow):
        return {
            "days": [WEEKDAYS[day] for day in restriction.days],
            "start": f"{restriction.start:%H:%M}",
            "end": f"{restriction.end:%H:%M}",
        }
    return {
        "from": f"{WEEKDAYS[restriction.from_day]} {restriction.from_time:%H:%M}",
        "to": f"{WEEKDAYS[restriction.to_day]} {restriction.to_time:%H:%M}",
    }


def read_schedule(cursor: Cursor) -> ScheduleDefinition | None:
    fields = cursor.table()
    if fields is None:
        return None
    name = fields.need("name", reader.name, "the schedule's name")
    if not fields.has("layers"):
        cursor.fail("'layers' is missing: expected [{rotation: NAME, priority: 1}, …]")
    definition = ScheduleDefinition(
        name=name or "",
        zone=fields.get("timezone", reader.zone),
        layers=fields.many("layers", _read_layer),
        fallback=tuple(dict.fromkeys(fields.many("fallback", reader.email))),
        overrides=fields.many("overrides", read_override),
        team=fields.get("team", reader.name),
        readiness=fields.get("readiness", _read_readiness),
        swap_approval=bool(fields.get("swap_approval", reader.flag)),
    )
    fields.finish()
    return definition if name else None


def _read_readiness(cursor: Cursor) -> timedelta | None:
    """A duration up to a day, or `off`."""
    text = cursor.scalar("a time such as 1h, or off")
    if text is None or text.strip().lower() in {"off", "false"}:
        return None if text is None else timedelta(0)
    ahead = reader.duration(cursor)
    if ahead is not None and ahead > _LONGEST_READINESS:
        cursor.fail("expected at most a day before the shift")
        return None
    return ahead


def _read_layer(cursor: Cursor) -> Layer | None:
    if isinstance(cursor.node, Scalar):
        rotation = reader.name(cursor)
        return None if rotation is None else Layer(rotation)
    fields = cursor.table()
    if fields is None:
        return None
    rotation = fields.need("rotation", reader.name, "the name of a rotation")
    priority = fields.get("priority", reader.whole(-_LONGEST_TURN, _LONGEST_TURN))
    role = fields.get("role", reader.name)
    fields.finish()
    return Layer(rotation, priority or 0, role) if rotation else None


def read_override(cursor: Cursor) -> OverrideDefinition | None:
    fields = cursor.table()
    if fields is None:
        return None
    start = fields.need("start", reader.moment, "when it begins")
    end = fields.need("end", reader.moment, "when it ends")
    kind = fields.get("kind", reader.choice(OverrideKind))
    user, replaces = fields.get("user", reader.email), fields.get("replaces", reader.email)
    fields.finish()
    if kind is None:
        kind = OverrideKind.OVERRIDE if replaces is None else OverrideKind.REPLACE
    if kind is OverrideKind.REMOVE and user is not None:
        cursor.fail(
            "`remove` puts nobody on call; expected `replaces: EMAIL` to say who is taken off, not `user`"
        )
    elif kind is not OverrideKind.REMOVE and user is None and not fields.has("user"):
        cursor.fail("'user' is missing: expected who is on call instead")
    if replaces is not None and kind in {OverrideKind.OVERRIDE, OverrideKind.ADD}:
        cursor.fail(f"`replaces` goes with kind `replace` or `remove`, not `{kind}`")
    if start is None or end is None:
        return None
    if (start.tzinfo is None) == (end.tzinfo is None) and end <= start:
        cursor.fail("`end` is not after `start`")
        return None
    if end.replace(tzinfo=None) - start.replace(tzinfo=None) > LONGEST_OVERRIDE:
        cursor.fail(f"an override lasts at most {LONGEST_OVERRIDE.days} days")
        return None
    return OverrideDefinition(start, end, kind, user, replaces)


def schedule_form(definition: ScheduleDefinition) -> Form:
    values: Form = {
        "team": definition.team,
        "timezone": definition.zone and definition.zone.key,
        "layers": [_layer_form(layer) for layer in definition.layers],
        "fallback": list(definition.fallback) or None,
        "overrides": [override_form(entry) for entry in definition.overrides] or None,
        "readiness": None if definition.readiness is None else format_duration(definition.readiness),
        "swap_approval": definition.swap_approval or None,
    }
    return {"name": definition.name} | {key: value for key, value in values.items() if value is not None}


def _layer_form(layer: Layer) -> Form:
    form: Form = {"rotation": layer.rotation, "priority": layer.priority}
    return form if layer.role is None else form | {"role": layer.role}


def override_form(override: OverrideDefinition) -> Form:
    form: Form = {
        "start": override.start.isoformat(timespec="minutes"),
        "end": override.end.isoformat(timespec="minutes"),
    }
    if override.kind is not OverrideKind.OVERRIDE:
        form["kind"] = str(override.kind)
    named = (("replaces", override.replaces), ("user", override.user))
    return form | {key: value for key, value in named if value is not None}
