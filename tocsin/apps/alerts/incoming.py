from dataclasses import dataclass
from datetime import datetime

from tocsin.apps.integrations.types import IntegrationInfo
from tocsin.domain.signal import Signal


@dataclass(frozen=True)
class Incoming:
    """One event. `count` tells how many equal ones it stands for."""

    integration: IntegrationInfo
    signal: Signal
    count: int
    received_at: datetime
    key: str = ""  # by which its alert is known; "" : the tool's own

    @property
    def dedup_key(self) -> str:
        return self.key or self.signal.dedup_key
