import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

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

    @cached_property
    def said(self) -> str:
        """A digest of all that routes may look at; a repeat that says the same needs no second decision."""
        signal = self.signal
        text = json.dumps([signal.severity, signal.summary, sorted(signal.labels.items())])
        return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
