"""The heart: it beats each second, takes over from the dead, and reports what is late."""

import os
import socket
from dataclasses import dataclass, field
from datetime import datetime

from tocsin.apps.escalation import queries as escalation
from tocsin.apps.integrations import queries as integrations
from tocsin.apps.notify import delivery
from tocsin.apps.notify import queries as notify
from tocsin.lib import clock, http, metrics
from tocsin.lib.log import Logger

_BEAT_S = 1.0
_GAP_S = 3.0
_CAUTION_S = 2.0
_PING_S = 30.0
_SAY_S = 10.0

_log = Logger(__name__)
_late = metrics.gauge(
    "worker_late_seconds", "How late the latest due thing is, as this worker sees it", ("what",)
)


@dataclass
class Health:
    worker: str
    lag_s: float
    watchdog_url: str
    flies: bool = False  # a canary does
    host: str = field(default_factory=socket.gethostname)
    _beat_at: float = field(default_factory=clock.monotonic)
    _trusts_from: float = 0.0
    _pinged_at: float = -1e9
    _said_at: float = -1e9

    def step(self) -> float:
        began = clock.monotonic()
        delivery.beat(self.worker, self.host[:255], os.getpid())
        if began - self._beat_at > _GAP_S:
            # We were cut off, and perhaps the others too: they must have had the time to beat again.
            self._trusts_from = began + _CAUTION_S
        self._beat_at = began
        if began >= self._trusts_from:
            taken = delivery.release_dead()
            if taken:
                _log.warning("took over from a dead worker", messages=taken)
        late = self._watch(clock.now())
        if not late and self.watchdog_url and began - self._pinged_at >= _PING_S:
            self._pinged_at = began
            self._ping()
        return max(0.1, _BEAT_S - (clock.monotonic() - began))

    def _watch(self, now: datetime) -> bool:
        """Whether anything is later than it may be; said at most every ten seconds."""
        _, message = notify.waiting(now)
        oldest = {
            "escalation": escalation.oldest_due(now),
            "notification": message,
            "event": integrations.oldest_waiting(),
        }
        late = {what: (now - at).total_seconds() if at else 0.0 for what, at in oldest.items()}
        for what, seconds in late.items():
            _late.labels(what).set(seconds)
        worst = {what: round(seconds, 1) for what, seconds in late.items() if seconds > self.lag_s}
        if worst and clock.monotonic() - self._said_at >= _SAY_S:
            self._said_at = clock.monotonic()
            _log.error("something due is late", **worst)
        return bool(worst)

    def _ping(self) -> None:
        """Silence is what the outside watchdog alarms about, so only the healthy ping."""
        try:
            with http.client(trusted=True) as client:
                client.get(self.watchdog_url, timeout_s=5.0)
        except http.HttpError as error:
            _log.warning("the watchdog cannot be reached", error=str(error))
