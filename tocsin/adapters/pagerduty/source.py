"""PagerDuty's Events API v2 (`/v2/enqueue`), answered as the vendor answers (developer docs and api-schema,
2026).
"""

from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

from tocsin.domain import shape
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.signal import EventAction, Link, Signal
from tocsin.lib import ids
from tocsin.ports.source import Asked, Envelope, Reply, Snippet

ENQUEUE: Final = "/pagerduty/v2/enqueue"
_KEY_LENGTH: Final = 32
_LONGEST_KEY: Final = 255
_MOST_LINKS: Final = 20


class _Key(msgspec.Struct, gc=False):
    routing_key: str


class _Payload(msgspec.Struct):
    summary: str
    source: str
    severity: Literal["critical", "error", "warning", "info"]


class _Event(msgspec.Struct):
    """`payload` is required to trigger only; on the other actions Alertmanager sends one all the same."""

    event_action: Literal["trigger", "acknowledge", "resolve"]
    dedup_key: str | None = None
    payload: msgspec.Raw = msgspec.Raw(b"null")
    client: str | None = None
    client_url: str | None = None
    links: msgspec.Raw = msgspec.Raw(b"null")


class _StoredPayload(msgspec.Struct):
    summary: str = ""
    source: str = ""
    severity: str | None = None
    timestamp: Any = None
    component: str | None = None
    group: str | None = None
    class_: str | None = msgspec.field(default=None, name="class")
    custom_details: Any = None


class _Stored(msgspec.Struct):
    event_action: str
    dedup_key: str
    payload: Any = None
    client: str | None = None
    client_url: str | None = None
    links: Any = None


_key: Final = msgspec.json.Decoder(_Key)
_event: Final = msgspec.json.Decoder(_Event)
_payload: Final = msgspec.json.Decoder(_Payload)
_stored: Final = msgspec.json.Decoder(_Stored)


class PagerDutySource:
    kind = "pagerduty"
    title = "PagerDuty Events API v2"
    prefix = "/pagerduty/v2/"
    snippets: Sequence[Snippet] = (
        Snippet(
            "curl",
            "shell",
            "curl -X POST {base}/pagerduty/v2/enqueue -H 'Content-Type: application/json' -d '{\n"
            '  "routing_key": "{key}", "event_action": "trigger", "dedup_key": "disk-full-db1",\n'
            '  "payload": {"summary": "Disk full on db1", "source": "db1", "severity": "critical"}\n'
            "}'",
        ),
        Snippet(
            "alertmanager.yml",
            "yaml",
            "global:\n"
            "  pagerduty_url: {base}/pagerduty/v2/enqueue\n"
            "receivers:\n"
            "  - name: tocsin\n"
            "    pagerduty_configs:\n"
            "      - routing_key: {key}\n",
        ),
    )

    def takes(self, method: str, path: str) -> bool:
        return method == "POST" and path == ENQUEUE

    def routing_key(self, asked: Asked) -> str:
        key = shape.read(asked.body, _key).routing_key
        if len(key) != _KEY_LENGTH:
            raise Invalid(FieldError("routing_key", "is incorrect (should be 32 characters)"))
        return key

    def read(self, asked: Asked) -> Sequence[Envelope]:
        return self.envelope(asked.body)

    def envelope(self, body: bytes) -> Sequence[Envelope]:
        event = shape.read(body, _event)
        action = EventAction(event.event_action)
        severity = ""
        if action is EventAction.TRIGGER:
            severity = _checked_payload(bytes(event.payload))
        elif not event.dedup_key:
            raise Invalid(FieldError("dedup_key", "is required unless event_action is trigger"))
        key = event.dedup_key or ids.new_id()
        if len(key) > _LONGEST_KEY:
            raise Invalid(
                FieldError("dedup_key", f"is incorrect (should be at most {_LONGEST_KEY} characters)")
            )
        shape.check_dedup_key(key, "dedup_key")
        # The routing key is a secret, and not of this event: it is not kept.
        kept = {
            "event_action": event.event_action,
            "dedup_key": key,
            "payload": event.payload,
            "client": event.client,
            "client_url": event.client_url,
            "links": event.links,
        }
        return [Envelope(action, key, msgspec.json.encode(kept), severity)]

    def parse(self, payload: bytes) -> Signal:
        stored = shape.read(payload, _stored)
        try:
            inner = msgspec.convert(stored.payload or {}, _StoredPayload)
        except msgspec.ValidationError:
            inner = _StoredPayload()  # on acknowledge and resolve the vendor does not look at it either
        details = _details(inner.custom_details)
        labels = {"component": inner.component, "group": inner.group, "class": inner.class_}
        return Signal(
            action=EventAction(stored.event_action),
            dedup_key=stored.dedup_key,
            summary=shape.clean(inner.summary.strip(), 1024),
            severity=inner.severity,
            source=shape.clean(inner.source or stored.client or "", 512),
            labels=shape.labels_of({**{n: v for n, v in details.items() if _short(v)}, **labels}),
            annotations=shape.labels_of({n: v for n, v in details.items() if not _short(v)}),
            links=_links(stored),
            started_at=shape.time_of(inner.timestamp if isinstance(inner.timestamp, str) else None),
        )

    def sample(self, dedup_key: str, *, resolve: bool = False) -> bytes:
        return msgspec.json.encode(
            {
                "routing_key": "0" * _KEY_LENGTH,
                "event_action": "resolve" if resolve else "trigger",
                "dedup_key": dedup_key,
                "payload": {
                    "summary": "Test event from Tocsin: everything works",
                    "source": "tocsin",
                    "severity": "warning",
                    "custom_details": {"test": "true"},
                },
            }
        )

    def accepted(self, _asked: Asked, envelopes: Sequence[Envelope], _event_id: str) -> Reply:
        key = envelopes[0].dedup_key
        return _reply(202, {"status": "success", "message": "Event processed", "dedup_key": key})

    def invalid(self, _asked: Asked, error: Invalid) -> Reply:
        if any(each.field == "body" and each.message.startswith("is ") for each in error.errors):
            message = "Event object format is unrecognized"
            return _reply(
                400, {"status": "Unrecognized object", "message": message, "errors": ["JSON parse error"]}
            )
        return _invalid([_told(each) for each in error.errors])

    def unknown_key(self, _asked: Asked) -> Reply:
        return _invalid(["Invalid routing key"])


def _checked_payload(raw: bytes) -> str:
    """The severity. Raises `Invalid` with the path inside the event."""
    try:
        payload = shape.read(raw, _payload)
    except Invalid as error:
        raise Invalid(
            *(
                FieldError(
                    "payload" if each.field == "body" else f"payload.{each.field}", _missing(each.message)
                )
                for each in error.errors
            )
        ) from None
    for name, value in (("summary", payload.summary), ("source", payload.source)):
        if not value.strip():
            raise Invalid(FieldError(f"payload.{name}", "is missing or blank"))
    return payload.severity


def _missing(message: str) -> str:
    return "is missing or blank" if message in {"is required", "expected `object`, got `null`"} else message


def _told(error: FieldError) -> str:
    """The vendor's own wording where it is known."""
    if error.field == "routing_key" and "32 characters" in error.message:
        return f"Length of 'routing_key' {error.message}"
    return f"'{error.field}' {_missing(error.message)}"


def _invalid(errors: list[str]) -> Reply:
    return _reply(400, {"status": "invalid event", "message": "Event object is invalid", "errors": errors})


def _reply(status: int, answer: dict[str, object]) -> Reply:
    return Reply(status, msgspec.json.encode(answer))


def _details(given: Any) -> dict[str, str]:
    """Custom details may be anything, also text; what is nested is kept as JSON text."""
    if not isinstance(given, dict):
        return {} if given is None else {"details": given if isinstance(given, str) else _json(given)}
    return {str(name): value if isinstance(value, str) else _json(value) for name, value in given.items()}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _short(value: str) -> bool:
    return len(value) <= 255 and "\n" not in value  # noqa: PLR2004 - what still reads as a label


def _links(stored: _Stored) -> tuple[Link, ...]:
    found: list[Link] = []
    for each in stored.links if isinstance(stored.links, list) else ():
        href = each.get("href") if isinstance(each, dict) else None
        if isinstance(href, str) and href.startswith(("http://", "https://")):
            text = each.get("text")
            found.append(
                Link(shape.clean(href, 2048), shape.clean(text if isinstance(text, str) else "", 255))
            )
    if stored.client_url and stored.client_url.startswith(("http://", "https://")):
        found.append(Link(shape.clean(stored.client_url, 2048), shape.clean(stored.client or "Client", 255)))
    return tuple(found[:_MOST_LINKS])
