"""Delivery: one loop claims what is due, a few threads hand it over, each over its own kept connection."""

import itertools
import threading
from bisect import insort
from collections import Counter
from collections.abc import Callable, Sequence

from django.db import InterfaceError, InternalError, OperationalError, connection

from tocsin.apps.notify import delivery
from tocsin.apps.notify.types import Job, Places
from tocsin.lib import clock, ids
from tocsin.lib.log import Logger
from tocsin.ports.channel import Receipt, Result

SENDERS = 12
_AHEAD = 3  # claimed and waiting for each sender: little, so that other workers have their share
_MOST = SENDERS * _AHEAD
_OF_ONE_WAY = (
    9  # so many senders, and places that wait, one channel may fill: one that hangs leaves the others some
)
_MOST_OF_ONE_WAY = _OF_ONE_WAY * _AHEAD
_SEVERAL = (
    _OF_ONE_WAY  # a look at the queue costs the same for one as for many: a moment is waited for so many
)
_GATHER_S = 0.05
_FULL_S = 0.1
_IDLE_S = 0.25
_POLL_S = 0.5
_LOOK_S = 5.0
_RECEIPTS_S = 1.0
_BACKOFF_S = (0.2, 0.5, 1.0, 2.0)
_END_S = 5.0  # so long an answer is tried to be kept after the worker was told to end
_AWAY = (OperationalError, InterfaceError, InternalError)  # it passes; other errors would come again

_log = Logger(__name__)


class Desk:
    """What is claimed and not done. `step` is the claiming loop's."""

    def __init__(self, worker: str, stop: threading.Event) -> None:
        self._worker, self._stopping = worker, stop
        # By rank, then as they were claimed: what presses overtakes what waits here for a sender.
        self._jobs: list[tuple[int, int, Job]] = []
        self._taken = itertools.count()
        self._held: Counter[int] = Counter()
        self._held_by_way: Counter[str] = Counter()
        self._under_way: Counter[str] = Counter()  # at a sender, by way
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)  # for senders
        self._done_with = threading.Condition(self._lock)  # for the claiming loop
        self._looked_at = clock.monotonic()
        self._receipts_at = 0.0
        self.senders = [
            threading.Thread(target=self._send, name=f"sender-{n}", daemon=True) for n in range(SENDERS)
        ]

    def step(self) -> float:
        if clock.monotonic() - self._looked_at >= _LOOK_S:
            self._look_after_the_lost()
        if clock.monotonic() - self._receipts_at >= _RECEIPTS_S:
            self._receipts_at = clock.monotonic()
            delivery.look_after_receipts(clock.now())
        room = self._room()
        if room <= 0:
            return 0.0
        with self._lock:
            places = Places(_MOST_OF_ONE_WAY, dict(self._held_by_way))
        jobs = delivery.claim(self._worker, clock.now(), room, places)
        self._take(jobs)
        if not jobs:
            connection.close()
        full = places.less(job.via for job in jobs).full  # then more of that way may be due
        if jobs and (len(jobs) == room or full):
            return 0.0
        return _FULL_S if full else _IDLE_S

    def _take(self, jobs: Sequence[Job]) -> None:
        with self._lock:
            self._held.update(job.id for job in jobs)
            self._held_by_way.update(job.via for job in jobs)
            for job in jobs:
                insort(self._jobs, (job.rank, next(self._taken), job))
            self._work.notify(len(jobs))

    def _next(self) -> Job | None:
        """The most pressing message whose way may keep one more sender; waits a while for one."""
        with self._lock:
            if not self._work.wait_for(lambda: self._place() is not None, _POLL_S):
                return None
            _, _, job = self._jobs.pop(self._place() or 0)
            self._under_way[job.via] += 1
            return job

    def _place(self) -> int | None:
        jobs = enumerate(self._jobs)
        return next((at for at, (_, _, job) in jobs if self._under_way[job.via] < _OF_ONE_WAY), None)

    def _look_after_the_lost(self) -> None:
        """A claim whose answer never came, or that could not be given back, would stay ours as long as we
        live. Only the claiming loop looks, so nothing is just between the table and the desk.
        """
        with self._lock:
            held = list(self._held)
        lost = delivery.release_lost(self._worker, held)
        self._looked_at = clock.monotonic()
        if lost:
            _log.warning("gave up claims that nobody worked on", messages=lost)

    def _room(self) -> int:
        """How many more may be claimed; waits a while for one to be done when none may, and a moment for
        several.
        """
        with self._lock:
            if self._held.total() >= _MOST:
                self._done_with.wait(_POLL_S)
            self._done_with.wait_for(self._several, _GATHER_S)
            return _MOST - self._held.total()

    def _several(self) -> bool:
        most = max(self._held_by_way.values(), default=0)
        return self._held.total() <= _MOST - _SEVERAL and most <= _MOST_OF_ONE_WAY - _SEVERAL

    def _send(self) -> None:
        try:
            while not self._stopping.is_set():
                job = self._next()
                if job is None:
                    connection.close()
                    continue
                try:
                    self._deliver(job)
                except Exception:  # noqa: BLE001 - whatever one message meets, the next one must leave
                    _log.exception("a sender failed; it goes on", notification=job.id)
                finally:
                    self._done(job)
        finally:
            connection.close()

    def _done(self, job: Job) -> None:
        with self._lock:
            self._under_way[job.via] -= 1
            self._held_by_way[job.via] -= 1
            self._held_by_way += Counter()
            self._held[job.id] -= 1
            self._held += Counter()  # forgets what is held no longer
            self._done_with.notify()
            self._work.notify()

    def _deliver(self, job: Job) -> None:
        try:
            receipt = delivery.send(job, self._worker)
        except _AWAY as error:
            # Nothing has left. The claim is still ours, and is given up with our heart or at our end.
            connection.close()
            _log.warning("the last gate could not be asked", notification=job.id, error=str(error).strip())
            if not self._stopping.wait(ids.jitter(0.5)):
                self._take((job,))
            return
        except Exception as error:  # noqa: BLE001 - a sender must live on, and so must its message
            _log.exception("a message could not be composed", notification=job.id)
            receipt = Receipt(Result.RETRY, f"{type(error).__name__}: {error}")
        self._keep(job, receipt)

    def _keep(self, job: Job, receipt: Receipt) -> None:
        """What left must be remembered, or it would leave again; what did not must be tried again."""
        try:
            self._persist(job, lambda: delivery.keep(job, self._worker, receipt))
        except Exception as error:  # noqa: BLE001 - a sender must live on, and so must its message
            _log.exception("an answer could not be kept", notification=job.id, result=receipt.result)
            detail = f"{receipt.detail} ({type(error).__name__})"
            if receipt.result in {Result.SENT, Result.DELIVERED}:  # it must not leave again
                self._persist(job, lambda: delivery.keep_only_sent(job, receipt))
            else:
                self._persist(job, lambda: delivery.give_back(job, self._worker, detail))

    def _persist(self, job: Job, write: Callable[[], None]) -> None:
        """However long the database is away. Only our own end gives up; then others take over."""
        until: float | None = None
        failures = 0
        while True:
            try:
                return write()
            except _AWAY as error:
                connection.close()
                if failures == 0:
                    _log.warning(
                        "an answer waits for the database", notification=job.id, error=str(error).strip()
                    )
                if self._stopping.is_set():
                    until = until or clock.monotonic() + _END_S
                    if clock.monotonic() > until:
                        _log.error("an answer was lost", notification=job.id, error=str(error).strip())
                        return None
                clock.sleep(ids.jitter(_BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)]))
                failures += 1
