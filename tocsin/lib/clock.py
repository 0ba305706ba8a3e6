"""The only place that reads the clock. Tests move it with time-machine."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The current instant, aware, in UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Seconds of a clock that never jumps; for measuring and for time-outs only."""
    return time.monotonic()


def perf() -> float:
    """Seconds of the finest clock there is; for measuring durations only."""
    return time.perf_counter()


def sleep(seconds: float) -> None:
    time.sleep(seconds)
