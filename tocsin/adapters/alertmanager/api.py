"""Alertmanager's API v2: Prometheus itself, its kin and `amtool` post alerts here.

As the original does it (0.25, measured): labels without a value are none; an alert that does not say when
it ends is over after the resolve time-out; `endsAt` in the past resolves; of a body with some bad alerts
the good ones are taken, and the answer is 400 with the texts of the others; 200 has no body.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from tocsin.adapters.alertmanager import reading, settings
from tocsin.adapters.alertmanager.settings import Settings
from tocsin.domain import prometheus, shape
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.signal import EventAction, Signal
from tocsin.lib import clock
from tocsin.ports.source import Asked, ConfigField, Envelope, Reply, Snippet

_TAIL: Final = "/api/v2/alerts"
_REMEMBERED: Final = 8192
_WORTH_IT: Final = 2048  # longer label sets are worked out each time: memory stays small
_NO_LABELS: Final = "at least one label pair required"
_BACKWARDS: Final = "start time must be before end time"

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]")

Labels = dict[str, str | None]


class _Sent(msgspec.Struct, rename="camel", gc=False):
    labels: msgspec.Raw
    annotations: Labels | None = None
    starts_at: str | None = None
    ends_at: str | None = None
    generator_url: str | None = msgspec.field(default=None, name="generatorURL")


class _Alert(msgspec.Struct, rename="camel", gc=False):
    labels: Labels
    annotations: Labels | None = None
    starts_at: str | None = None
    ends_at: str | None = None
    generator_url: str | None = msgspec.field(default=None, name="generatorURL")


class _Stored(msgspec.Struct):
    at: datetime
    key: str
    alert: _Alert
    resolved: bool = False
    sender: str = ""


_body: Final = msgspec.json.Decoder(list[msgspec.Raw] | None)
_sent: Final = msgspec.json.Decoder(_Sent)
_labels: Final = msgspec.json.Decoder(Labels | None)
_stored: Final = msgspec.json.Decoder(_Stored)


class _Known(NamedTuple):
    """A label set, once it was understood. `key` "": it has no label."""

    key: str
    severity: str
    always_fires: bool


class Taken(list[Envelope]):
    """The good alerts of a body; `refused` says what was wrong with the others."""

    refused: tuple[str, ...] = ()


class SemanticError(Invalid):
    """Alerts that can be read and make no sense: the original answers with their texts alone."""


class PrometheusSource:
    kind = "prometheus"
    title = "Prometheus, straight (Alertmanager API v2)"
    prefix = "/alertmanager/"
    snippets: Sequence[Snippet] = (
        Snippet(
            "prometheus.yml",
            "yaml",
            "alerting:\n"
            "  alertmanagers:\n"
            "    - scheme: https\n"
            "      path_prefix: /alertmanager/{key}\n"
            "      static_configs:\n"
            "        - targets: [tocsin.example.com]   # host and port of {base}\n",
        ),
        Snippet(
            "amtool",
            "shell",
            "amtool --alertmanager.url={base}/alertmanager/{key} alert query\n"
            "amtool --alertmanager.url={base}/alertmanager/{key} silence add"
            " alertname=HighLatency --duration=2h --author=you@example.com --comment=deploy\n",
        ),
    )

    fields: Sequence[ConfigField] = settings.FIELDS

    def __init__(self, given: Settings | None = None) -> None:
        self._settings = given or Settings()
        self._known = lru_cache(_REMEMBERED)(self._understood)

    def configured(self, config: Mapping[str, Any]) -> "PrometheusSource":
        return PrometheusSource(settings.read(config))

    def takes(self, method: str, path: str) -> bool:
        return method == "POST" and path.endswith(_TAIL) and path.count("/") == 5  # noqa: PLR2004 - /alertmanager/{key}/api/v2/alerts

    def routing_key(self, asked: Asked) -> str:
        return asked.path.split("/")[2]

    def read(self, asked: Asked) -> Sequence[Envelope]:
        taken = self._taken(asked.body, asked.headers.get("user-agent", ""))
        if taken.refused and not taken:
            raise SemanticError(FieldError("alerts", "; ".join(taken.refused)))
        return taken

    def envelope(self, body: bytes) -> Sequence[Envelope]:
        """At our own address all of a body is taken, or nothing."""
        taken = self._taken(body, "")
        if taken.refused:
            raise Invalid(FieldError("alerts", "; ".join(taken.refused)[:1000]))
        return taken

    def accepted(self, asked: Asked, envelopes: Sequence[Envelope], event_id: str, /) -> Reply:  # noqa: ARG002
        refused = envelopes.refused if isinstance(envelopes, Taken) else ()
        return Reply(400, msgspec.json.encode("; ".join(refused))) if refused else Reply(200, b"")

    def invalid(self, asked: Asked, error: Invalid, /) -> Reply:  # noqa: ARG002 - the port's
        if isinstance(error, SemanticError):
            return Reply(400, msgspec.json.encode(error.errors[0].message))
        first = error.errors[0]
        if first.message == "is required":  # the one thing that its OpenAPI document demands
            return _coded(422, 602, f"{first.field} in body is required")
        text = first.message if first.field == "body" else f"{first.field}: {first.message}"
        return _coded(400, 400, f'parsing alerts body from "" failed, because {text}')

    def unknown_key(self, asked: Asked, /) -> Reply:  # noqa: ARG002 - the port's
        return _coded(401, 401, "no integration has this key, or it is disabled")

    def _taken(self, body: bytes, sender: str) -> Taken:
        if not body.strip():
            raise Invalid(FieldError("alerts", "is required"))
        now = clock.now()
        parsed = shape.read(body, _body) or ()
        said = {"at": now, "sender": shape.clean(sender, 200)} if sender else {"at": now}
        head = msgspec.json.encode(said)[:-1]
        taken, refused = Taken(), []
        for number, raw in enumerate(parsed):
            try:
                found = self._envelope(raw, head, now)
            except (msgspec.DecodeError, ValueError, RecursionError) as error:
                raise _named(error, number) from None
            if isinstance(found, str):
                refused.append(found)
            else:
                taken.append(found)
        taken.refused = tuple(refused)
        return taken

    def _envelope(self, raw: msgspec.Raw, head: bytes, now: datetime) -> Envelope | str:
        """Or why not."""
        alert = _sent.decode(raw)
        labels = bytes(alert.labels)
        known = self._known(labels) if len(labels) <= _WORTH_IT else self._understood(labels)
        starts = _moment(alert.starts_at) if alert.starts_at else None
        ends = _moment(alert.ends_at) if alert.ends_at else None
        if starts is not None and ends is not None and ends < starts:
            return _BACKWARDS
        if not known.key:
            return _NO_LABELS
        resolved = ends is not None and ends <= now
        more = b'%b,"key":%b,"resolved":true,"alert":%b}' if resolved else b'%b,"key":%b,"alert":%b}'
        payload = more % (head, msgspec.json.encode(known.key), raw)
        if known.always_fires:
            return Envelope(EventAction.HEARTBEAT, known.key, payload, "resolved" if resolved else "firing")
        action = EventAction.RESOLVE if resolved else EventAction.TRIGGER
        return Envelope(action, known.key, payload, known.severity)

    def _understood(self, raw: bytes) -> _Known:
        labels = self._plain(_labels.decode(raw) or {})
        if not labels:
            return _Known("", "", always_fires=False)
        if "" in labels:
            raise ValueError('invalid label set: invalid name ""')
        if labels.get("alertname") in self._settings.heartbeats:
            return _Known(reading.heartbeat_name(labels), "", always_fires=True)
        return _Known(prometheus.fingerprint(labels), labels.get("severity", ""), always_fires=False)

    def _plain(self, labels: Labels) -> dict[str, str]:
        replicas = self._settings.replica_labels
        found = {name: value for name, value in labels.items() if value and name not in replicas}
        # Of an alert that has no other label, the name of the replica is all there is to tell.
        return found or {name: value for name, value in labels.items() if value}

    def parse(self, payload: bytes) -> Signal:
        stored = shape.read(payload, _stored)
        alert = stored.alert
        labels = shape.labels_of(self._plain(alert.labels))
        annotations = shape.labels_of(dict(alert.annotations or {}))
        starts, ends = shape.time_of(alert.starts_at), shape.time_of(alert.ends_at)
        signal = Signal(
            action=EventAction.RESOLVE if stored.resolved else EventAction.TRIGGER,
            dedup_key=stored.key,
            summary=prometheus.summary_of(labels, annotations),
            severity=reading.severity_of(labels),
            source=shape.clean(labels.get("instance") or labels.get("job") or "Prometheus", 512),
            labels=labels,
            annotations=annotations,
            links=prometheus.links_of(annotations, (alert.generator_url, "Source")),
            started_at=starts or ends or stored.at,
            ended_at=ends if stored.resolved else None,
            expires_at=None if stored.resolved else ends or stored.at + self._settings.resolve_timeout,
            details=_details(stored),
            fingerprint=stored.key[:16],
        )
        if labels.get("alertname") in self._settings.heartbeats:
            return reading.as_heartbeat(signal, stored.key, self._settings)
        return signal

    def sample(self, dedup_key: str, *, resolve: bool = False) -> bytes:
        now = clock.now()
        alert = {
            "labels": {
                "alertname": "TestAlert",
                "severity": "warning",
                "instance": "test",
                "test": dedup_key,
            },
            "annotations": {"summary": "Test event from Tocsin: everything works"},
            "generatorURL": "",
        }
        return msgspec.json.encode([{**alert, "endsAt": now} if resolve else alert])


@lru_cache(4096)
def _moment(text: str) -> datetime | None:
    """None for the year 1, which means "unset", and for years beyond all stores. Raises ValueError for what
    is no time.
    """
    found = shape.time_of(text)
    if found is None and not _DATE.match(text):
        raise ValueError(f'parsing time "{text[:40]}": it is no RFC 3339 time')
    return found


def _named(error: Exception, number: int) -> Invalid:
    """The error of one alert, with its place in the body."""
    text = str(error)
    if "missing required field `labels`" in text:
        return Invalid(FieldError(f"{number}.labels", "is required"))
    if isinstance(error, RecursionError):
        text = "it is nested too deeply"
    return Invalid(FieldError(f"alerts[{number}]", text[:1000] or "cannot be read"))


def _coded(status: int, code: int, message: str) -> Reply:
    return Reply(status, msgspec.json.encode({"code": code, "message": message}))


def _details(stored: _Stored) -> dict[str, Any]:
    given = {
        "startsAt": stored.alert.starts_at,
        "endsAt": stored.alert.ends_at,
        "generatorURL": stored.alert.generator_url,
        "sender": stored.sender,
    }
    return {name: value for name, value in given.items() if value}
