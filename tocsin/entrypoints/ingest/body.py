"""Reading a body that may be too big, too slow, compressed, or never come."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, Self

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

MAX_BYTES: Final = 1024 * 1024
DRAINED_BYTES: Final = 4 * 1024 * 1024
READ_WITHIN_S: Final = 15.0
_MOST_MEMBERS: Final = 100  # each is looked for anew
ROOM: Final = 64 * 1024 * 1024


class _UnreadError(Exception):
    """`beginning`: what had come of the body."""

    beginning = b""

    def having(self, body: bytes) -> Self:
        self.beginning = body
        return self


class TooLargeError(_UnreadError):
    pass


class NoRoomError(Exception):
    """All bodies that are arriving now take more memory than they may."""


class TooSlowError(Exception):
    pass


class GoneError(Exception):
    """The sender hung up."""


class EncodingError(_UnreadError):
    """A Content-Encoding that is not read here, or that does not hold what it says."""


class Reader:
    """Reads bodies, many at a time; together they never hold more than `ROOM` bytes while they arrive."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room

    async def read(self, receive: Receive, encoding: bytes) -> bytes:
        """At most `MAX_BYTES`, unpacked too. Raises one of the errors above."""
        message = await receive()
        body: bytes = message.get("body", b"")
        if message["type"] == "http.disconnect":
            raise GoneError
        if message.get("more_body"):
            try:
                async with asyncio.timeout(READ_WITHIN_S):
                    body = await self._rest(receive, body)
            except TimeoutError:
                raise TooSlowError from None
        if len(body) > MAX_BYTES:
            raise TooLargeError().having(body)
        try:
            return _unpacked(body, encoding) if encoding else body
        except _UnreadError as error:
            raise error.having(body) from error.__cause__

    async def _rest(self, receive: Receive, first: bytes) -> bytes:
        """The whole body; of one that is too large, so much is taken that the sender gets to read the
        answer.
        """
        parts, size, held, more = [first], len(first), 0, True
        try:
            while more and size <= DRAINED_BYTES:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise GoneError
                part: bytes = message.get("body", b"")
                more = message.get("more_body", False)
                size += len(part)
                if size <= MAX_BYTES:
                    held += len(part)
                    self._room -= len(part)
                    if self._room < 0:
                        raise NoRoomError
                    parts.append(part)
        finally:
            self._room += held
        if size > MAX_BYTES:
            raise TooLargeError().having(b"".join(parts))
        return b"".join(parts)


async def drain(receive: Receive, keep: int = 0) -> tuple[bytes, int]:
    """Take up to 4 MiB of a body nobody wants, so that the answer is read; never for long. Its beginning, of
    about `keep` bytes, and how much came.
    """
    size, kept = 0, b""
    try:
        async with asyncio.timeout(READ_WITHIN_S):
            while size <= DRAINED_BYTES:
                message = await receive()
                body = message.get("body", b"")
                size += len(body)
                if len(kept) < keep:
                    kept += body[:keep]
                if message["type"] != "http.request" or not message.get("more_body"):
                    break
    except TimeoutError:
        pass
    return kept, size


def _unpacked(body: bytes, encoding: bytes) -> bytes:
    name = encoding.strip().lower()
    if name == b"identity":
        return body
    if name not in {b"gzip", b"x-gzip", b"deflate"}:
        raise EncodingError("gzip and deflate are read here")
    plain = b""
    for _ in range(_MOST_MEMBERS):
        part, body = _member(body, name.decode(), MAX_BYTES + 1 - len(plain))
        plain += part
        if len(plain) > MAX_BYTES:
            raise TooLargeError
        if not body:
            return plain
    raise EncodingError(f"the {name.decode()} body has more than {_MOST_MEMBERS} members")


def _member(body: bytes, name: str, most: int) -> tuple[bytes, bytes]:
    """What the first member of a gzip body holds, at most `most` bytes, and what stands behind it."""
    unpacker = zlib.decompressobj(wbits=47 if name != "deflate" else 15)  # 47: gzip or zlib, by its header
    try:
        plain = unpacker.decompress(body, most)
    except zlib.error as error:
        raise EncodingError(f"the body is not {name}") from error
    if len(plain) < most and not unpacker.eof:
        raise EncodingError(f"the {name} body is cut short")
    return plain, unpacker.unused_data.lstrip(b"\0")  # some pad with it
