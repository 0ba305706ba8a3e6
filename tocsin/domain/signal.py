"""What a tool says, in our words: one Signal is one event of one integration, whatever the tool's own
format was.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from zlib import crc32

# Events of one key share a lane, and a lane is worked by one worker at a time: their order is kept.
LANES: Final = 64
_LONGEST_AGO: Final = timedelta(days=366)


def lane_of(integration_id: int, dedup_key: str) -> int:
    return crc32(dedup_key.encode(), integration_id & 0xFFFFFFFF) % LANES


class EventAction(StrEnum):
    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    NOTE = "note"  # words for the timeline of what is open
    CHANGE = "change"  # a deploy, a switched flag: opens nothing, stands on timelines
    UPDATE = "update"  # more about what is open: summary, severity, labels; "" takes a label away
    HEARTBEAT = "heartbeat"  # a sign of life; `dedup_key` is the heartbeat's name


@dataclass(frozen=True)
class Link:
    href: str
    text: str = ""


@dataclass(frozen=True)
class Image:
    src: str
    href: str = ""
    alt: str = ""


class Beat(StrEnum):
    """What a sign of life says."""

    PING = "ping"
    START = "start"  # a run has begun; the end is due within the heartbeat's grace
    FAIL = "fail"


@dataclass(frozen=True)
class Signal:
    """One parsed event.

    `severity` is the tool's own word (see `domain.severity.choose`); `labels` are flat strings that routes
    match on; `group_key` is the tool's own grouping (Alertmanager's groupKey), "" where it has none;
    `started_at` and `ended_at` are the tool's claim, aware, None where it makes none.
    `expires_at`: over by itself then unless it is heard of again. `details` is what expressions may look
    into: the tool's own message, as JSON has it. `beat`, `exit_code` and `every` (how often it means to be
    heard) belong to heartbeats, `note` to notes, `fingerprint` is Alertmanager's.
    `unless_heard_since`: a resolve that is only a time-out, and void if the alert was heard of after that.
    """

    action: EventAction
    dedup_key: str
    summary: str = ""
    severity: str | None = None
    source: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    group_key: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    expires_at: datetime | None = None
    images: tuple[Image, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    fingerprint: str = ""
    beat: Beat = Beat.PING
    exit_code: int | None = None
    every: timedelta | None = None
    unless_heard_since: datetime | None = None


def believed(claim: datetime | None, heard: datetime) -> datetime | None:
    """When the tool says it began, where a clock may say so: not after it was heard of, and not more than a
    year before. None where there is no such claim; what the tool sent is kept as it was.
    """
    if claim is None or claim < heard - _LONGEST_AGO:
        return None
    return min(claim, heard)


def facts(signal: Signal, *, integration: str, kind: str) -> dict[str, str]:
    """What routes may match besides the tool's own labels; these stand above labels of the same name."""
    reserved = {
        "integration": integration,
        "kind": kind,
        "dedup_key": signal.dedup_key,
        "summary": signal.summary,
    }
    if signal.source:
        reserved["source"] = signal.source
    if signal.severity is not None and "severity" not in signal.labels:
        reserved["severity"] = signal.severity
    return reserved
