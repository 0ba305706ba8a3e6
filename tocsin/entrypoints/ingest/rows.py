"""Rows of the event log as the door makes them, and in PostgreSQL's binary COPY format."""

import struct
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from zlib import crc32

import psycopg

from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.signal import LANES, EventAction
from tocsin.lib.spool import Spooled
from tocsin.ports.source import Envelope

LONGEST_KEY: Final = 512

_COPY: Final = (
    "COPY integrations_event"
    " (event_id, integration_id, kind, action, dedup_key, lane, payload, count, received_at, set_aside)"
    " FROM STDIN (FORMAT BINARY)"
)
_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = struct.pack("!h", -1)
_EPOCH_1970: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_US: Final = 946_684_800_000_000  # PostgreSQL counts from 2000
_START: Final = struct.Struct("!hi").pack
_LENGTH: Final = struct.Struct("!i").pack
_INTEGRATION: Final = struct.Struct("!iqi").pack
_LANE: Final = struct.Struct("!ihi").pack
_END: Final = struct.Struct("!iiiqi").pack


class Row:
    """One event, or `count` that repeat it."""

    __slots__ = ("action", "count", "dedup_key", "event_id", "integration_id", "kind", "payload", "severity")

    def __init__(self, event_id: bytes, integration_id: int, kind: bytes, envelope: Envelope) -> None:
        self.event_id = event_id
        self.kind = kind
        self.integration_id = integration_id
        action, key, self.payload, self.severity = envelope
        self.action = _ACTION_BYTES[action]
        self.dedup_key = _key(key)
        self.count = 1

    def alike(self, other: "Row") -> bool:
        """Whether `other`, of the same key, only repeats this."""
        same = self.action is other.action and self.kind == other.kind
        return same and self.severity == other.severity

    def spooled(self) -> Spooled:
        key, action = self.dedup_key.decode(), self.action.decode()
        event_id, kind = self.event_id.decode(), self.kind.decode()
        return Spooled(event_id, self.integration_id, kind, action, key, self.payload, self.count)


def of_spooled(one: Spooled) -> Row:
    envelope = Envelope(EventAction(one.action), one.dedup_key, one.payload)
    row = Row(one.event_id.encode(), one.integration_id, one.kind.encode(), envelope)
    row.count = one.repeats
    return row


def micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    since = moment - _EPOCH_1970
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


async def copy(connection: psycopg.AsyncConnection[Any], parts: Iterable[tuple[int, Sequence[Row]]]) -> None:
    """Each part with the microsecond since 1970 at which it was received. Committed by the end of the
    statement, unless a transaction is open.
    """
    data = [_HEADER]
    for received, rows in parts:
        _add(data, rows, received - _EPOCH_US)
    data.append(_TRAILER)
    async with connection.cursor() as cursor, cursor.copy(_COPY) as copying:
        await copying.write(b"".join(data))


def _add(data: list[bytes], rows: Sequence[Row], received: int) -> None:
    add = data.append
    for row in rows:
        add(_START(10, len(row.event_id)))
        add(row.event_id)
        add(_INTEGRATION(8, row.integration_id, len(row.kind)))
        add(row.kind)
        add(_LENGTH(len(row.action)))
        add(row.action)
        add(_LENGTH(len(row.dedup_key)))
        add(row.dedup_key)
        lane = crc32(row.dedup_key, row.integration_id & 0xFFFFFFFF) % LANES
        add(_LANE(2, lane, len(row.payload)))
        add(row.payload)
        add(_END(4, row.count, 8, received, 0))


def _key(key: str) -> bytes:
    """What PostgreSQL would refuse is refused here: it must not take others' events of its commit along."""
    try:
        plain = key.encode()
    except UnicodeEncodeError:
        raise Invalid(FieldError("dedup_key", "holds a character that is none")) from None
    if len(key) > LONGEST_KEY or "\0" in key:
        raise Invalid(FieldError("dedup_key", f"expected at most {LONGEST_KEY} characters, and no NUL"))
    return plain


_ACTION_BYTES: Final = {action: action.value.encode() for action in EventAction}
