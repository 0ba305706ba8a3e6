"""Opsgenie's Alert and Heartbeat API, as far as it brings events; what is asked or needs somebody to be found
first is answered elsewhere. Answers follow docs.opsgenie.com and opsgenie-oas (2026).

A client that knows only a host name asks without the prefix: both are served.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from tocsin.adapters.opsgenie import parsing, reading
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.receipt import receipt_of
from tocsin.domain.signal import EventAction, Signal
from tocsin.lib import ids
from tocsin.ports.source import Asked, Envelope, Reply, Snippet

_PREFIX: Final = "/opsgenie"
_ASKS: Final = "Authorization"
_UNPROCESSABLE: Final = "Request body is not processable. Please check the errors."
_SCHEMES: Final = ("geniekey ", "bearer ")


class OpsgenieSource:
    kind = "opsgenie"
    title = "Opsgenie Alert API"
    prefix = "/"
    snippets: Sequence[Snippet] = (
        Snippet(
            "curl",
            "shell",
            "curl -X POST {base}/opsgenie/v2/alerts -H 'Authorization: GenieKey {key}'"
            " -H 'Content-Type: application/json' -d '{\n"
            '  "message": "Disk full on db1", "alias": "disk-full-db1", "priority": "P2",\n'
            '  "responders": [{"name": "databases", "type": "team"}]\n'
            "}'",
        ),
        Snippet(
            "alertmanager.yml",
            "yaml",
            "global:\n"
            "  opsgenie_api_url: {base}/opsgenie/\n"
            "  opsgenie_api_key: {key}\n"
            "receivers:\n"
            "  - name: tocsin\n"
            "    opsgenie_configs:\n"
            "      - priority: P2\n",
        ),
        Snippet(
            "Heartbeat",
            "shell",
            "curl {base}/opsgenie/v2/heartbeats/nightly-backup/ping -H 'Authorization: GenieKey {key}'",
        ),
    )

    def takes(self, method: str, path: str) -> bool:
        return "/v2/" in path and bool(reading.deed_of(method, path.removeprefix(_PREFIX))[0])

    def wants(self, method: str, path: str, query: bytes) -> bool:
        """Not what names its alert by an id: that has to be looked up."""
        deed = reading.deed_of(method, path.removeprefix(_PREFIX))[0]
        if deed in {reading.CREATE, reading.PING}:
            return True
        return parse_qs(query.decode("latin-1")).get("identifierType", [""])[-1].lower() == "alias"

    def routing_key(self, asked: Asked) -> str:
        given = asked.headers.get("authorization", "").strip()
        scheme = next((each for each in _SCHEMES if given.lower().startswith(each)), "")
        key = given[len(scheme) :] if scheme else asked.query.get("apiKey", "")
        if not key.strip():
            raise Invalid(FieldError(_ASKS, "Could not authenticate"))
        # The vendor's keys are UUIDs: one may be kept as the integration's key, without its dashes.
        return key.strip().replace("-", "").lower()

    def read(self, asked: Asked) -> Sequence[Envelope]:
        return reading.read(asked, asked.path.removeprefix(_PREFIX))

    def envelope(self, body: bytes) -> Sequence[Envelope]:
        return reading.of_body(body)

    def parse(self, payload: bytes) -> Signal:
        return parsing.signal_of(payload)

    def sample(self, dedup_key: str, *, resolve: bool = False) -> bytes:
        if resolve:
            return msgspec.json.encode({"action": "close", "alias": dedup_key, "source": "tocsin"})
        return msgspec.json.encode(
            {
                "message": "Test event from Tocsin: everything works",
                "alias": dedup_key,
                "priority": "P3",
                "source": "tocsin",
                "details": {"test": "true"},
            }
        )

    def accepted(self, _asked: Asked, envelopes: Sequence[Envelope], event_id: str) -> Reply:
        first = envelopes[0]
        ping = first.action is EventAction.HEARTBEAT
        result = "PONG - Heartbeat received" if ping else "Request will be processed"
        return _reply(202, {"result": result}, receipt_of(event_id, first.action, first.dedup_key))

    def invalid(self, _asked: Asked, error: Invalid) -> Reply:
        first = error.errors[0]
        if first.field == _ASKS:
            return _reply(401, {"message": first.message})
        if first.field == "body":
            return _reply(400, {"message": f"Request body {first.message}"})
        errors = {each.field: each.message for each in error.errors}
        return _reply(422, {"message": _UNPROCESSABLE, "errors": errors})

    def unknown_key(self, _asked: Asked) -> Reply:
        return _reply(401, {"message": "Could not authenticate"})

    def refusal(self, _asked: Asked, status: int, detail: str) -> Reply:
        if status == 429:  # noqa: PLR2004 - Too Many Requests
            detail = "You are making too many requests!"
        return _reply(status, {"message": detail})


def _reply(status: int, answer: Mapping[str, Any], request_id: str = "") -> Reply:
    request_id = request_id or ids.new_id()
    state = "THROTTLED" if status == 429 else "OK"  # noqa: PLR2004 - Too Many Requests
    headers = {
        "X-Request-ID": request_id,
        "X-Response-Time": "0.0",
        "X-RateLimit-State": state,
        "X-RateLimit-Reason": "INTEGRATION",
        "X-RateLimit-Period-In-Sec": "60",
    }
    body = msgspec.json.encode({**answer, "took": 0.0, "requestId": request_id})
    sent = tuple((name.lower().encode(), value.encode()) for name, value in headers.items())
    return Reply(status, body, headers=sent)
