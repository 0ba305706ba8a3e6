"""Signs of life over HTTP, on the paths that healthchecks.io made common: the job's own name after the key,
then what happened, `start`, `fail` or the exit code; nothing means that all is well.

The same form carries what the platform itself says about a heartbeat or a silent source: those events stand
in the log as if a tool had sent them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import msgspec

from tocsin.domain import heartbeat, shape
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.signal import Beat, EventAction, Link, Signal
from tocsin.domain.time import parse_duration
from tocsin.ports.source import Asked, Envelope, Reply, Snippet

UNNAMED: Final = "main"
LONGEST_NOTE: Final = 10_000
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT"})
_BEATS: Final = {"start": Beat.START, "fail": Beat.FAIL}
_MOST_CODE: Final = 255
_PROBLEM: Final = b"application/problem+json"

_Code = Annotated[int, msgspec.Meta(ge=0, le=_MOST_CODE)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=heartbeat.LONGEST.total_seconds())]


class _Event(msgspec.Struct, omit_defaults=True):
    """`key` of a sign of life is the heartbeat's name, else the alert's dedup key."""

    action: EventAction
    key: str
    beat: Beat = Beat.PING
    exit_code: _Code | None = None
    every_s: _Seconds | None = None
    note: str = ""
    summary: str = ""
    severity: str | None = None
    labels: dict[str, str] = {}
    links: list[str] = []
    unless_heard_since: datetime | None = None


_event: Final = msgspec.json.Decoder(_Event)


class HeartbeatSource:
    kind = "heartbeat"
    title = "Heartbeats"
    prefix = "/ingest/heartbeat/"
    snippets: Sequence[Snippet] = (
        Snippet("At the end of a cron job", "shell", "0 3 * * * backup.sh && curl -fsS -m 10 {url}/backup"),
        Snippet(
            "With its start and its exit code",
            "shell",
            "curl -fsS -m 10 {url}/backup/start\n"
            "backup.sh > /tmp/backup.log 2>&1\n"
            "code=$?\n"
            "tail -c 9000 /tmp/backup.log | curl -fsS -m 10 --data-binary @- {url}/backup/$code",
        ),
        Snippet(
            "systemd",
            "ini",
            "[Service]\n"
            "ExecStart=/usr/local/bin/backup.sh\n"
            "ExecStopPost=/bin/sh -c 'curl -fsS -m 10 {url}/backup/$EXIT_STATUS'",
        ),
        Snippet(
            "Python",
            "python",
            'import urllib.request\n\nurllib.request.urlopen("{url}/backup", timeout=10).close()',
        ),
    )

    def takes(self, method: str, path: str) -> bool:
        return method in _METHODS and path.startswith(self.prefix)

    def routing_key(self, asked: Asked) -> str:
        return self._parts(asked)[0]

    def read(self, asked: Asked) -> Sequence[Envelope]:
        _, name, what = self._parts(asked)
        beat, code = _BEATS.get(what, Beat.PING), int(what) if what.isdigit() else None
        note = shape.clean(asked.body[:LONGEST_NOTE].decode(errors="replace"), LONGEST_NOTE)
        every = _every(asked.query.get("every", ""))
        event = _Event(
            EventAction.HEARTBEAT, name, beat, code, every.total_seconds() if every else None, note
        )
        # What two signs of life say may differ: such are never folded into one.
        said = f"{beat}:{'' if code is None else code}"
        return [Envelope(EventAction.HEARTBEAT, name, msgspec.json.encode(event), said)]

    def _parts(self, asked: Asked) -> tuple[str, str, str]:
        """Key, name, what happened. Raises Invalid."""
        key, *rest = asked.path[len(self.prefix) :].strip("/").split("/")
        what = rest.pop() if rest and _is_what(rest[-1]) else ""
        if len(rest) > 1 or (what.isdigit() and int(what) > _MOST_CODE):
            expected = "expected /ingest/heartbeat/KEY/NAME, then start, fail or an exit code from 0 to 255"
            raise Invalid(FieldError("path", expected))
        name = rest[0].strip() if rest else UNNAMED
        if len(name) > heartbeat.LONGEST_NAME:
            raise Invalid(FieldError("name", f"has at most {heartbeat.LONGEST_NAME} characters"))
        return key, shape.check_dedup_key(name, "name"), what

    def envelope(self, body: bytes) -> Sequence[Envelope]:
        event = shape.read(body, _event)
        shape.check_dedup_key(event.key, "key")
        return [Envelope(event.action, event.key, body, event.severity or "")]

    def parse(self, payload: bytes) -> Signal:
        event = shape.read(payload, _event)
        note = shape.clean(event.note, LONGEST_NOTE)
        return Signal(
            action=event.action,
            dedup_key=event.key,
            summary=shape.clean(event.summary, 1024),
            severity=shape.clean(event.severity, 255) if event.severity else None,
            labels=shape.labels_of(dict(event.labels)),
            annotations=shape.labels_of({"description": note}) if note else {},
            links=tuple(Link(shape.clean(href, 2048)) for href in event.links),
            note=note,
            beat=event.beat,
            exit_code=event.exit_code,
            every=timedelta(seconds=event.every_s) if event.every_s else None,
            unless_heard_since=event.unless_heard_since,
            details=_details(event),
        )

    def sample(self, dedup_key: str, *, resolve: bool = False) -> bytes:
        action = EventAction.RESOLVE if resolve else EventAction.TRIGGER
        summary = "Test event from Tocsin: everything works"
        return msgspec.json.encode(
            _Event(action, dedup_key, summary=summary, severity="warning", labels={"test": "true"})
        )

    def accepted(self, _asked: Asked, _envelopes: Sequence[Envelope], event_id: str) -> Reply:
        return Reply(202, b'{"status":"accepted","event_id":"%b","events":1}' % event_id.encode())

    def invalid(self, _asked: Asked, error: Invalid) -> Reply:
        fields = [{"field": each.field, "message": each.message} for each in error.errors]
        return _problem(400, "Invalid heartbeat", str(error), fields)

    def unknown_key(self, _asked: Asked) -> Reply:
        return _problem(401, "Unknown key", "No integration has this key, or it is disabled.")


def _is_what(text: str) -> bool:
    return text in _BEATS or (text.isascii() and text.isdigit() and len(text) <= 9)  # noqa: PLR2004 - more is a name


def _every(text: str) -> timedelta | None:
    """How often it means to be heard, where it creates itself."""
    if not text:
        return None
    try:
        return heartbeat.plan_of(parse_duration(text), "", "UTC", None).every
    except ValueError as error:
        raise Invalid(FieldError("every", str(error))) from None


def _details(event: _Event) -> dict[str, Any]:
    known = msgspec.to_builtins(event)
    return {name: value for name, value in known.items() if name not in {"action", "key"}}


def _problem(status: int, title: str, detail: str, errors: Sequence[dict[str, str]] = ()) -> Reply:
    answer = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "errors": list(errors),
    }
    return Reply(status, msgspec.json.encode(answer), _PROBLEM)
