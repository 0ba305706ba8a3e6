"""Alertmanager's webhook, version 4: 0.15 to 0.34.

Seen in captures of 0.25: nanosecond times; `endsAt` of the year 1 means "unset"; a resolved alert may come
without annotations; "resolved" of the group only when all its alerts are, so each alert's own status
counts. Keys that are not named here come and go with versions and are ignored.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

from tocsin.adapters.alertmanager import reading, settings
from tocsin.adapters.alertmanager.settings import Settings
from tocsin.domain import prometheus, shape
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.signal import EventAction, Signal
from tocsin.ports.source import ConfigField, Envelope, Snippet

_ACTIONS: Final = {"firing": EventAction.TRIGGER, "resolved": EventAction.RESOLVE}


class _Body(msgspec.Struct, rename="camel", gc=False):
    alerts: list[msgspec.Raw]
    group_key: str | None = None
    external_url: str | None = msgspec.field(default=None, name="externalURL")
    receiver: str | None = None
    truncated_alerts: int | None = None
    notification_reason: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"null"), name="notification_reason")
    route_labels: msgspec.Raw = msgspec.Raw(b"null")


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
    receiver: str | None = None
    truncated_alerts: int | None = None
    notification_reason: Any = None
    route_labels: Any = None


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
            "  routes:\n"
            '    - matchers: [alertname=~"Watchdog|DeadMansSwitch"]\n'
            "      receiver: tocsin\n"
            "      group_by: [alertname, cluster]\n"
            "      group_interval: 1m\n"
            "      repeat_interval: 4m\n"
            "receivers:\n"
            "  - name: tocsin\n"
            "    webhook_configs:\n"
            "      - url: {url}\n"
            "        send_resolved: true\n",
        ),
        Snippet(
            "kube-prometheus-stack: values.yaml",
            "yaml",
            "alertmanager:\n"
            "  config:\n"
            "    route:\n"
            "      receiver: tocsin\n"
            "      group_by: [namespace, alertname]\n"
            "      routes:\n"
            '        - matchers: [alertname="Watchdog"]\n'
            "          receiver: tocsin\n"
            "          group_interval: 1m\n"
            "          repeat_interval: 4m\n"
            "    receivers:\n"
            "      - name: tocsin\n"
            "        webhook_configs:\n"
            "          - url: {url}\n",
        ),
    )

    fields: Sequence[ConfigField] = settings.FIELDS

    def __init__(self, given: Settings | None = None) -> None:
        self._settings = given or Settings()

    def configured(self, config: Mapping[str, Any]) -> "AlertmanagerSource":
        return AlertmanagerSource(settings.read(config))

    def envelope(self, body: bytes) -> Sequence[Envelope]:
        parsed = shape.read(body, _body)
        shared = {
            "groupKey": parsed.group_key,
            "externalURL": parsed.external_url,
            "receiver": parsed.receiver,
            "truncatedAlerts": parsed.truncated_alerts,
            "notificationReason": parsed.notification_reason,
            "routeLabels": parsed.route_labels,
        }
        group = b"," + msgspec.json.encode({name: value for name, value in shared.items() if value})[1:]
        if group == b",}":
            group = b"}"
        host, events = "", list[Envelope]()
        always = self._settings.heartbeats
        for raw in parsed.alerts:
            try:
                alert = _alert.decode(raw)
                key = alert.fingerprint
                if not key or len(key) > shape.MAX_DEDUP_KEY or "\0" in key:
                    key = _key_of(alert, len(events))
            except (msgspec.DecodeError, ValueError, RecursionError):
                raise _named(raw, len(events)) from None
            action, severity = _ACTIONS[alert.status], alert.labels.get("severity", "")
            if alert.labels.get("alertname") in always:
                host = host or prometheus.host_of(parsed.external_url)
                key = reading.heartbeat_name(alert.labels, host)
                action, severity = EventAction.HEARTBEAT, alert.status
            events.append(Envelope(action, key, b'{"alert":' + raw + group, severity))
        return events

    def parse(self, payload: bytes) -> Signal:
        stored = shape.read(payload, _stored)
        alert = stored.alert
        labels = shape.labels_of(alert.labels)
        annotations = shape.labels_of(alert.annotations or {})
        if stored.truncated_alerts:
            # `max_alerts` of the webhook: whoever reads this alert must know that it does not stand alone.
            annotations["truncated_alerts"] = f"{stored.truncated_alerts} more of its group were not sent"
        known = alert.fingerprint or _fingerprint(alert.labels)
        signal = Signal(
            action=_ACTIONS[alert.status],
            dedup_key=known,
            summary=prometheus.summary_of(labels, annotations),
            severity=reading.severity_of(labels),
            source=shape.clean(labels.get("instance") or labels.get("job") or "Alertmanager", 512),
            labels=labels,
            annotations=annotations,
            links=prometheus.links_of(
                annotations, (alert.generator_url, "Source"), (stored.external_url, "Alertmanager")
            ),
            group_key=shape.clean(stored.group_key or "", 4096),
            started_at=shape.time_of(alert.starts_at),
            ended_at=shape.time_of(alert.ends_at),
            details=_details(stored),
            fingerprint=known[:16],
        )
        if labels.get("alertname") in self._settings.heartbeats:
            name = reading.heartbeat_name(alert.labels, prometheus.host_of(stored.external_url))
            return reading.as_heartbeat(signal, name, self._settings)
        return signal

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
    if not any(alert.labels.values()):
        raise Invalid(
            FieldError(f"alerts[{number}].labels", "at least one label, or a fingerprint, is required")
        )
    return _fingerprint(alert.labels)


def _fingerprint(labels: Mapping[str, str]) -> str:
    # Before 0.18, and by hand, alerts come without it.
    return prometheus.fingerprint({name: value for name, value in labels.items() if value})


def _named(raw: msgspec.Raw, number: int) -> Invalid:
    """The error of one alert, with its place in the body."""
    try:
        shape.read(bytes(raw), _alert)
    except Invalid as error:
        first = error.errors[0]
        path = f"alerts[{number}]" if first.field == "body" else f"alerts[{number}].{first.field}"
        return Invalid(FieldError(path, first.message))
    return Invalid(FieldError(f"alerts[{number}]", "cannot be read"))


def _details(stored: _Stored) -> dict[str, Any]:
    """What the tool says besides labels and annotations, for whoever writes expressions."""
    given = {
        "startsAt": stored.alert.starts_at,
        "generatorURL": stored.alert.generator_url,
        "receiver": stored.receiver,
        "externalURL": stored.external_url,
        "groupKey": stored.group_key,
        "truncatedAlerts": stored.truncated_alerts,
        "notificationReason": stored.notification_reason,
        "routeLabels": stored.route_labels,
    }
    return {name: value for name, value in given.items() if value}
