"""Services and integrations: read from their configuration form, and written as it."""

import re
from datetime import timedelta
from typing import Any, Final

from tocsin.domain.configuration import reader
from tocsin.domain.configuration.beats import heartbeat_form, read_heartbeats
from tocsin.domain.configuration.model import BY_SEVERITY, DEFAULT_REOPEN_WINDOW, Integration, Service
from tocsin.domain.configuration.nodes import Node, Sequence, Table
from tocsin.domain.configuration.people import hours_form, read_hours
from tocsin.domain.configuration.reader import Cursor
from tocsin.domain.severity import Severity, Urgency
from tocsin.domain.time import format_duration

Form = dict[str, Any]

_KEY: Final = re.compile(r"[0-9a-f]{32}")
_KIND: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_WHOLE: Final = re.compile(r"[1-9][0-9]{0,8}|0")
_FLAGS: Final = {"true": True, "false": False}
_LOWEST_TIER: Final = 99
_SHORTEST_SILENCE: Final = timedelta(minutes=1)
_LONGEST_SILENCE: Final = timedelta(days=366)
_URGENCIES: Final = (*Urgency, BY_SEVERITY)


def read_service(cursor: Cursor) -> Service | None:
    fields = cursor.table()
    if fields is None:
        return None
    name = fields.need("name", reader.name, "the service's name")
    reopen = fields.get("reopen_window", reader.duration)
    service = Service(
        name=name or "",
        team=fields.get("team", reader.name),
        escalation_policy=fields.get("escalation_policy", reader.name),
        severity=fields.get("severity", reader.choice(Severity)),
        urgency=fields.get("urgency", _read_urgency) or BY_SEVERITY,
        support_hours=fields.get("support_hours", read_hours),
        outside=fields.get("outside", reader.choice(Urgency)),
        raise_at_opening=fields.get("raise_at_opening", reader.flag) or False,
        ack_timeout=fields.get("ack_timeout", _read_timeout),
        reopen_window=DEFAULT_REOPEN_WINDOW if reopen is None else reopen,
        depends_on=tuple(dict.fromkeys(fields.many("depends_on", reader.name))),
        tier=fields.get("tier", reader.whole(0, _LOWEST_TIER)),
        description=fields.get("description", reader.text) or "",
        links=fields.get("links", _read_links) or {},
    )
    fields.finish()
    for key, given in (("outside", service.outside), ("raise_at_opening", service.raise_at_opening)):
        at = fields.at(key)
        if given and service.support_hours is None and at is not None:
            at.warn("has no effect without `support_hours`")
    return service if name else None


def _read_urgency(cursor: Cursor) -> str | None:
    raw = cursor.scalar("high, low or by_severity")
    if raw is not None and raw.lower() not in _URGENCIES:
        cursor.fail(f"expected high, low or by_severity, found {raw[:80]!r}")
        return None
    return None if raw is None else raw.lower()


def _read_timeout(cursor: Cursor) -> Any:
    word = cursor.scalar("a duration such as 30m, or off")
    return reader.NO_TIME if word is not None and word.lower() == "off" else reader.duration(cursor)


def _read_links(cursor: Cursor) -> dict[str, str] | None:
    fields = cursor.table()
    if fields is None:
        return None
    links: dict[str, str] = {}
    for key, at in fields.unknown():
        url = at.scalar("a URL")
        if url is None:
            continue
        if url.startswith(("https://", "http://")):
            links[key] = url
        else:
            at.fail(f"expected a URL that begins with https:// or http://, found {url[:80]!r}")
    return links


def service_form(service: Service) -> Form:
    hours, timeout, reopen = service.support_hours, service.ack_timeout, service.reopen_window
    values: Form = {
        "team": service.team,
        "escalation_policy": service.escalation_policy,
        "severity": service.severity and str(service.severity),
        "urgency": service.urgency if service.urgency != BY_SEVERITY else None,
        "support_hours": hours and hours_form(hours),
        "outside": service.outside and str(service.outside),
        "raise_at_opening": service.raise_at_opening or None,
        "ack_timeout": None if timeout is None else format_duration(timeout),
        "reopen_window": format_duration(reopen) if reopen != DEFAULT_REOPEN_WINDOW else None,
        "depends_on": list(service.depends_on) or None,
        "tier": service.tier,
        "description": service.description or None,
        "links": dict(service.links) or None,
    }
    return {"name": service.name} | {key: value for key, value in values.items() if value is not None}


def read_integration(cursor: Cursor) -> Integration | None:
    fields = cursor.table()
    if fields is None:
        return None
    name = fields.need("name", reader.name, "the integration's name")
    kind = fields.need("kind", _read_kind, "a tool such as alertmanager, generic or pagerduty")
    enabled = fields.get("enabled", reader.flag)
    integration = Integration(
        name=name or "",
        kind=kind or "",
        service=fields.get("service", reader.name),
        key=fields.get("key", _read_key),
        severity_map=fields.get("severity_map", _read_map) or {},
        enabled=True if enabled is None else enabled,
        config=fields.get("config", _read_config),
        silent_after=fields.get("silent_after", _read_silence),
        heartbeats=fields.get("heartbeats", read_heartbeats) or (),
    )
    fields.finish()
    return integration if name and kind else None


def _read_silence(cursor: Cursor) -> timedelta | None:
    word = cursor.scalar("a duration such as 15m, or off")
    if word is None or word.lower() == "off":
        return None if word is None else reader.NO_TIME
    found = reader.duration(cursor)
    if found is not None and not _SHORTEST_SILENCE <= found <= _LONGEST_SILENCE:
        cursor.fail("expected 1m to 366d, or off")
        return None
    return found


def _read_kind(cursor: Cursor) -> str | None:
    def parse(raw: str) -> str:
        if _KIND.fullmatch(raw) is None:
            raise ValueError("expected a tool such as alertmanager, generic or pagerduty")
        return raw

    return cursor.parsed("a tool such as alertmanager, generic or pagerduty", parse)


def _read_key(cursor: Cursor) -> str | None:
    # A key is a secret, so a wrong one is never repeated in the message.
    raw = cursor.scalar("a key of 32 hexadecimal digits")
    if raw is not None and _KEY.fullmatch(raw.lower()) is None:
        cursor.fail(f"expected a key of 32 hexadecimal digits, found {len(raw)} characters")
        return None
    return None if raw is None else raw.lower()


def _read_config(cursor: Cursor) -> dict[str, Any] | None:
    """Words, and lists and tables of words: the kind says what they mean."""
    if cursor.table() is None:
        return None
    read: dict[str, Any] = _plain(cursor.node)
    return read


def _plain(node: Node) -> Any:
    if isinstance(node, Table):
        return {entry.key: _plain(entry.value) for entry in node.entries}
    if isinstance(node, Sequence):
        return [_plain(item) for item in node.items]
    if node.plain and node.text in _FLAGS:
        return _FLAGS[node.text]
    return int(node.text) if node.plain and _WHOLE.fullmatch(node.text) else node.text


def _read_map(cursor: Cursor) -> dict[str, Severity] | None:
    fields = cursor.table()
    if fields is None:
        return None
    read = reader.choice(Severity)
    return {word: severity for word, at in fields.unknown() if (severity := read(at)) is not None}


def integration_form(integration: Integration) -> Form:
    form: Form = {"name": integration.name, "kind": integration.kind}
    if integration.service is not None:
        form["service"] = integration.service
    if integration.key is not None:
        form["key"] = integration.key
    if integration.severity_map:
        form["severity_map"] = {word: str(severity) for word, severity in integration.severity_map.items()}
    if not integration.enabled:
        form["enabled"] = False
    if integration.config:
        form["config"] = dict(integration.config)
    if integration.silent_after is not None:
        form["silent_after"] = (
            format_duration(integration.silent_after) if integration.silent_after else "off"
        )
    if integration.heartbeats:
        form["heartbeats"] = [heartbeat_form(beat) for beat in integration.heartbeats]
    return form
