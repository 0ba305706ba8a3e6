"""The slow round of on-call: notices, readiness, what lapses. Any number of workers make it beside each
other.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.db import InterfaceError, OperationalError

from tocsin.apps.oncall import actions, notices, readiness
from tocsin.lib import clock
from tocsin.lib.log import Logger

_ROUND_S: Final = 20.0
_SOON_S: Final = 0.2  # a portion that cannot be told must not keep the processor busy

_log = Logger(__name__)
Job = Callable[[datetime], object]


def _lapse(now: datetime) -> None:
    actions.expire_swaps(now=now)


_JOBS: Final[tuple[Job, ...]] = (notices.tick, readiness.tick, _lapse)


def step(jobs: tuple[Job, ...] = _JOBS) -> float:
    """Each job in turn; one that fails is reported, and the others are done. The seconds to pause: few
    when one of them has more to do.
    """
    more = False
    for job in jobs:
        try:
            more |= job(clock.now()) is True
        except (OperationalError, InterfaceError):
            raise
        except Exception:  # noqa: BLE001 - the others are still to be done
            _log.exception("a job of on-call failed", job=f"{job.__module__}.{job.__qualname__}")
    return _SOON_S if more else _ROUND_S
