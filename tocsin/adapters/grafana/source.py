"""Grafana's webhook: unified alerting (8 to 13), which says what Alertmanager's webhook says and more, and
the alerting that Grafana had before, one rule to a message.

A rule whose data source gives no data or fails sends an alert of its own, `DatasourceNoData` or
`DatasourceError`, with the labels of the rule on it, its severity too: it is another matter than the rule's
and a warning. Bodies made by a custom payload template can be anything and are refused by name.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from tocsin.adapters.grafana import legacy
from tocsin.adapters.grafana.signature import Signature
from tocsin.domain import prometheus, shape
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.signal import EventAction, Image, Signal
from tocsin.ports.source import Ask, Asked, ConfigField, Envelope, Reply, Snippet

_ACTIONS: Final = {"firing": EventAction.TRIGGER, "resolved": EventAction.RESOLVE}
# What the platform calls it, as of other tools; routes match `alert_kind`.
_KINDS: Final = {"DatasourceNoData": "no_data", "DatasourceError": "data_source_error"}
_CUSTOM: Final = (
    "is required: Grafana's own payload has `alerts`, each with `status` and `labels`. Remove the custom"
    " payload from the contact point, or use an integration of kind generic, whose fields it must then give"
)
Flat = dict[str, shape.Scalar]


class _Body(msgspec.Struct, rename="camel", gc=False):
    alerts: list[msgspec.Raw]
    group_key: str | None = None
    external_url: str | None = msgspec.field(default=None, name="externalURL")
    receiver: str | None = None
    org_id: int | None = None
    truncated_alerts: int | None = None
    title: str | None = None


class _Alert(msgspec.Struct, rename="camel", gc=False):
    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: Flat | None = None
    starts_at: str | None = None
    ends_at: str | None = None
    fingerprint: str | None = None
    generator_url: str | None = msgspec.field(default=None, name="generatorURL")
    silence_url: str | None = msgspec.field(default=None, name="silenceURL")
    dashboard_url: str | None = msgspec.field(default=None, name="dashboardURL")
    panel_url: str | None = msgspec.field(default=None, name="panelURL")
    image_url: str | None = msgspec.field(default=None, name="imageURL")
    rule_uid: str | None = msgspec.field(default=None, name="ruleUID")
    values: dict[str, float | str | None] | None = None
    value_string: str | None = None


class _Stored(msgspec.Struct, rename="camel"):
    alert: _Alert
    group_key: str | None = None
    external_url: str | None = msgspec.field(default=None, name="externalURL")
    receiver: str | None = None
    org_id: int | None = None
    truncated_alerts: int | None = None


class _Glance(msgspec.Struct, rename="camel"):
    """Enough to tell one kind of body from another."""

    alerts: msgspec.Raw = msgspec.Raw(b"null")
    rule_id: msgspec.Raw = msgspec.Raw(b"null")
    rule_name: msgspec.Raw = msgspec.Raw(b"null")
    state: msgspec.Raw = msgspec.Raw(b"null")


_NULL: Final = msgspec.Raw(b"null")
_glance: Final = msgspec.json.Decoder(_Glance)
_body: Final = msgspec.json.Decoder(_Body)
_alert: Final = msgspec.json.Decoder(_Alert)
_stored: Final = msgspec.json.Decoder(_Stored)


class GrafanaSource:
    kind = "grafana"
    title = "Grafana"
    prefix = "/ingest/grafana/"
    snippets: Sequence[Snippet] = (
        Snippet(
            "Contact point (provisioning)",
            "yaml",
            "apiVersion: 1\n"
            "contactPoints:\n"
            "  - orgId: 1\n"
            "    name: tocsin\n"
            "    receivers:\n"
            "      - uid: tocsin\n"
            "        type: webhook\n"
            "        settings:\n"
            "          url: {url}\n"
            "          httpMethod: POST\n",
        ),
    )

    fields: Sequence[ConfigField] = (
        ConfigField(
            "secret",
            "HMAC secret",
            "The same as in the contact point under “HMAC signature”. With it, only what is signed is taken.",
            Ask.SECRET,
        ),
        ConfigField(
            "signature_header",
            "Header of the signature",
            "As in the contact point.",
            default="X-Grafana-Alerting-Signature",
        ),
        ConfigField(
            "timestamp_header",
            "Header of the time",
            "As in the contact point, when the time is signed too; older than 5 minutes is refused.",
        ),
    )

    def __init__(self, signature: Signature | None = None) -> None:
        self._signature = signature or Signature()

    def configured(self, config: Mapping[str, Any]) -> "GrafanaSource":
        return GrafanaSource(Signature.of(config))

    def check(self, asked: Asked) -> None:
        self._signature.check(asked)

    # Contact points may say PUT instead of POST; the address is the same.
    def takes(self, method: str, path: str) -> bool:
        return method == "PUT" and path.startswith(self.prefix)

    def routing_key(self, asked: Asked) -> str:
        return asked.path[len(self.prefix) :].rstrip("/")

    def read(self, asked: Asked) -> Sequence[Envelope]:
        return self.envelope(asked.body)

    def accepted(self, asked: Asked, envelopes: Sequence[Envelope], event_id: str, /) -> Reply:  # noqa: ARG002
        answer = b'{"status":"accepted","event_id":"%b","events":%d}'
        return Reply(202, answer % (event_id.encode(), len(envelopes)))

    def invalid(self, asked: Asked, error: Invalid, /) -> Reply:  # noqa: ARG002 - the port's
        fields = [{"field": each.field, "message": each.message} for each in error.errors]
        return _problem(400, "Invalid event", str(error)[:1000], fields)

    def unknown_key(self, asked: Asked, /) -> Reply:  # noqa: ARG002 - the port's
        return _problem(401, "Unknown key", "No integration has this key, or it is disabled.")

    def envelope(self, body: bytes) -> Sequence[Envelope]:
        glance = shape.read(body, _glance)
        if glance.alerts == _NULL:
            if glance.state == _NULL or glance.rule_id == glance.rule_name == _NULL:
                raise Invalid(FieldError("alerts", _CUSTOM))
            return legacy.envelope(body)
        parsed = shape.read(body, _body)
        shared = {
            "groupKey": parsed.group_key,
            "externalURL": parsed.external_url,
            "receiver": parsed.receiver,
            "orgId": parsed.org_id,
            "truncatedAlerts": parsed.truncated_alerts,
        }
        group = b"," + msgspec.json.encode({name: value for name, value in shared.items() if value})[1:]
        if group == b",}":
            group = b"}"
        return [_envelope(raw, number, group) for number, raw in enumerate(parsed.alerts)]

    def parse(self, payload: bytes) -> Signal:
        if payload.startswith(legacy.MARK):
            return legacy.parse(payload)
        stored = shape.read(payload, _stored)
        alert = stored.alert
        labels = shape.labels_of(alert.labels)
        own = _KINDS.get(labels.get("alertname", ""))
        severity = labels.get("severity")
        if own:
            severity = "warning"
            # A label of the rule's, which nothing about this alert is as bad as.
            labels = {**labels, "severity": severity, "alert_kind": own}
        annotations = _annotations(stored)
        summary = _summary(labels, annotations)
        return Signal(
            action=_ACTIONS[alert.status],
            dedup_key=_key_of(alert),
            summary=summary,
            severity=severity,
            source=shape.clean(labels.get("instance") or labels.get("grafana_folder") or "Grafana", 512),
            labels=labels,
            annotations=annotations,
            links=prometheus.links_of(
                annotations,
                (alert.panel_url, "Panel"),
                (alert.dashboard_url, "Dashboard"),
                (alert.generator_url, "Rule"),
                (alert.silence_url, "Silence in Grafana"),
                (stored.external_url, "Grafana"),
            ),
            images=_images(alert, summary),
            group_key=shape.clean(stored.group_key or "", 4096),
            started_at=shape.time_of(alert.starts_at),
            ended_at=shape.time_of(alert.ends_at),
            details=_details(stored),
            fingerprint=(alert.fingerprint or "")[:16],
        )

    def sample(self, dedup_key: str, *, resolve: bool = False) -> bytes:
        status = "resolved" if resolve else "firing"
        labels = {"alertname": "TestAlert", "severity": "warning", "instance": "Grafana"}
        alert = {
            "status": status,
            "labels": labels,
            "annotations": {"summary": "Test event from Tocsin: everything works"},
            "startsAt": "2026-01-01T00:00:00Z",
            "endsAt": "2026-01-01T00:05:00Z" if resolve else "0001-01-01T00:00:00Z",
            "generatorURL": "",
            "fingerprint": dedup_key,
            "values": {"B": 22, "C": 1},
            "valueString": "[ var='B' labels={__name__=go_threads} value=22 ]",
        }
        body = {
            "receiver": "tocsin",
            "status": status,
            "orgId": 1,
            "alerts": [alert],
            "groupLabels": {"alertname": "TestAlert"},
            "commonLabels": labels,
            "commonAnnotations": {},
            "externalURL": "",
            "version": "1",
            "groupKey": f'{{}}:{{alertname="TestAlert", test="{dedup_key}"}}',
            "truncatedAlerts": 0,
            "title": "[RESOLVED] TestAlert" if resolve else "[FIRING:1] TestAlert",
            "state": "ok" if resolve else "alerting",
            "message": "",
        }
        return msgspec.json.encode(body)


def _envelope(raw: msgspec.Raw, number: int, group: bytes) -> Envelope:
    where = f"alerts[{number}]"
    try:
        alert = shape.read(bytes(raw), _alert)
        key = _key_of(alert)
    except Invalid as error:
        first = error.errors[0]
        path = where if first.field == "body" else f"{where}.{first.field}"
        raise Invalid(FieldError(path, first.message)) from None
    severity = alert.labels.get("severity", "")
    return Envelope(_ACTIONS[alert.status], key, b'{"alert":' + raw + group, severity)


def _key_of(alert: _Alert) -> str:
    if alert.fingerprint:
        return shape.check_dedup_key(alert.fingerprint, "fingerprint")
    plain = {name: value for name, value in alert.labels.items() if value}
    if not plain:
        raise Invalid(FieldError("labels", "at least one label, or a fingerprint, is required"))
    return prometheus.fingerprint(plain)


def _summary(labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    """Of an alert about the data it names the rule: that is what somebody must look for."""
    rule = labels.get("rulename")
    own = labels.get("alert_kind")
    if rule and own:
        what = "no data" if own == "no_data" else "the data source fails"
        return shape.clean(f"{rule}: {what}", 1024)
    return prometheus.summary_of(labels, annotations)


def _annotations(stored: _Stored) -> dict[str, str]:
    alert = stored.alert
    given = {name: value for name, value in (alert.annotations or {}).items() if not name.startswith("__")}
    values = ", ".join(f"{name} = {legacy.number(value)}" for name, value in (alert.values or {}).items())
    if values or alert.value_string:
        given.setdefault("values", values or alert.value_string)
    if stored.truncated_alerts:
        given["truncated_alerts"] = f"{stored.truncated_alerts} more of its group were not sent"
    return shape.labels_of(given)


def _images(alert: _Alert, summary: str) -> tuple[Image, ...]:
    src = alert.image_url or ""
    if not src.startswith(("http://", "https://")):
        return ()
    href = alert.panel_url or alert.dashboard_url or ""
    return (Image(shape.clean(src, 2048), shape.clean(href, 2048), shape.clean(summary, 255)),)


def _details(stored: _Stored) -> dict[str, Any]:
    alert = stored.alert
    given = {
        "startsAt": alert.starts_at,
        "values": alert.values,
        "valueString": alert.value_string,
        "ruleUID": alert.rule_uid or alert.labels.get("__alert_rule_uid__"),
        "orgId": stored.org_id,
        "receiver": stored.receiver,
        "truncatedAlerts": stored.truncated_alerts,
    }
    return {name: value for name, value in given.items() if value}


def _problem(status: int, title: str, detail: str, errors: Sequence[Mapping[str, str]] = ()) -> Reply:
    answer = {"type": "about:blank", "title": title, "status": status, "detail": detail, "errors": errors}
    return Reply(status, msgspec.json.encode(answer), b"application/problem+json")
