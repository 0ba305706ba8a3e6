"""The alerting that Grafana had up to 10: a message is about one rule: alerting, ok or without data."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tocsin.domain import prometheus, shape
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.signal import EventAction, Image, Signal
from tocsin.ports.source import Envelope

MARK: Final = b'{"legacy":'
_ACTIONS: Final = {
    "alerting": EventAction.TRIGGER,
    "no_data": EventAction.TRIGGER,
    "ok": EventAction.RESOLVE,
    "paused": EventAction.RESOLVE,
}
_WAITS: Final = frozenset({"pending", "unknown"})  # says nothing yet
_MOST_MATCHES: Final = 20


class _Match(msgspec.Struct):
    metric: str | None = None
    value: float | None = None
    tags: dict[str, shape.Scalar] | None = None


class _Message(msgspec.Struct, rename="camel"):
    state: str
    rule_id: int | str | None = None
    rule_name: str | None = None
    rule_url: str | None = None
    org_id: int | None = None
    title: str | None = None
    message: str | None = None
    image_url: str | None = None
    tags: dict[str, shape.Scalar] | None = None
    eval_matches: list[_Match] | None = None


class _Stored(msgspec.Struct):
    legacy: _Message


_message: Final = msgspec.json.Decoder(_Message)
_stored: Final = msgspec.json.Decoder(_Stored)


def envelope(body: bytes) -> Sequence[Envelope]:
    said = shape.read(body, _message)
    if said.state in _WAITS:
        return []
    action = _ACTIONS.get(said.state)
    if action is None:
        known = ", ".join(sorted({*_ACTIONS, *_WAITS}))
        raise Invalid(FieldError("state", f"expected one of: {known}"))
    return [Envelope(action, _key_of(said), MARK + body + b"}", said.state)]


def parse(payload: bytes) -> Signal:
    said = shape.read(payload, _stored).legacy
    name = said.rule_name or said.title or "Grafana rule"
    labels = shape.labels_of({"alertname": name, **(said.tags or {})})
    severity = labels.get("severity")
    if said.state == "no_data":
        severity = "warning"
        labels = {**labels, "severity": severity, "alert_kind": "no_data"}
    matches = (said.eval_matches or [])[:_MOST_MATCHES]
    values = ", ".join(f"{each.metric or 'value'} = {number(each.value)}" for each in matches)
    summary = f"{name}: no data" if said.state == "no_data" else said.title or name
    image = said.image_url or ""
    return Signal(
        action=_ACTIONS.get(said.state, EventAction.TRIGGER),
        dedup_key=_key_of(said),
        summary=shape.clean(summary, 1024),
        severity=severity,
        source="Grafana",
        labels=labels,
        annotations=shape.labels_of({"description": said.message, "values": values}),
        links=prometheus.links_of({}, (said.rule_url, "Rule")),
        images=(
            Image(shape.clean(image, 2048), shape.clean(said.rule_url or "", 2048), shape.clean(name, 255)),
        )
        if image.startswith(("http://", "https://"))
        else (),
        details=_details(said),
    )


def number(value: float | str | None) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _key_of(said: _Message) -> str:
    key = f"rule/{said.org_id or 1}/{said.rule_id or said.rule_name or ''}"
    return shape.check_dedup_key(key, "ruleName")


def _details(said: _Message) -> dict[str, Any]:
    given = {"state": said.state, "ruleId": said.rule_id, "title": said.title, "orgId": said.org_id}
    return {name: value for name, value in given.items() if value}
