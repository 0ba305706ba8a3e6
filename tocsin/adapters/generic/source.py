"""Our own plain form: one object, or a list of them, for scripts and tools without an adapter."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from tocsin.domain import shape
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.signal import EventAction, Link, Signal
from tocsin.ports.source import Envelope, Snippet

_MOST_LINKS: Final = 20


class _Link(msgspec.Struct):
    href: str
    text: str = ""


class _Event(msgspec.Struct):
    action: Literal["trigger", "acknowledge", "resolve"]
    dedup_key: str
    summary: str = ""
    severity: str | None = None
    labels: dict[str, shape.Scalar] | None = None
    annotations: dict[str, shape.Scalar] | None = None
    links: list[_Link] | None = None
    source: str | None = None
    group_key: str | None = None
    started_at: str | None = None
    ended_at: str | None = None


_event: Final = msgspec.json.Decoder(_Event)
_raws: Final = msgspec.json.Decoder(list[msgspec.Raw])


class GenericSource:
    kind = "generic"
    title = "Generic JSON"
    snippets: Sequence[Snippet] = (
        Snippet(
            "Trigger",
            "shell",
            "curl -X POST {url} -H 'Content-Type: application/json' -d '{\n"
            '  "action": "trigger", "dedup_key": "disk-full-db1",\n'
            '  "summary": "Disk full on db1", "severity": "critical", "labels": {"host": "db1"}\n'
            "}'",
        ),
        Snippet(
            "Resolve",
            "shell",
            "curl -X POST {url} -H 'Content-Type: application/json' -d '{\n"
            '  "action": "resolve", "dedup_key": "disk-full-db1"\n'
            "}'",
        ),
    )

    def envelope(self, body: bytes) -> Sequence[Envelope]:
        if body.lstrip(b" \t\r\n").startswith(b"["):
            raws = shape.read(body, _raws)
            if not raws:
                raise Invalid(FieldError("body", "the list is empty; at least one event is expected"))
            return [_envelope(bytes(raw), f"[{number}].") for number, raw in enumerate(raws)]
        return [_envelope(body, "")]

    def parse(self, payload: bytes) -> Signal:
        event = shape.read(payload, _event)
        return Signal(
            action=EventAction(event.action),
            dedup_key=event.dedup_key,
            summary=shape.clean(event.summary.strip(), 1024),
            severity=None if event.severity is None else shape.clean(event.severity, 64),
            source=shape.clean(event.source or "", 512),
            labels=shape.labels_of(event.labels or {}),
            annotations=shape.labels_of(event.annotations or {}),
            links=tuple(
                Link(shape.clean(link.href, 2048), shape.clean(link.text, 255))
                for link in (event.links or [])[:_MOST_LINKS]
                if link.href.startswith(("http://", "https://"))
            ),
            group_key=shape.clean(event.group_key or "", 4096),
            started_at=shape.time_of(event.started_at),
            ended_at=shape.time_of(event.ended_at),
        )

    def sample(self, dedup_key: str, *, resolve: bool = False) -> bytes:
        return msgspec.json.encode(
            {
                "action": "resolve" if resolve else "trigger",
                "dedup_key": dedup_key,
                "summary": "Test event from Tocsin: everything works",
                "severity": "warning",
                "labels": {"test": "true"},
            }
        )


def _envelope(raw: bytes, prefix: str) -> Envelope:
    try:
        event = shape.read(raw, _event)
        _check(event)
    except Invalid as error:
        raise Invalid(*(_placed(each, prefix) for each in error.errors)) from None
    return Envelope(EventAction(event.action), event.dedup_key, raw, event.severity or "")


def _check(event: _Event) -> None:
    shape.check_dedup_key(event.dedup_key, "dedup_key")
    if event.action == "trigger" and not event.summary.strip():
        raise Invalid(FieldError("summary", "is required to trigger"))


def _placed(error: FieldError, prefix: str) -> FieldError:
    if not prefix:
        return error
    return FieldError(prefix.rstrip(".") if error.field == "body" else prefix + error.field, error.message)
