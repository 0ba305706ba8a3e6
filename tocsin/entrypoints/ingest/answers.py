"""What the door answers: problems as RFC 9457 has them, and the plain 202."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from tocsin.domain.errors import Invalid
from tocsin.entrypoints.ingest import body as bodies
from tocsin.ports.source import Reply

_PROBLEM: Final = b"application/problem+json"


class Answer(NamedTuple):
    reply: Reply
    retry_after: int = 0
    allow: bytes = b""
    drain: bool = False
    close: bool = False
    detail: str = ""  # of what the door refuses by itself
    reason: str = ""  # of what a source refused, in its own reply

    @property
    def text(self) -> str:
        return self.detail or self.reason


def accepted(event_id: str, events: int) -> Reply:
    return Reply(202, b'{"status":"accepted","event_id":"%b","events":%d}' % (event_id.encode(), events))


def invalid(error: Invalid) -> Answer:
    errors = [{"field": each.field, "message": each.message} for each in error.errors[:20]]
    return problem(400, "Invalid event", str(error)[:1000], errors=errors)


def too_large(*, close: bool) -> Answer:
    return problem(413, "Body too large", f"A body has at most {bodies.MAX_BYTES} bytes.", close=close)


def too_many(wait: float, *, drain: bool = False) -> Answer:
    detail = "More events than this integration may send. The event was not accepted. Send it again."
    return problem(429, "Too many requests", detail, retry_after=max(1, round(wait)), drain=drain)


def problem(
    status: int, title: str, detail: str, *, errors: Sequence[Mapping[str, str]] = (), **how: Any
) -> Answer:
    """RFC 9457."""
    answer = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "errors": list(errors),
    }
    return Answer(Reply(status, msgspec.json.encode(answer), _PROBLEM), detail=detail, **how)
