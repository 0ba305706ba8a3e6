import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import parse_qs

import msgspec
from prometheus_client import Counter

from tocsin.domain.errors import Invalid
from tocsin.entrypoints.ingest import body as bodies
from tocsin.entrypoints.ingest.keys import AwayError, Keys
from tocsin.entrypoints.ingest.writer import FullError, Writer
from tocsin.lib import clock, metrics
from tocsin.lib.ratelimit import Buckets
from tocsin.ports import registry
from tocsin.ports.source import Asked, CompatibleSource, Reply, Source, SpeakingSource

logger = logging.getLogger(__name__)

Scope = Mapping[str, Any]
Send = Callable[[bodies.Message], Awaitable[None]]

PREFIX: Final = "/ingest/"
_JSON: Final = b"application/json"
_PROBLEM: Final = b"application/problem+json"
_LONGEST_KEY: Final = 64

_requests = metrics.counter("ingest_requests", "Requests to the door, by kind and status", ("kind", "status"))


@cache
def _counter(kind: str, status: int) -> Counter:
    return _requests.labels(kind, str(status))


class Options(Protocol):
    @property
    def database_url(self) -> str: ...


@dataclass(frozen=True)
class Limits:
    """Requests a second of one integration, and how many may come at once. High: a storm of alerts must get
    in.
    """

    rate: float = 10_000.0
    burst: float = 20_000.0


class _Answer(NamedTuple):
    reply: Reply
    retry_after: int = 0
    allow: bytes = b""
    drain: bool = False
    close: bool = False
    detail: str = ""  # of what the door refuses by itself


class Door:
    """`start` it inside the running loop before the first request; `stop` commits what was accepted."""

    def __init__(self, options: Options, limits: Limits) -> None:
        self._keys = Keys(options.database_url)
        self._writer = Writer(options.database_url)
        self._reader = bodies.Reader()
        self._buckets = Buckets(limits.rate, limits.burst)
        self._started = False
        self._doors: tuple[tuple[str, CompatibleSource], ...] | None = None

    async def start(self) -> None:
        if not self._started:
            self._started = True
            self._writer.start()

    async def stop(self) -> None:
        if self._started:
            self._started = False
            await self._writer.stop()
            await self._keys.close()

    def serves(self, method: str, path: str) -> bool:
        return path.startswith(PREFIX) or self._compatible_at(method, path) is not None

    def _compatible_at(self, method: str, path: str) -> CompatibleSource | None:
        if self._doors is None:
            found = (s for s in registry.sources.values() if isinstance(s, CompatibleSource))
            self._doors = tuple((s.prefix, s) for s in found)
        for prefix, source in self._doors:
            if path.startswith(prefix) and source.takes(method, path):
                return source
        return None

    async def __call__(self, scope: Scope, receive: bodies.Receive, send: Send) -> None:
        if not self._started:
            await self.start()
        path: str = scope["path"]
        kind = path[len(PREFIX) :].partition("/")[0] if path.startswith(PREFIX) else ""
        try:
            answer = await self._answer(path, scope, receive)
        except bodies.GoneError:
            return
        except Exception:
            logger.exception("the door failed")
            answer = _problem(
                500, "Internal error", "This is our fault; the event was not accepted. Send it again."
            )
        answer = self._in_its_words(answer, scope)
        if answer.drain:
            await bodies.drain(receive)
        known = kind if kind in registry.sources else "compatible" if not kind else "unknown"
        _counter(known, answer.reply.status).inc()
        await _send(send, answer)

    def _in_its_words(self, answer: _Answer, scope: Scope) -> _Answer:
        source = self._compatible_at(scope["method"], scope["path"]) if answer.detail else None
        if not isinstance(source, SpeakingSource):
            return answer
        return answer._replace(reply=source.refusal(_asked(scope, b""), answer.reply.status, answer.detail))

    async def _answer(self, path: str, scope: Scope, receive: bodies.Receive) -> _Answer:
        compatible = None if path.startswith(PREFIX) else self._compatible_at(scope["method"], path)
        kind, _, key = path[len(PREFIX) :].partition("/")
        source: Source | None = compatible or registry.sources.get(kind)
        if source is None:
            return _problem(404, "Not found", f"No kind of integration answers at {path[:200]}.", drain=True)
        if compatible is None and scope["method"] != "POST":
            detail = f"{source.title} sends its events here with POST; there is nothing to read."
            return _problem(405, "Method not allowed", detail, allow=b"POST", drain=True)
        encoding, length = _headers(scope["headers"])
        if length > bodies.DRAINED_BYTES:
            return _too_large(close=True)
        try:
            if compatible is None:
                return await self._plain(source, key.rstrip("/"), encoding, receive)
            return await self._compatible(compatible, scope, encoding, receive)
        except bodies.TooLargeError:
            return _too_large(close=length < 0)
        except bodies.TooSlowError:
            return _problem(408, "Request timeout", "The body did not arrive in time.", close=True)
        except bodies.EncodingError as error:
            return _problem(415, "Unsupported content encoding", f"Content-Encoding: {error}.")
        except AwayError:
            return _problem(503, "Database away", "The event was not accepted. Send it again.", retry_after=2)
        except (FullError, bodies.NoRoomError):
            return _problem(
                503, "Too much at once", "The event was not accepted. Send it again.", retry_after=1
            )

    async def _plain(self, source: Source, key: str, encoding: bytes, receive: bodies.Receive) -> _Answer:
        known = await self._keys.find(key) if 0 < len(key) <= _LONGEST_KEY else None
        if known is None:
            return _problem(401, "Unknown key", "No integration has this key.", drain=True)
        if known.kind != source.kind:
            detail = f"This key belongs to an integration of kind “{known.kind}”, not “{source.kind}”."
            return _problem(403, "Wrong kind", detail, drain=True)
        if not known.enabled:
            return _problem(
                403, "Integration disabled", f"The integration “{known.name}” is disabled.", drain=True
            )
        wait = self._buckets.take(key, clock.monotonic())
        if wait:
            return _too_many(wait, drain=True)
        body = await self._reader.read(receive, encoding)
        try:
            envelopes = source.envelope(body)
        except Invalid as error:
            return _invalid(error)
        event_id = await self._writer.submit(known.id, envelopes)
        answer = b'{"status":"accepted","event_id":"%b","events":%d}' % (event_id.encode(), len(envelopes))
        return _Answer(Reply(202, answer))

    async def _compatible(
        self, source: CompatibleSource, scope: Scope, encoding: bytes, receive: bodies.Receive
    ) -> _Answer:
        asked = _asked(scope, await self._reader.read(receive, encoding))
        try:
            key = source.routing_key(asked)
            known = await self._keys.find(key)
            if known is None or not known.enabled:  # any integration's key will do
                return _Answer(source.unknown_key(asked))
            wait = self._buckets.take(key, clock.monotonic())
            if wait:
                return _too_many(wait)
            envelopes = source.read(asked)
        except Invalid as error:
            return _Answer(source.invalid(asked, error))
        kind = b"" if known.kind == source.kind else source.kind.encode()
        event_id = await self._writer.submit(known.id, envelopes, kind)
        return _Answer(source.accepted(asked, envelopes, event_id))


def build(options: Options, limits: Limits | None = None) -> Door:
    return Door(options, limits or Limits())


def _asked(scope: Scope, body: bytes) -> Asked:
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    flat = {name: values[-1] for name, values in query.items()}
    return Asked(scope["method"], scope["path"], flat, headers, body)


def _headers(headers: Sequence[tuple[bytes, bytes]]) -> tuple[bytes, int]:
    """Content-Encoding ("" when absent) and Content-Length (-1 when absent or no number)."""
    encoding, length = b"", -1
    for name, value in headers:
        if name == b"content-length":
            length = int(value) if value.isdigit() and len(value) < 16 else -1  # noqa: PLR2004 - more digits mean nothing
        elif name == b"content-encoding":
            encoding = value
    return encoding, length


def _invalid(error: Invalid) -> _Answer:
    errors = [{"field": each.field, "message": each.message} for each in error.errors[:20]]
    return _problem(400, "Invalid event", str(error)[:1000], errors=errors)


def _too_large(*, close: bool) -> _Answer:
    return _problem(413, "Body too large", f"A body has at most {bodies.MAX_BYTES} bytes.", close=close)


def _too_many(wait: float, *, drain: bool = False) -> _Answer:
    detail = "More events than this integration may send. The event was not accepted. Send it again."
    return _problem(429, "Too many requests", detail, retry_after=max(1, round(wait)), drain=drain)


def _problem(
    status: int, title: str, detail: str, *, errors: Sequence[Mapping[str, str]] = (), **how: Any
) -> _Answer:
    """RFC 9457."""
    answer = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "errors": list(errors),
    }
    return _Answer(Reply(status, msgspec.json.encode(answer), _PROBLEM), detail=detail, **how)


async def _send(send: Send, answer: _Answer) -> None:
    status, body, content_type, more = answer.reply
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body)), *more]
    if answer.retry_after:
        headers.append((b"retry-after", b"%d" % answer.retry_after))
    if answer.allow:
        headers.append((b"allow", answer.allow))
    if answer.close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
