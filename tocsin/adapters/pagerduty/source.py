"""PagerDuty's Events API, versions 2 and 1, and its change events, answered as the vendor answers (developer
docs and api-schema, 2026).

A client that knows only a host name asks without the prefix: both are served.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from tocsin.adapters.pagerduty import events, parsing
from tocsin.domain import shape
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.signal import Signal
from tocsin.ports.source import Asked, Envelope, Reply, Snippet

_PREFIX: Final = "/pagerduty"
_FIRST: Final = "/generic/2010-04-15/create_event.json"
_DOORS: Final[Mapping[str, Callable[[bytes], Envelope]]] = {
    "/v2/enqueue": events.alert,
    "/v2/change/enqueue": events.change,
    _FIRST: events.first,
}
_KEY_LENGTH: Final = 32
_THROTTLED: Final = "Requests for this service are arriving too quickly. Please retry later."


class _Key(msgspec.Struct, gc=False):
    routing_key: str


class _FirstKey(msgspec.Struct, gc=False):
    service_key: str


_key: Final = msgspec.json.Decoder(_Key)
_first_key: Final = msgspec.json.Decoder(_FirstKey)


class PagerDutySource:
    kind = "pagerduty"
    title = "PagerDuty Events API"
    prefix = "/"
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
        Snippet(
            "A deploy",
            "shell",
            "curl -X POST {base}/pagerduty/v2/change/enqueue -H 'Content-Type: application/json' -d '{\n"
            '  "routing_key": "{key}",\n'
            '  "payload": {"summary": "Deployed checkout 4.2", "source": "ci", "custom_details":'
            ' {"service": "checkout"}}\n'
            "}'",
        ),
    )

    def takes(self, method: str, path: str) -> bool:
        return method == "POST" and path.removeprefix(_PREFIX) in _DOORS

    def routing_key(self, asked: Asked) -> str:
        if _is_first(asked):
            name, key = "service_key", shape.read(asked.body, _first_key).service_key
        else:
            name, key = "routing_key", shape.read(asked.body, _key).routing_key
        if not key.strip():
            raise Invalid(FieldError(name, "is missing or blank"))
        if len(key) != _KEY_LENGTH:
            raise Invalid(FieldError(name, f"is incorrect (should be {_KEY_LENGTH} characters)"))
        return key

    def read(self, asked: Asked) -> Sequence[Envelope]:
        return (_DOORS[asked.path.removeprefix(_PREFIX)](asked.body),)

    def envelope(self, body: bytes) -> Sequence[Envelope]:
        return (events.alert(body),)

    def parse(self, payload: bytes) -> Signal:
        return parsing.signal_of(payload)

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

    def accepted(self, asked: Asked, envelopes: Sequence[Envelope], _event_id: str) -> Reply:
        answer = {"status": "success", "message": "Event processed"}
        if _is_first(asked):
            return _reply(200, {**answer, "incident_key": envelopes[0].dedup_key})
        if asked.path.endswith("/v2/change/enqueue"):
            return _reply(202, answer)
        return _reply(202, {**answer, "dedup_key": envelopes[0].dedup_key})

    def invalid(self, _asked: Asked, error: Invalid) -> Reply:
        if any(each.field == "body" and each.message.startswith("is ") for each in error.errors):
            message = "Event object format is unrecognized"
            return _reply(
                400, {"status": "Unrecognized object", "message": message, "errors": ["JSON parse error"]}
            )
        return _invalid([_told(each) for each in error.errors])

    def unknown_key(self, asked: Asked) -> Reply:
        return _invalid(["Invalid service key" if _is_first(asked) else "Invalid routing key"])

    def refusal(self, asked: Asked, status: int, detail: str) -> Reply:
        if status == 429:  # noqa: PLR2004 - Too Many Requests, which version 1 calls Forbidden
            throttled = {"status": "throttle exceeded", "message": _THROTTLED, "errors": [detail]}
            return _reply(403 if _is_first(asked) else 429, throttled)
        return _reply(status, {"status": "not accepted", "message": detail, "errors": [detail]})


def _is_first(asked: Asked) -> bool:
    return asked.path.endswith(_FIRST)


def _told(error: FieldError) -> str:
    """The vendor's own wording where it is known."""
    if error.message.startswith("is incorrect (should be"):
        return f"Length of '{error.field}' {error.message}"
    missing = error.message in {"is required", "expected `object`, got `null`"}
    return f"'{error.field}' {'is missing or blank' if missing else error.message}"


def _invalid(errors: list[str]) -> Reply:
    return _reply(400, {"status": "invalid event", "message": "Event object is invalid", "errors": errors})


def _reply(status: int, answer: Mapping[str, object]) -> Reply:
    return Reply(status, msgspec.json.encode(answer))
