"""An event as the log keeps it, in our words."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from tocsin.domain import shape
from tocsin.domain.signal import EventAction, Image, Link, Signal

_MOST: Final = 20
_SHORT: Final = 255  # what still reads as a label
# The vendor's own Python client writes an offset and a Z behind it.
_TWO_ZONES: Final = re.compile(r"([+-]\d\d:?\d\d)Z$")


class _Payload(msgspec.Struct):
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
    images: Any = None


_stored: Final = msgspec.json.Decoder(_Stored)


def signal_of(payload: bytes) -> Signal:
    stored = shape.read(payload, _stored)
    given = shape.storable(stored.payload if isinstance(stored.payload, dict) else {})
    try:
        inner = msgspec.convert(given, _Payload)
    except msgspec.ValidationError:
        inner = _liberal(given)
    details = _details(inner.custom_details)
    labels = {"component": inner.component, "group": inner.group, "class": inner.class_}
    return Signal(
        action=EventAction(stored.event_action),
        dedup_key=stored.dedup_key,
        summary=shape.clean(inner.summary.strip(), 1024),
        severity=inner.severity,
        source=shape.clean(inner.source or stored.client or "", 512),
        labels=shape.labels_of({**{n: v for n, v in details.items() if _reads_short(v)}, **labels}),
        annotations=shape.labels_of({n: v for n, v in details.items() if not _reads_short(v)}),
        links=tuple(_links(stored))[:_MOST],
        images=tuple(_images(stored.images))[:_MOST],
        started_at=_time(inner.timestamp),
        details={
            "payload": given,
            "client": shape.storable(stored.client),
            "client_url": shape.storable(stored.client_url),
        },
    )


def _liberal(payload: Mapping[str, Any]) -> _Payload:
    """What the door let through for its required fields must not be lost for an odd optional one; on
    acknowledge and resolve the vendor does not look at it at all.
    """
    text = {name: value for name, value in payload.items() if isinstance(value, str)}
    found = msgspec.convert(text, _Payload)
    found.custom_details = payload.get("custom_details")
    return found


def _time(given: Any) -> Any:
    return shape.time_of(_TWO_ZONES.sub(r"\1", given.strip())) if isinstance(given, str) else None


def _details(given: Any) -> dict[str, str]:
    """Custom details may be anything, also text; what is nested is kept as JSON text."""
    if not isinstance(given, dict):
        return {} if given is None else {"details": given if isinstance(given, str) else _json(given)}
    return {str(name): value if isinstance(value, str) else _json(value) for name, value in given.items()}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _reads_short(value: str) -> bool:
    return len(value) <= _SHORT and "\n" not in value


def _links(stored: _Stored) -> Iterable[Link]:
    for each in _mappings(stored.links):
        href = _address(each.get("href"))
        if href:
            yield Link(href, _text(each.get("text")))
    if href := _address(stored.client_url):
        yield Link(href, _text(stored.client) or "Client")


def _images(given: Any) -> Iterable[Image]:
    for each in _mappings(given):
        src = _address(each.get("src"))
        if src.startswith("https://"):  # as the vendor asks for
            yield Image(src, _address(each.get("href")), _text(each.get("alt")))


def _mappings(given: Any) -> Iterable[Mapping[str, Any]]:
    return (each for each in given if isinstance(each, dict)) if isinstance(given, list) else ()


def _address(given: Any) -> str:
    shown = isinstance(given, str) and given.startswith(("http://", "https://"))
    return shape.clean(given, 2048) if shown else ""


def _text(given: Any) -> str:
    return shape.clean(given, _SHORT) if isinstance(given, str) else ""
