"""What goes wrong at a vendor, as a script: the coming answers one by one, then all is well again.

vendor.faults.next(Status(429, retry_after_s=7), Drop(), path="/messages")
vendor.faults.always(Status(503))      # until vendor.faults.clear()
vendor.faults.returning(Back(late_s=2), Back(times=2))   # of what the vendor calls back
"""

import threading
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Status:
    """Answers with this status and does nothing else. `body`: None for the vendor's own words, if it has
    any for this status.
    """

    code: int
    retry_after_s: float | None = None
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Hang:
    """Does what it was asked for, and answers only after so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Drop:
    """Closes the connection without an answer. `taken`: it did what it was asked for before that."""

    taken: bool = False


Fault = Status | Hang | Drop


@dataclass(frozen=True)
class Back:
    """How one callback arrives: so much later, so many times; 0 times: it is lost."""

    late_s: float = 0.0
    times: int = 1


@dataclass
class Faults:
    """Thread-safe. `path` is how a request's path begins; "" is every one."""

    _next: dict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))
    _always: dict[str, Fault] = field(default_factory=dict)
    _returning: deque[Back] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self, *faults: Fault, path: str = "") -> None:
        """What the coming answers do, in this order; then it is well again."""
        with self._lock:
            self._next[path].extend(faults)

    def always(self, fault: Fault, path: str = "") -> None:
        """What every answer does that has no script of its own, until `clear`."""
        with self._lock:
            self._always[path] = fault

    def returning(self, *backs: Back) -> None:
        """How the coming callbacks arrive; then each once and at once."""
        with self._lock:
            self._returning.extend(backs)

    def clear(self) -> None:
        with self._lock:
            self._next.clear()
            self._always.clear()
            self._returning.clear()

    def take(self, path: str) -> Fault | None:
        """What is to go wrong with the request for `path`: the longest prefix that has something decides."""
        with self._lock:
            for prefix in sorted(self._next, key=len, reverse=True):
                if path.startswith(prefix) and self._next[prefix]:
                    return self._next[prefix].popleft()
            for prefix in sorted(self._always, key=len, reverse=True):
                if path.startswith(prefix):
                    return self._always[prefix]
            return None

    def take_back(self) -> Back:
        with self._lock:
            return self._returning.popleft() if self._returning else Back()
