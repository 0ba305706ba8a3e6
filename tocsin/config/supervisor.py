"""`tocsin up`: one process that starts PostgreSQL, the web and the worker, restarts what dies, ends with all.

It holds no work of its own, so that it has little reason to fail; its children end with it however it ends.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tocsin.lib import children, clock, log
from tocsin.lib.children import Lifeline
from tocsin.lib.postgres import Cluster, ClusterError

logger = log.get(__name__)

LISTEN_FD: Final = "TOCSIN_LISTEN_FD"
_LOOK_S: Final = 0.2
_STEADY_S: Final = 30.0
_BACKOFF_S: Final = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
# SIGTERM to gone within 10 s: the roles first, their database after them.
_ROLES_S: Final = 6.0
_DATABASE_S: Final = 3.0


@dataclass
class Role:
    """One child that should be running."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    failures: int = 0
    again_at: float = field(default=0.0)

    def look(self, now: float) -> None:
        """Start it, or start it again, when that is due. `now` is monotonic."""
        if self.process is None:
            if now >= self.again_at:
                self.process, self.started_at = self.start(), now
            return
        code = self.process.poll()
        if code is None:
            if now - self.started_at > _STEADY_S:
                self.failures = 0
            return
        wait = _BACKOFF_S[min(self.failures, len(_BACKOFF_S) - 1)]
        self.failures += 1
        self.process, self.again_at = None, now + wait
        logger.error("a process ended; starting it again", role=self.name, code=code, in_s=wait)


class Supervisor:
    def __init__(self, cluster: Cluster | None, listening: socket.socket, environ: dict[str, str]) -> None:
        self._cluster = cluster
        self._listening = listening
        self._lifeline = Lifeline()
        self.environ = {
            **environ,
            children.LIFELINE: str(self._lifeline.reading),
            LISTEN_FD: str(listening.fileno()),
        }
        self._roles = (
            Role("web", lambda: self._spawn("serve", self._listening.fileno())),
            Role("worker", lambda: self._spawn("worker")),
        )
        self._database_failures = 0
        self.stopping = threading.Event()

    def set_database(self, url: str) -> None:
        self.environ["TOCSIN_DATABASE_URL"] = url
        self.environ.pop("TOCSIN_DATABASE_URL_FILE", None)

    def watch_signals(self) -> None:
        for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            # Under nohup the end of the terminal is to be ignored.
            if sign is not signal.SIGHUP or signal.getsignal(sign) is not signal.SIG_IGN:
                signal.signal(sign, lambda *_: self.stopping.set())

    def start(self) -> None:
        for role in self._roles:
            role.look(clock.monotonic())

    def run(self) -> None:
        """Until a signal says stop."""
        while not self.stopping.wait(_LOOK_S):
            self.look()

    def look(self) -> None:
        self._look_after_database()
        now = clock.monotonic()
        for role in self._roles:
            role.look(now)

    def stop(self) -> None:
        running = [role.process for role in self._roles if role.process is not None]
        for process in running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        until = clock.monotonic() + _ROLES_S
        for process in running:
            if not children.stop(process, signal.SIGTERM, max(0.1, until - clock.monotonic())):
                logger.warning("a process had to be killed", pid=process.pid)
        if self._cluster is not None:
            self._cluster.stop(_DATABASE_S)
        self._lifeline.close()

    def _spawn(self, role: str, *descriptors: int) -> subprocess.Popen[bytes]:
        return children.spawn(
            [sys.executable, "-m", "tocsin", role],
            env=self.environ,
            pass_fds=(self._lifeline.reading, *descriptors),
        )

    def _look_after_database(self) -> None:
        if self._cluster is None or self._cluster.poll() is None:
            return
        logger.error("PostgreSQL ended; starting it again")
        try:
            self._cluster.restart()
            self._database_failures = 0
        except ClusterError:
            wait = _BACKOFF_S[min(self._database_failures, len(_BACKOFF_S) - 1)]
            self._database_failures += 1
            logger.exception("PostgreSQL does not start", again_in_s=wait)
            self.stopping.wait(wait)


def listen(host: str, port: int) -> socket.socket:
    """The listening socket, kept by the supervisor: while the web restarts, callers wait instead of failing.

    Raises OSError when the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2048)
    except OSError:
        listening.close()
        raise
    return listening


def environment() -> dict[str, str]:
    """What children get: this process's own, with Python told to write at once."""
    return {**os.environ, "PYTHONUNBUFFERED": "1"}
