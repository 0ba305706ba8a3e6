"""How many events to take at once: the more the cheaper, as long as nobody waits for a batch to end."""

from collections.abc import Callable
from typing import Final

_FEWEST: Final = 25
_MOST: Final = 2000
_BEGIN: Final = 200
_SHORT_S: Final = 0.12
_LONG_S: Final = 0.3


class Pace:
    """`work(limit)` gives the number worked; `monotonic` the seconds."""

    def __init__(self, work: Callable[[int], int], monotonic: Callable[[], float]) -> None:
        self._work, self._monotonic = work, monotonic
        self.limit = _BEGIN

    def step(self) -> int:
        began = self._monotonic()
        done = self._work(self.limit)
        took = self._monotonic() - began
        if took > _LONG_S:
            self.limit = max(_FEWEST, self.limit // 2)
        elif took < _SHORT_S and done >= self.limit // 2:
            self.limit = min(_MOST, self.limit * 2)
        return done
