"""Alertmanager's webhook, version 4.

Seen in captures of 0.25: nanosecond times; `endsAt` of the year 1 means "unset"; a resolved alert may come
without annotations; "resolved" of the group only when all its alerts are, so each alert's own status
counts. Keys that are not named here come and go with versions and are ignored.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from tocsin.domain import shape
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.signal import EventAction, Link, Signal
from tocsin.ports.source import Envelope, Snippet

_ACTIONS: Final = {"firing": EventAction.TRIGGER, "resolved": EventAction.RESOLVE}
_LINK_ANNOTATIONS: Final = {"runbook_url": "Runbook", "dashboard_url": "Dashboard", "runbook": "Runbook"}


class _Body(msgspec.Struct, rename="camel", gc=False):
    alerts: list[msgspec.Raw]
    group_key: str | None = None
    external_url: str | None = msgspec.field(default=None, name="externalURL")


class _Alert(msgspec.Struct, rename="camel", gc=False):
    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, shape.Scalar] | None = None
    starts_at: str | None = None
    ends_at: str | None = None
    generator_url: str | None = msgspec.field(default=None, name="generatorURL")
    fingerprint: str = ""


class _Stored(msgspec.Struct, rename="camel"):
    alert: _Alert
    group_key: str | None = None
    external_url: str | None = msgspec.field(default=None, name="externalURL")


_body: Final = msgspec.json.Decoder(_Body)
_alert: Final = msgspec.json.Decoder(_Alert)
_stored: Final = msgspec.json.Decoder(_Stored)


class AlertmanagerSource:
    kind = "alertmanager"
    title = "Prometheus Alertmanager"
    snippets: Sequence[Snippet] = (
        Snippet(
            "alertmanager.yml",
            "yaml",
            "route:\n"
            "  receiver: tocsin\n"
            "receivers:\n"
            "  - name: tocsin\n"
            "    webhook_configs:\n"
            "      - url: {url}\n"
            "        send_resolved: true\n",
        ),
    )

    def envelope(self, body: bytes) -> Sequence[Envelope]:
        parsed = shape.read(body, _body)
        shared = {"groupKey": parsed.group_key, "externalURL": parsed.external_url}
        group = b"," + msgspec.json.encode(shared)[1:]
        events: list[Envelope] = []
        for raw in parsed.alerts:
            try:
                alert = _alert.decode(raw)
                key = alert.fingerprint
                if not key or len(key) > shape.MAX_DEDUP_KEY or "\0" in key:
                    key = _key_of(alert, len(events))
            except (msgspec.DecodeError, ValueError, RecursionError):
                raise _named(raw, len(events)) from None
            events.append(
                Envelope(
                    _ACTIONS[alert.status],
                    key,
                    b'{"alert":' + raw + group,
                    alert.labels.get("severity", ""),
                )
            )
        return events

    def parse(self, payload: bytes) -> Signal:
        stored = shape.read(payload, _stored)
        alert = stored.alert
        labels = shape.labels_of(alert.labels)
        annotations = shape.labels_of(alert.annotations or {})
        return Signal(
            action=_ACTIONS[alert.status],
            dedup_key=alert.fingerprint or _fingerprint(alert.labels),
            summary=_summary(labels, annotations),
            severity=labels.get("severity"),
            source=shape.clean(labels.get("instance") or labels.get("job") or "Alertmanager", 512),
            labels=labels,
            annotations=annotations,
            links=_links(stored, annotations),
            group_key=shape.clean(stored.group_key or "", 4096),
            started_at=shape.time_of(alert.starts_at),
            ended_at=shape.time_of(alert.ends_at),
        )

    def sample(self, dedup_key: str, *, resolve: bool = False) -> bytes:
        labels = {"alertname": "TestAlert", "severity": "warning", "instance": "test"}
        status = "resolved" if resolve else "firing"
        unset = "0001-01-01T00:00:00Z"
        return msgspec.json.encode(
            {
                "version": "4",
                "status": status,
                "receiver": "tocsin",
                "groupKey": f'{{}}:{{alertname="TestAlert", test="{dedup_key}"}}',
                "groupLabels": {"alertname": "TestAlert"},
                "commonLabels": labels,
                "commonAnnotations": {},
                "externalURL": "",
                "truncatedAlerts": 0,
                "alerts": [
                    {
                        "status": status,
                        "labels": labels,
                        "annotations": {"summary": "Test event from Tocsin: everything works"},
                        "startsAt": datetime(2026, 1, 1, tzinfo=UTC).isoformat(),
                        "endsAt": datetime(2026, 1, 1, 0, 5, tzinfo=UTC).isoformat() if resolve else unset,
                        "generatorURL": "",
                        "fingerprint": dedup_key,
                    }
                ],
            }
        )


def _key_of(alert: _Alert, number: int) -> str:
    if alert.fingerprint:
        return shape.check_dedup_key(alert.fingerprint, f"alerts[{number}].fingerprint")
    if not alert.labels:
        raise Invalid(
            FieldError(f"alerts[{number}].labels", "at least one label, or a fingerprint, is required")
        )
    return _fingerprint(alert.labels)


def _fingerprint(labels: Mapping[str, str]) -> str:
    # Senders older than fingerprints, and hand-made ones: the labels are what makes an alert that alert.
    text = "\xff".join(f"{name}\xfe{value}" for name, value in sorted(labels.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _named(raw: msgspec.Raw, number: int) -> Invalid:
    """The error of one alert, with its place in the body."""
    try:
        shape.read(bytes(raw), _alert)
    except Invalid as error:
        first = error.errors[0]
        path = f"alerts[{number}]" if first.field == "body" else f"alerts[{number}].{first.field}"
        return Invalid(FieldError(path, first.message))
    return Invalid(FieldError(f"alerts[{number}]", "cannot be read"))


def _summary(labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    for name in ("summary", "title", "message", "description"):
        if annotations.get(name):
            return shape.clean(annotations[name].strip(), 1024)
    name = labels.get("alertname", "Alert")
    where = labels.get("instance") or labels.get("job") or labels.get("namespace")
    return shape.clean(f"{name} on {where}" if where else name, 1024)


def _links(stored: _Stored, annotations: Mapping[str, str]) -> tuple[Link, ...]:
    links = [
        Link(shape.clean(annotations[name], 2048), text)
        for name, text in _LINK_ANNOTATIONS.items()
        if annotations.get(name, "").startswith(("http://", "https://"))
    ]
    if stored.alert.generator_url:
        links.append(Link(shape.clean(stored.alert.generator_url, 2048), "Source"))
    if stored.external_url:
        links.append(Link(shape.clean(stored.external_url, 2048), "Alertmanager"))
    return tuple(links)
