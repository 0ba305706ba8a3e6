"""What PagerDuty's three doors take, checked as the vendor checks it, and how the log keeps it: always as an
event of version 2, without the key.
"""

from typing import Any, Final, Literal

import msgspec

from tocsin.domain import shape
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.signal import EventAction
from tocsin.lib import ids
from tocsin.ports.source import Envelope

LONGEST_KEY: Final = 255
MAX_BYTES: Final = 512 * 1024
_WORDS: Final = frozenset({"critical", "warning", "error", "info"})
_ACTIONS: Final = "must be one of: trigger, acknowledge, resolve"


class _Payload(msgspec.Struct):
    summary: str
    source: str
    severity: str


class _Event(msgspec.Struct):
    """`payload` is required to trigger only; on the other actions Alertmanager sends one all the same."""

    event_action: str
    dedup_key: str | None = None
    payload: msgspec.Raw = msgspec.Raw(b"null")
    client: str | None = None
    client_url: str | None = None
    links: msgspec.Raw = msgspec.Raw(b"null")
    images: msgspec.Raw = msgspec.Raw(b"null")


class _ChangePayload(msgspec.Struct):
    summary: str


class _Change(msgspec.Struct):
    payload: msgspec.Raw
    links: msgspec.Raw = msgspec.Raw(b"null")
    images: msgspec.Raw = msgspec.Raw(b"null")


class _First(msgspec.Struct):
    """An event of version 1."""

    event_type: Literal["trigger", "acknowledge", "resolve"]
    incident_key: str | None = None
    description: str | None = None
    details: msgspec.Raw = msgspec.Raw(b"null")
    client: str | None = None
    client_url: str | None = None
    contexts: Any = None


_event: Final = msgspec.json.Decoder(_Event)
_payload: Final = msgspec.json.Decoder(_Payload)
_change: Final = msgspec.json.Decoder(_Change)
_change_payload: Final = msgspec.json.Decoder(_ChangePayload)
_first: Final = msgspec.json.Decoder(_First)


def alert(body: bytes) -> Envelope:
    event = shape.read(_measured(body), _event)
    if event.event_action not in {"trigger", "acknowledge", "resolve"}:
        raise Invalid(FieldError("event_action", f"is invalid ({_ACTIONS})"))
    action = EventAction(event.event_action)
    severity = ""
    if action is EventAction.TRIGGER:
        severity = _checked_payload(bytes(event.payload))
    key = _key(event.dedup_key, "dedup_key", action)
    kept = {
        "event_action": event.event_action,
        "dedup_key": key,
        "payload": event.payload,
        "client": event.client,
        "client_url": event.client_url,
        "links": event.links,
        "images": event.images,
    }
    return Envelope(action, key, msgspec.json.encode(kept), severity)


def change(body: bytes) -> Envelope:
    event = shape.read(_measured(body), _change)
    inner = _inside(bytes(event.payload), _change_payload)
    if not inner.summary.strip():
        raise Invalid(FieldError("payload.summary", "is missing or blank"))
    key = ids.new_id()
    kept = {
        "event_action": "change",
        "dedup_key": key,
        "payload": event.payload,
        "links": event.links,
        "images": event.images,
    }
    return Envelope(EventAction.CHANGE, key, msgspec.json.encode(kept))


def first(body: bytes) -> Envelope:
    """One of version 1 (`/generic/2010-04-15/create_event.json`). It knows no severity and no source."""
    event = shape.read(_measured(body), _first)
    action = EventAction(event.event_type)
    if action is EventAction.TRIGGER and not (event.description or "").strip():
        raise Invalid(FieldError("description", "is missing or blank"))
    key = _key(event.incident_key, "incident_key", action)
    contexts = [each for each in event.contexts if isinstance(each, dict)] if _listed(event.contexts) else []
    kept = {
        "event_action": event.event_type,
        "dedup_key": key,
        "payload": {"summary": event.description or "", "custom_details": event.details},
        "client": event.client,
        "client_url": event.client_url,
        "links": [each for each in contexts if each.get("type") == "link"],
        "images": [each for each in contexts if each.get("type") == "image"],
    }
    return Envelope(action, key, msgspec.json.encode(kept))


def _listed(value: Any) -> bool:
    return isinstance(value, list)


def _measured(body: bytes) -> bytes:
    if len(body) > MAX_BYTES:
        raise Invalid(FieldError("event", f"has {len(body)} bytes (at most {MAX_BYTES} are allowed)"))
    return body


def _key(given: str | None, field: str, action: EventAction) -> str:
    if not given:
        if action is not EventAction.TRIGGER:
            raise Invalid(FieldError(field, "is missing or blank"))
        return ids.new_id().replace("-", "")  # 32 hex digits, as the vendor's own
    if len(given) > LONGEST_KEY:
        raise Invalid(FieldError(field, f"is incorrect (should be at most {LONGEST_KEY} characters)"))
    return shape.check_dedup_key(given, field)


def _checked_payload(raw: bytes) -> str:
    """The severity."""
    payload = _inside(raw, _payload)
    for name, value in (("summary", payload.summary), ("source", payload.source)):
        if not value.strip():
            raise Invalid(FieldError(f"payload.{name}", "is missing or blank"))
    if payload.severity not in _WORDS:
        choice = "'critical', 'warning', 'error' or 'info'"
        raise Invalid(FieldError("payload.severity", f"is invalid (must be one of the following: {choice})"))
    return payload.severity


def _inside(raw: bytes, decoder: "msgspec.json.Decoder[shape.T]") -> shape.T:
    """The payload. Raises `Invalid` with the path inside the event."""
    try:
        return shape.read(raw, decoder)
    except Invalid as error:
        raise Invalid(
            *(
                FieldError("payload" if each.field == "body" else f"payload.{each.field}", each.message)
                for each in error.errors
            )
        ) from None
