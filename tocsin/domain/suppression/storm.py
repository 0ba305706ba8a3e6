"""A storm reduces messages, never people: while it lasts, the alerts of a service share one incident."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

QUIET: Final = timedelta(minutes=10)  # so long below the threshold, and it is over


@dataclass(frozen=True)
class Storm:
    """It begins with `alerts` new ones `within` this time, over all services."""

    alerts: int
    within: timedelta
