"""Delivery: one loop claims what is due, a few threads hand it over, each over its own kept connection."""

import queue
import threading

from django.db import DatabaseError, InterfaceError, connection

from tocsin.apps.notify import delivery
from tocsin.apps.notify.types import Job
from tocsin.lib import clock, ids
from tocsin.lib.log import Logger
from tocsin.ports.channel import Receipt, Result

SENDERS = 6
_AHEAD = 4  # claimed and waiting for each sender: little, so that what is urgent overtakes
_IDLE_S = 0.25
_POLL_S = 0.5
_KEEP_TRYING_S = 30.0

_log = Logger(__name__)


class Desk:
    """What is claimed and not done. `step` is the claiming loop's."""

    def __init__(self, worker: str, stop: threading.Event) -> None:
        self._worker, self._stopping = worker, stop
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._open = 0
        self._lock = threading.Condition()
        self.senders = [
            threading.Thread(target=self._send, name=f"sender-{n}", daemon=True) for n in range(SENDERS)
        ]

    def step(self) -> float:
        room = self._room()
        if room <= 0:
            return 0.0
        jobs = delivery.claim(self._worker, clock.now(), room)
        with self._lock:
            self._open += len(jobs)
        for job in jobs:
            self._jobs.put(job)
        if not jobs:
            connection.close()
        return 0.0 if len(jobs) == room else _IDLE_S

    def _room(self) -> int:
        """How many more may be claimed; waits a moment for one to be done when none may."""
        most = SENDERS * _AHEAD
        with self._lock:
            if self._open >= most:
                self._lock.wait(_POLL_S)
            return most - self._open

    def _send(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    job = self._jobs.get(timeout=_POLL_S)
                except queue.Empty:
                    connection.close()
                    continue
                try:
                    self._deliver(job)
                finally:
                    with self._lock:
                        self._open -= 1
                        self._lock.notify()
        finally:
            connection.close()

    def _deliver(self, job: Job) -> None:
        try:
            receipt = delivery.send(job, self._worker)
        except (DatabaseError, InterfaceError) as error:
            # Nothing has left. The claim is still ours, and is given up with our heart or at our end.
            connection.close()
            _log.warning("the last gate could not be asked", notification=job.id, error=str(error).strip())
            self._again(job)
            return
        self._keep(job, receipt)

    def _again(self, job: Job) -> None:
        if not self._stopping.wait(ids.jitter(0.5)):
            with self._lock:
                self._open += 1
            self._jobs.put(job)

    def _keep(self, job: Job, receipt: Receipt) -> None:
        """What left must be remembered, or it would leave again: the database may be away for a while."""
        until = clock.monotonic() + _KEEP_TRYING_S
        while True:
            try:
                delivery.keep(job, self._worker, receipt)
            except (DatabaseError, InterfaceError) as error:
                connection.close()
                if clock.monotonic() > until:
                    _log.error("an answer was lost", notification=job.id, error=str(error).strip())
                    return
                clock.sleep(ids.jitter(0.2))
            except Exception as error:  # noqa: BLE001 - a sender must live on, and so must its message
                _log.exception("an answer could not be kept", notification=job.id, result=receipt.result)
                if receipt.result is Result.RETRY:  # what has left must not leave again
                    delivery.give_back(job, self._worker, f"{receipt.detail} ({type(error).__name__})")
                return
            else:
                return
