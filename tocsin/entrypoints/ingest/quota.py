"""How much of one integration gets in: above its quota repeats fold longer; only far above it is refused."""

from typing import Final

from tocsin.lib.ratelimit import Bucket

FAR_ABOVE: Final = 10
_LARGEST_POST: Final = 10_000.0


class Quotas:
    """A minute's worth of events may come at once. `now` is monotonic."""

    def __init__(self) -> None:
        self._buckets: dict[int, tuple[int, Bucket, Bucket]] = {}

    def ask(self, integration_id: int, quota: int, events: int, now: float) -> tuple[bool, float]:
        """Whether that is above the quota (events a minute), and for how many seconds to refuse it."""
        held = self._buckets.get(integration_id)
        if held is None or held[0] != quota:
            soft = Bucket(quota / 60, quota, quota, now)
            burst = max(_LARGEST_POST, float(quota * FAR_ABOVE))
            held = (quota, soft, Bucket(quota * FAR_ABOVE / 60, burst, burst, now))
            self._buckets[integration_id] = held
        _, soft, hard = held
        wait = hard.take(now, min(events, _LARGEST_POST))
        return (False, wait) if wait else (soft.take(now, events) > 0, 0.0)
