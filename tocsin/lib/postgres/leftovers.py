"""Processes of a cluster whose supervisor is gone."""

import os
import signal
from pathlib import Path

from tocsin.lib import clock

_POLL_S = 0.02


def mark(cluster: Path) -> str:
    """What every process of this cluster carries in its title (PostgreSQL's cluster_name)."""
    stat = cluster.stat()
    return f"tocsin-{stat.st_dev:x}-{stat.st_ino:x}"


def find(cluster_mark: str) -> list[int]:
    """Living processes (zombies are not) whose title carries the mark: the postmaster and its backends."""
    # cmdline is readable for everybody, which cwd and exe are not in a container without ptrace.
    titles = (f"postgres: {cluster_mark}: ".encode(), f"cluster_name={cluster_mark}\0".encode())
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            # A zombie's command line is empty.
            line = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if line.startswith(titles[0]) or titles[1] in line + b"\0":
            found.append(int(entry.name))
    return found


def end(cluster_mark: str, patience_s: float = 5.0) -> int:
    """Wait for a server that is shutting down, then end what is left; how many processes there were.

    Only for a cluster whose lock the caller holds: nobody else is supervising these.
    """
    first = find(cluster_mark)
    for deadline_s, sign in ((patience_s, signal.SIGINT), (1.0, signal.SIGQUIT), (5.0, signal.SIGKILL)):
        until = clock.monotonic() + deadline_s
        left = find(cluster_mark)
        _send(left, sign)
        while left and clock.monotonic() < until:
            clock.sleep(_POLL_S)
            left = find(cluster_mark)
        if not left:
            break
    return len(first)


def _send(pids: list[int], sign: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, sign)
        except ProcessLookupError:
            continue
