"""What a sender may ask again with: an id that leads back to its event in the log.

The log folds repeats that wait for one commit, so the id under which an event was accepted need not be
in it. Its first half names the commit, and the second is made anew from what tells the events of one
commit apart.
"""

import hashlib
from datetime import UTC, datetime
from typing import Final

_COMMIT: Final = 24  # characters of a UUID before its last group


def receipt_of(event_id: str, action: str, dedup_key: str) -> str:
    """A UUID again."""
    told_apart = hashlib.sha256(f"{action}\0{dedup_key}".encode()).hexdigest()
    return event_id[:_COMMIT] + told_apart[:12]


def commit_of(receipt: str) -> str:
    return receipt[:_COMMIT]


def made_at(receipt: str) -> datetime | None:
    """When its commit began to gather; None for what is no UUIDv7."""
    try:
        return datetime.fromtimestamp(int(receipt[:8] + receipt[9:13], 16) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
