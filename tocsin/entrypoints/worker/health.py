"""The heart: it beats each second, takes over from the dead, and looks whether all is well: what is due
leaves, the canary arrives, vendors take what they are given. What is not is told to the administrators; that
all is, to the watchdog outside.
"""

import os
import socket
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tocsin.apps.escalation import queries as escalation
from tocsin.apps.incidents import canary
from tocsin.apps.integrations import claiming
from tocsin.apps.notify import delivery
from tocsin.apps.notify import health as notices
from tocsin.apps.notify import queries as notify
from tocsin.apps.notify.health import Finding
from tocsin.domain.canary import LOST_AFTER
from tocsin.lib import clock, http, metrics
from tocsin.lib.log import Logger

_BEAT_S = 1.0
_GAP_S = 3.0
_CAUTION_S = 2.0
_PING_S = 30.0
_SAY_S = 10.0
_JUDGE_S = 5.0
_WORRY_S = 60.0  # so late, it is no hiccup: people are told
_WHAT: Final = {
    "escalation": "Calling the next person",
    "notification": "Sending messages",
    "event": "Taking in events",
}

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
    _judged_at: float = -1e9
    _began_at: float = field(default_factory=clock.monotonic)
    _lost_said: str = ""
    _late: dict[str, float] = field(default_factory=dict)
    _arrives: bool = False

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
        now = clock.now()
        late = self._watch(now)
        if began - self._judged_at >= _JUDGE_S:
            self._judged_at = began
            self._arrives = self._judge(now)
        if not late and self._arrives and self.watchdog_url and began - self._pinged_at >= _PING_S:
            self._pinged_at = began
            self._ping()
        return max(0.1, _BEAT_S - (clock.monotonic() - began))

    def _watch(self, now: datetime) -> bool:
        """Whether anything is later than it may be; said at most every ten seconds."""
        _, message = notify.waiting(now)
        oldest = {
            "escalation": escalation.oldest_due(now),
            "notification": message,
            "event": claiming.oldest_waiting(),
        }
        self._late = {what: (now - at).total_seconds() if at else 0.0 for what, at in oldest.items()}
        for what, seconds in self._late.items():
            _late.labels(what).set(seconds)
        worst = {what: round(seconds, 1) for what, seconds in self._late.items() if seconds > self.lag_s}
        if worst and clock.monotonic() - self._said_at >= _SAY_S:
            self._said_at = clock.monotonic()
            _log.error("something due is late", **worst)
        return bool(worst)

    def _judge(self, now: datetime) -> bool:
        """Tell the administrators what is not well; whether the canary arrives."""
        lost = self._canary(now) if self.flies else Finding("canary", "the canary")
        late = [self._of_late(what, seconds) for what, seconds in self._late.items()]
        # Who has just started knows nothing of the time before: what is late then may be about to leave.
        if clock.monotonic() - self._began_at >= LOST_AFTER.total_seconds():
            notices.report((lost, *late, *notices.of_vendors(), notices.of_workers(now)), now)
        return not lost.wrong

    def _canary(self, now: datetime) -> Finding:
        standing = canary.standing(now)
        if standing.stuck and standing.name != self._lost_said:
            self._lost_said = standing.name
            _log.error("the canary did not arrive", canary=standing.name, where=standing.stuck)
        if standing.good_at is not None and now - standing.good_at <= LOST_AFTER:
            return Finding("canary", "the canary arrives")
        since = f"since {standing.good_at:%H:%M} UTC" if standing.good_at else "in time"
        said = standing.stuck or "none was sent: no worker made one"
        lines = (
            f"The last one, {standing.name or 'of this minute'}: {said}.",
            "It is an event of Tocsin's own that goes, each minute, the way of every alert.",
            "While it does not arrive, alerts may reach nobody, and the watchdog outside is not pinged.",
            "`tocsin doctor` on the server looks further.",
        )
        return Finding("canary", "the canary arrives", f"The canary has not arrived {since}", lines)

    def _of_late(self, what: str, seconds: float) -> Finding:
        title = f"{_WHAT[what]} is on time"
        if seconds <= max(_WORRY_S, self.lag_s):
            return Finding(f"late:{what}", title)
        lines = (
            f"The oldest is {seconds:.0f} s late, as worker {self.host} (process {os.getpid()}) sees it.",
            "Look at the workers' logs and at the load of the database.",
        )
        return Finding(f"late:{what}", title, f"{_WHAT[what]} is late", lines)

    def _ping(self) -> None:
        """Silence is what the outside watchdog alarms about, so only the healthy ping."""
        try:
            with http.client(trusted=True) as client:
                client.get(self.watchdog_url, timeout_s=5.0)
        except http.HttpError as error:
            _log.warning("the watchdog cannot be reached", error=str(error))
