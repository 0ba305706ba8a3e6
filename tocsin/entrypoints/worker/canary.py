"""Each minute one worker sends an event of our own through the door, as a monitor would. Whether it arrives
is for the heart to see.
"""

import threading
from datetime import datetime
from typing import Final

from tocsin.apps.incidents import canary
from tocsin.apps.incidents.canary import Flight
from tocsin.lib import clock, http, ids
from tocsin.lib.log import Logger

_MINUTE_S: Final = 60.0
_INSIST_S: Final = 20.0  # so long a monitor would try again too: the door may be starting
_AGAIN_S: Final = 1.0
_ACCEPTED: Final = 202

_log = Logger(__name__)


class Canary:
    def __init__(self, url: str, stop: threading.Event) -> None:
        """`url`: where monitors reach us."""
        self._url, self._stopping = url, stop

    def step(self) -> float:
        flight = canary.begin(clock.now())
        if flight is not None:
            self._send(flight)
            canary.tidy(clock.now())
        return ids.jitter(1.0) + _to_next_minute(clock.now())

    def _send(self, flight: Flight) -> None:
        until = clock.monotonic() + _INSIST_S
        said = ""
        while True:
            problem = self._try(flight)
            if not problem:
                return
            if problem != said:
                canary.refused(flight.name, problem)
                said = problem
            if clock.monotonic() > until or self._stopping.wait(_AGAIN_S):
                _log.warning("the canary was not let in", canary=flight.name, problem=problem)
                return

    def _try(self, flight: Flight) -> str:
        """ "" once it is accepted; otherwise why not."""
        try:
            with http.client(self._url, trusted=True) as client:
                answer = client.post(flight.path, json=flight.body, timeout_s=5.0)
        except http.HttpError as error:
            return f"the door cannot be reached: {error}".replace(flight.key, "…")
        if answer.status == _ACCEPTED:
            canary.accepted(flight.name, clock.now())
            return ""
        return f"the door at {self._url} answered {answer.status}: {answer.text[:200]}"


def _to_next_minute(now: datetime) -> float:
    return _MINUTE_S - now.second - now.microsecond / 1e6
