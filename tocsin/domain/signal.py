"""What a tool says, in our words: one Signal is one event of one integration, whatever the tool's own
format was.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from zlib import crc32

# Events of one key share a lane, and a lane is worked by one worker at a time: their order is kept.
LANES: Final = 64


def lane_of(integration_id: int, dedup_key: str) -> int:
    return crc32(dedup_key.encode(), integration_id & 0xFFFFFFFF) % LANES


class EventAction(StrEnum):
    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


@dataclass(frozen=True)
class Link:
    href: str
    text: str = ""


@dataclass(frozen=True)
class Signal:
    """One parsed event.

    `severity` is the tool's own word (see `domain.severity.choose`); `labels` are flat strings that routes
    match on; `group_key` is the tool's own grouping (Alertmanager's groupKey), "" where it has none;
    `started_at` and `ended_at` are the tool's claim, aware, None where it makes none.
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
