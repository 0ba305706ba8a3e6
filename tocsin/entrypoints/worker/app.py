"""The worker: events, escalation, delivery, duty and the heart, each a loop of its own. Any number run beside
each other.

Nothing is remembered here: what is due stands in the database, and is claimed row by row.
"""

import sys
import threading
from typing import Final, Protocol

from django.db import InterfaceError, OperationalError, transaction

from tocsin.apps.audit import fresh
from tocsin.apps.escalation import actions as escalation
from tocsin.apps.incidents import jobs as incidents
from tocsin.apps.incidents.handlers import collecting
from tocsin.apps.notify import delivery
from tocsin.apps.oncall import fetching
from tocsin.entrypoints.worker import duty, proofs
from tocsin.entrypoints.worker.canary import Canary
from tocsin.entrypoints.worker.delivery import Desk
from tocsin.entrypoints.worker.health import Health
from tocsin.entrypoints.worker.loops import Bell, Loop
from tocsin.entrypoints.worker.pace import Pace
from tocsin.lib import clock, ids
from tocsin.lib.log import Logger

_EVENTS_S = 1.0  # a missed notice costs at most this
_DUE_S = 0.25
_SWEEP_S = 1.0
_TIDY_S = 600.0
_CALENDARS_S = 3.0
_BATCH = 150
_END_S = 8.0
# Frames. What is nested as deeply as the door could just read must be read here too, further down a stack.
STACK: Final = 4000

_log = Logger(__name__)


class Options(Protocol):
    @property
    def database_url(self) -> str: ...

    @property
    def worker_lag_s(self) -> float: ...

    @property
    def watchdog_url(self) -> str: ...

    @property
    def canary_url(self) -> str: ...


def run(options: Options, stop: threading.Event) -> None:
    """Until `stop` is set; then what is being handed over is finished, and the rest is left to others."""
    sys.setrecursionlimit(STACK)
    fresh.enable()
    worker = ids.new_id()
    desk = Desk(worker, stop)
    health = Health(worker, options.worker_lag_s, options.watchdog_url, flies=bool(options.canary_url))
    pace = Pace(lambda limit: incidents.process_waiting(clock.now(), limit), clock.monotonic)
    events = Loop("events", lambda: 0.0 if pace.step() else _EVENTS_S, stop)
    due = Loop("escalation", _escalation, stop)
    out = Loop("delivery", desk.step, stop)
    loops = (
        Loop("heart", health.step, stop),
        events,
        due,
        out,
        Loop("sweep", _Sweep().step, stop),
        Loop("duty", duty.step, stop),
    )
    bell = Bell(options.database_url, {"tocsin_events": (events,), "tocsin_due": (due, out)}, stop)
    # Not waited for at the end: a calendar that is being read is read again, and so flies the next canary.
    apart: list[threading.Thread] = [
        bell,
        Loop("calendars", _calendars, stop),
        Loop("proofs", proofs.step, stop),
    ]
    if options.canary_url:
        apart.append(Loop("canary", Canary(options.canary_url, stop).step, stop))
    threads = [*loops, *desk.senders, *apart]
    for thread in threads:
        thread.start()
    _log.info("worker started", worker=worker)
    stop.wait()
    for loop in loops:
        loop.ring()
    until = clock.monotonic() + _END_S
    for thread in threads:
        if thread not in apart:
            thread.join(max(0.0, until - clock.monotonic()))
    _goodbye(worker)


def _goodbye(worker: str) -> None:
    try:
        delivery.leave(worker)
    except Exception as error:  # noqa: BLE001 - the database may be gone already; others take over then
        _log.warning("left without a goodbye", error=str(error).strip())
    else:
        _log.info("worker ended", worker=worker)


def _escalation() -> float:
    now = clock.now()
    try:
        with transaction.atomic(), collecting():
            done = escalation.advance_due(now=now, limit=_BATCH)
        done += escalation.advance_held(now=now)
    except (OperationalError, InterfaceError):
        raise
    except Exception:  # noqa: BLE001 - one call-out of the batch is at fault; the others must be called
        _log.exception("a batch of call-outs failed; each is tried alone")
        done = escalation.advance_apart(now=now, limit=_BATCH)
    return 0.0 if done else _DUE_S


def _calendars() -> float:
    return 0.0 if fetching.read_due(clock.now()) else _CALENDARS_S


class _Sweep:
    def __init__(self) -> None:
        self._tidied_at = clock.monotonic() - _TIDY_S  # at once: tomorrow's events need their place

    def step(self) -> float:
        incidents.sweep(clock.now())
        if clock.monotonic() - self._tidied_at >= _TIDY_S:
            self._tidied_at = clock.monotonic()
            incidents.tidy(clock.now())
        return _SWEEP_S
