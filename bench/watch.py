"""What each process of an installation takes, over time: memory as proportional set size, and CPU time."""

import os
import threading
from contextlib import suppress
from pathlib import Path

from tests.endtoend.harness import command_line, descendants

_TICKS = os.sysconf("SC_CLK_TCK")
POSTGRES = "PostgreSQL"


class Watch(threading.Thread):
    """Looks every `every` seconds until `over` is set. Processes are told apart by what they are."""

    def __init__(self, pid: int, every: float = 2.0) -> None:
        super().__init__(daemon=True)
        self._pid, self._every, self.over = pid, every, threading.Event()
        self.sizes: list[dict[str, float]] = []
        self._cpu: dict[int, tuple[str, float]] = {}  # by process; those that ended keep what they had
        self._before = self._all()

    def run(self) -> None:
        while not self.over.wait(self._every):
            self.look()

    def look(self) -> None:
        sizes: dict[str, float] = {}
        for pid in (self._pid, *descendants(self._pid)):
            part = _part(pid)
            if part is None:
                continue
            sizes[part] = sizes.get(part, 0.0) + pss(pid)
            self._cpu[pid] = part, cpu(pid)
        self.sizes.append(sizes)

    def used(self) -> dict[str, float]:
        """Seconds of CPU since the beginning, of each part."""
        found: dict[str, float] = {}
        for pid, (part, seconds) in self._cpu.items():
            found[part] = found.get(part, 0.0) + seconds - self._before.get(pid, 0.0)
        return found

    def _all(self) -> dict[int, float]:
        return {pid: cpu(pid) for pid in (self._pid, *descendants(self._pid))}


def pss(pid: int) -> float:
    """MB; 0 of a process that has ended."""
    with suppress(OSError, IndexError):
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        return int(rollup.split("Pss:")[1].split()[0]) / 1024
    return 0.0


def cpu(pid: int) -> float:
    with suppress(OSError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS
    return 0.0


def _part(pid: int) -> str | None:
    words = command_line(pid)
    if not words:
        return None
    if "postgres" in words:
        return POSTGRES
    known = ("worker", "ingest", "web", "serve", "live", "up")
    return next((name for name in known if f" {name} " in f"{words} "), "others")


def steady(seen: list[float]) -> tuple[float, float, float]:
    """At the begin, the middle and the end: each the mean of some looks."""
    if not seen:
        return 0.0, 0.0, 0.0
    width = max(1, len(seen) // 10)
    middle = len(seen) // 2
    parts = seen[:width], seen[middle : middle + width], seen[-width:]
    first, second, third = (sum(part) / len(part) for part in parts)
    return first, second, third
