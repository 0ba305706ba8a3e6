import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import parse_qs

from prometheus_client import Counter

from tocsin.domain.errors import Invalid
from tocsin.entrypoints.ingest import answers
from tocsin.entrypoints.ingest import body as bodies
from tocsin.entrypoints.ingest.answers import Answer
from tocsin.entrypoints.ingest.cache import Cache
from tocsin.entrypoints.ingest.keys import AwayError, Keys, Known, MisconfiguredError
from tocsin.entrypoints.ingest.line import Line
from tocsin.entrypoints.ingest.notes import KEPT_BYTES, Notes
from tocsin.entrypoints.ingest.overflow import Overflow
from tocsin.entrypoints.ingest.quota import Quotas
from tocsin.entrypoints.ingest.writer import FullError, Writer
from tocsin.lib import clock, metrics
from tocsin.lib.ratelimit import Buckets
from tocsin.lib.spool import SpoolError
from tocsin.ports import registry
from tocsin.ports.source import (
    Asked,
    CheckedSource,
    ChoosingSource,
    CompatibleSource,
    Envelope,
    RefusedError,
    Source,
    SpeakingSource,
)

logger = logging.getLogger(__name__)

Scope = Mapping[str, Any]
Send = Callable[[bodies.Message], Awaitable[None]]

PREFIX: Final = "/ingest/"
_LONGEST_KEY: Final = 64

_requests = metrics.counter("ingest_requests", "Requests to the door, by kind and status", ("kind", "status"))


@cache
def _counter(kind: str, status: int) -> Counter:
    return _requests.labels(kind, str(status))


class Options(Protocol):
    @property
    def database_url(self) -> str: ...

    @property
    def spool_dir(self) -> Path: ...

    @property
    def spool_mb(self) -> int: ...


@dataclass(frozen=True)
class Limits:
    """Requests a second of one integration, and how many may come at once. High: a storm of alerts must get
    in.
    """

    rate: float = 10_000.0
    burst: float = 20_000.0


class Door:
    """`start` it inside the running loop before the first request; `stop` commits what was accepted."""

    def __init__(self, options: Options, limits: Limits) -> None:
        self._keys = Keys(options.database_url, Cache(options.spool_dir))
        self._line = Line(options.database_url)
        self._overflow = Overflow(options.spool_dir, options.spool_mb * 1024 * 1024, self._line)
        self._writer = Writer(self._line, self._overflow)
        self._notes = Notes(options.database_url)
        self._quotas = Quotas()
        self._reader = bodies.Reader()
        self._buckets = Buckets(limits.rate, limits.burst)
        self._started = False
        self._doors: tuple[tuple[str, CompatibleSource], ...] | None = None

    async def start(self) -> None:
        if not self._started:
            self._started = True
            await self._overflow.start()
            self._writer.start()
            self._notes.start()

    async def stop(self) -> None:
        if self._started:
            self._started = False
            await self._writer.stop()
            await self._overflow.stop()
            await self._line.drop()
            await self._notes.stop()
            await self._keys.close()

    def spool(self) -> Mapping[str, float]:
        """What waits on disk for the database."""
        waiting = self._overflow.waiting
        return {
            "events": waiting,
            "share": round(self._overflow.share, 4),
            "age_seconds": round(self._overflow.age_s(), 1),
        }

    async def kind_of(self, key: str) -> str:
        """Of the enabled integration that a key opens; "" for none. Raises AwayError."""
        known = await self._keys.find(key)
        return known.kind if known is not None and known.enabled else ""

    def serves(self, method: str, path: str, query: bytes = b"") -> bool:
        if path.startswith(PREFIX):
            return True
        source = self._compatible_at(method, path)
        if isinstance(source, ChoosingSource):
            return source.wants(method, path, query)
        return source is not None

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
            answer = answers.problem(
                500, "Internal error", "This is our fault; the event was not accepted. Send it again."
            )
        answer = self._in_its_words(answer, scope)
        if answer.drain:
            await bodies.drain(receive)
        known = kind if kind in registry.sources else "compatible" if not kind else "unknown"
        _counter(known, answer.reply.status).inc()
        await _send(send, answer)

    def _in_its_words(self, answer: Answer, scope: Scope) -> Answer:
        source = self._compatible_at(scope["method"], scope["path"]) if answer.detail else None
        if not isinstance(source, SpeakingSource):
            return answer
        return answer._replace(reply=source.refusal(_asked(scope, b""), answer.reply.status, answer.detail))

    async def _answer(self, path: str, scope: Scope, receive: bodies.Receive) -> Answer:
        compatible = self._compatible_at(scope["method"], path)
        kind, _, key = path[len(PREFIX) :].partition("/")
        source: Source | None = compatible or registry.sources.get(kind)
        if source is None:
            detail = f"No kind of integration answers at {path[:200]}."
            return answers.problem(404, "Not found", detail, drain=True)
        if compatible is None and scope["method"] != "POST":
            detail = f"{source.title} sends its events here with POST; there is nothing to read."
            return answers.problem(405, "Method not allowed", detail, allow=b"POST", drain=True)
        encoding, length = _headers(scope["headers"])
        if length > bodies.DRAINED_BYTES:
            return answers.too_large(close=True)
        try:
            if compatible is None:
                return await self._plain(source, key.rstrip("/"), scope, receive, encoding)
            return await self._compatible(compatible, scope, receive, encoding)
        except bodies.TooLargeError:
            return answers.too_large(close=length < 0)
        except tuple(_REFUSALS) as error:
            return _REFUSALS[type(error)](error)

    async def _plain(
        self, source: Source, key: str, scope: Scope, receive: bodies.Receive, encoding: bytes
    ) -> Answer:
        known = await self._keys.find(key) if 0 < len(key) <= _LONGEST_KEY else None
        if known is None:
            return answers.problem(401, "Unknown key", "No integration has this key.", drain=True)
        if known.kind != source.kind:
            detail = f"This key belongs to an integration of kind “{known.kind}”, not “{source.kind}”."
            return await self._unread(known, key, answers.problem(403, "Wrong kind", detail), receive)
        if not known.enabled:
            detail = f"The integration “{known.name}” is disabled."
            return await self._unread(known, key, answers.problem(403, "Disabled", detail), receive)
        self._mark(known)
        wait = self._buckets.take(key, clock.monotonic())
        if wait:
            return answers.too_many(wait, drain=True)
        body = await self._read(known, key, receive, encoding)
        try:
            if known.checked is not None:
                await asyncio.to_thread(known.checked.check, _asked(scope, body))
            reads = known.reads_requests
            envelopes = reads.events_of(_asked(scope, body)) if reads else known.source.envelope(body)
            event_id, wait = await self._submit(known, envelopes)
        except RefusedError as error:
            return self._refused(known, key, answers.problem(401, "Not proven", str(error)), body)
        except Invalid as error:
            return self._refused(known, key, answers.invalid(error), body)
        if wait:
            return answers.too_many(wait)
        return Answer(answers.accepted(event_id, len(envelopes)))

    async def _compatible(
        self, source: CompatibleSource, scope: Scope, receive: bodies.Receive, encoding: bytes
    ) -> Answer:
        asked = _asked(scope, await self._reader.read(receive, encoding))
        known, key = None, ""
        try:
            key = source.routing_key(asked)
            known = await self._keys.find(key)
            if known is None or not known.enabled:  # any integration's key will do
                return Answer(source.unknown_key(asked))
            self._mark(known)
            wait = self._buckets.take(key, clock.monotonic())
            if wait:
                return answers.too_many(wait)
            source, kind = (
                (known.door or source, b"") if known.kind == source.kind else (source, source.kind.encode())
            )
            if isinstance(source, CheckedSource):
                await asyncio.to_thread(source.check, asked)
            envelopes = source.read(asked)
            event_id, wait = await self._submit(known, envelopes, kind)
        except RefusedError as error:
            answer = answers.problem(401, "Not proven", str(error))
            return self._refused(known, key, answer, asked.body, source.kind)
        except Invalid as error:
            answer = Answer(source.invalid(asked, error), reason=str(error))
            return self._refused(known, key, answer, asked.body, source.kind)
        return answers.too_many(wait) if wait else Answer(source.accepted(asked, envelopes, event_id))

    async def _submit(
        self, known: Known, envelopes: Sequence[Envelope], kind: bytes = b""
    ) -> tuple[str, float]:
        """The id of what was accepted, or for how long to refuse it."""
        fold = False
        if known.quota:
            fold, wait = self._quotas.ask(known.id, known.quota, len(envelopes), clock.monotonic())
            if wait:
                return "", wait
        return await self._writer.submit(known.id, envelopes, kind, fold=fold), 0.0

    async def _read(self, known: Known, key: str, receive: bodies.Receive, encoding: bytes) -> bytes:
        try:
            return await self._reader.read(receive, encoding)
        except (bodies.TooLargeError, bodies.EncodingError) as error:
            large = isinstance(error, bodies.TooLargeError)
            answer = answers.too_large(close=False) if large else answers.problem(415, "", str(error))
            self._refused(known, key, answer, error.beginning)
            raise

    async def _unread(self, known: Known, key: str, answer: Answer, receive: bodies.Receive) -> Answer:
        body, _ = await bodies.drain(receive, KEPT_BYTES)
        return self._refused(known, key, answer, body)

    def _refused(self, known: Known | None, key: str, answer: Answer, body: bytes, kind: str = "") -> Answer:
        if known is not None:
            status = answer.reply.status
            self._notes.refused(known.id, kind or known.kind, status, answer.text, body, key=key)
        return answer

    def _mark(self, known: Known) -> None:
        if known.until is not None:
            self._notes.old_key(known.id, clock.now())


_AGAIN: Final = "The event was not accepted. Send it again."
# What may go wrong on the way, and what is answered then.
_REFUSALS: Final[Mapping[type[Exception], Callable[[Any], Answer]]] = {
    bodies.TooSlowError: lambda _: answers.problem(
        408, "Request timeout", "The body did not arrive in time.", close=True
    ),
    bodies.EncodingError: lambda error: answers.problem(
        415, "Unsupported content encoding", f"Content-Encoding: {error}."
    ),
    AwayError: lambda _: answers.problem(
        503, "Database away", f"The database is away, and this key is not known here. {_AGAIN}", retry_after=2
    ),
    SpoolError: lambda _: answers.problem(
        503, "No room", f"The database is away, and the spool takes no more. {_AGAIN}", retry_after=5
    ),
    MisconfiguredError: lambda error: answers.problem(
        503,
        "Misconfigured",
        f"The integration's stored config is not valid: {error}. {_AGAIN}",
        retry_after=30,
    ),
    FullError: lambda _: answers.problem(503, "Too much at once", _AGAIN, retry_after=1),
    bodies.NoRoomError: lambda _: answers.problem(503, "Too much at once", _AGAIN, retry_after=1),
}


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


async def _send(send: Send, answer: Answer) -> None:
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
