"""A loop: one thread that does what is due, sleeps until woken or until its pause is over, and outlives
every error.
"""

import threading
from collections.abc import Callable, Mapping

from django.db import DatabaseError, InterfaceError, connection

from tocsin.lib import clock, db, ids
from tocsin.lib.log import Logger

_log = Logger(__name__)
_BACKOFF_S = (0.1, 0.25, 0.5, 1.0)  # never long: PostgreSQL may answer again at any moment
_WAIT_S = 5.0

Step = Callable[[], float]
"""Does what is due; how many seconds to pause, 0 when there may be more at once."""


class Loop(threading.Thread):
    """`step` is repeated until `stop`; `ring` ends a pause early."""

    def __init__(self, name: str, step: Step, stop: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self._step, self._stopping = step, stop
        self._bell = threading.Event()
        self.beat_at = clock.monotonic()
        self._failures = 0

    def ring(self) -> None:
        self._bell.set()

    def run(self) -> None:
        try:
            while not self._stopping.is_set():
                # Cleared before looking: what is rung for while we look makes us look again.
                self._bell.clear()
                pause = self._once()
                self.beat_at = clock.monotonic()
                if pause > 0:
                    self._bell.wait(pause)
        finally:
            connection.close()

    def _once(self) -> float:
        try:
            pause = self._step()
        except (DatabaseError, InterfaceError) as error:
            # Said once for one outage, and again when something else goes wrong.
            if self._failures == 0:
                _log.warning("the database failed; trying again", loop=self.name, error=str(error).strip())
            return self._failed()
        except Exception:  # noqa: BLE001 - whatever one round meets, the next one is due
            _log.exception("a loop failed; it goes on", loop=self.name)
            return self._failed()
        if self._failures:
            _log.info("works again", loop=self.name)
            self._failures = 0
        return pause

    def _failed(self) -> float:
        connection.close()
        self._failures += 1
        pause = _BACKOFF_S[min(self._failures, len(_BACKOFF_S)) - 1]
        self._stopping.wait(ids.jitter(pause))
        return 0.0


class Bell(threading.Thread):
    """Listens to PostgreSQL and rings the loops that a channel concerns."""

    def __init__(self, url: str, loops: Mapping[str, tuple[Loop, ...]], stop: threading.Event) -> None:
        super().__init__(name="bell", daemon=True)
        self._waiter = db.Waiter(url, tuple(loops))
        self._loops, self._stopping = loops, stop

    def run(self) -> None:
        try:
            while not self._stopping.is_set():
                for channel in self._waiter.wait(_WAIT_S):
                    for loop in self._loops[channel]:
                        loop.ring()
        finally:
            self._waiter.close()
