"""Heartbeats of an integration: `heartbeats: [{name: backup, every: 1d}]`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from tocsin.domain import heartbeat, shape
from tocsin.domain.configuration import reader
from tocsin.domain.configuration.reader import Cursor
from tocsin.domain.errors import Invalid
from tocsin.domain.severity import Severity
from tocsin.domain.time import format_duration

Form = dict[str, Any]

_SUMMARY: Final = 255
_DESCRIPTION: Final = 10_000


@dataclass(frozen=True)
class Heartbeat:
    """Expected `every`, or by `cron` in `zone`."""

    name: str
    grace: timedelta
    every: timedelta | None = None
    cron: str = ""
    zone: str = "UTC"
    severity: str = ""
    summary: str = ""
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    enabled: bool = True


def read_heartbeats(cursor: Cursor) -> tuple[Heartbeat, ...]:
    found: dict[str, Heartbeat] = {}
    for item in cursor.items():
        one = _read(item)
        if one is None:
            continue
        if one.name in found:
            item.fail(f"{one.name!r} is the name of another heartbeat of this integration")
        found[one.name] = one
    return tuple(found.values())


def _read(cursor: Cursor) -> Heartbeat | None:
    fields = cursor.table()
    if fields is None:
        return None
    name = fields.need("name", _name, "the heartbeat's name, as in its address")
    every, cron = fields.get("every", reader.duration), fields.get("cron", reader.text) or ""
    zone = fields.get("timezone", reader.zone_name) or "UTC"
    grace = fields.get("grace", reader.duration)
    severity = fields.get("severity", reader.choice(Severity))
    summary = fields.get("summary", _text(_SUMMARY)) or ""
    description = fields.get("description", _text(_DESCRIPTION)) or ""
    labels = fields.get("labels", _labels) or {}
    enabled = fields.get("enabled", reader.flag)
    fields.finish()
    try:
        plan = heartbeat.plan_of(every, cron, zone, grace)
    except Invalid as error:
        for wrong in error.errors:
            (fields.at(wrong.field) or cursor).fail(wrong.message)
        return None
    if name is None:
        return None
    return Heartbeat(
        name,
        plan.grace,
        every,
        cron,
        zone,
        str(severity or ""),
        summary,
        description,
        labels,
        enabled is not False,
    )


def _name(cursor: Cursor) -> str | None:
    def parse(raw: str) -> str:
        if not raw or len(raw) > heartbeat.LONGEST_NAME or "/" in raw:
            raise ValueError(f"expected 1 to {heartbeat.LONGEST_NAME} characters, without a slash")
        return raw

    return cursor.parsed("a name", parse)


def _text(most: int) -> Any:
    def parse(raw: str) -> str:
        if len(raw) > most:
            raise ValueError(f"expected at most {most} characters")
        return raw

    return lambda cursor: cursor.parsed("text", parse)


def _labels(cursor: Cursor) -> dict[str, str] | None:
    fields = cursor.table()
    if fields is None:
        return None
    return shape.labels_of(
        {key: text for key, at in fields.unknown() if (text := reader.text(at)) is not None}
    )


def heartbeat_form(beat: Heartbeat) -> Form:
    plan = heartbeat.plan_of(beat.every, beat.cron, beat.zone, None)
    values: Form = {
        "every": None if beat.every is None else format_duration(beat.every),
        "cron": beat.cron or None,
        "timezone": beat.zone if beat.zone != "UTC" else None,
        "grace": format_duration(beat.grace) if beat.grace != plan.grace else None,
        "severity": beat.severity or None,
        "summary": beat.summary or None,
        "description": beat.description or None,
        "labels": dict(beat.labels) or None,
        "enabled": None if beat.enabled else False,
    }
    return {"name": beat.name} | {key: value for key, value in values.items() if value is not None}
