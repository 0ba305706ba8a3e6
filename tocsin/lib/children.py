"""Child processes that never outlive this one, however it dies."""

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

from tocsin.lib import launch

LIFELINE = "TOCSIN_LIFELINE_FD"


@dataclass(frozen=True)
class Account:
    """A user to run as."""

    uid: int
    gid: int
    name: str


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    account: Account | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
    pass_fds: Sequence[int] = (),
    output: IO[bytes] | int | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start `argv` in a session of its own; the kernel sends it `death_signal` when this thread ends.

    Call it from the main thread. A session of its own keeps a terminal's Ctrl-C for the supervisor alone.
    """
    uid, gid = (account.uid, account.gid) if account else (-1, -1)
    words = (os.getpid(), int(death_signal), uid, gid)
    return subprocess.Popen(
        [sys.executable, "-I", "-S", launch.__file__, *(str(word) for word in words), *argv],
        env=dict(env),
        cwd=cwd,
        pass_fds=tuple(pass_fds),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        start_new_session=True,
    )


class Lifeline:
    """The second cord: a pipe whose reading end every child watches; it closes with this process."""

    def __init__(self) -> None:
        self.reading, self._writing = os.pipe()

    def close(self) -> None:
        os.close(self.reading)
        os.close(self._writing)


def watch_lifeline(environ: Mapping[str, str]) -> None:
    """In a child: end this process when the supervisor's end of the pipe is gone."""
    if number := environ.get(LIFELINE):
        threading.Thread(
            target=_end_with_supervisor, args=(int(number),), daemon=True, name="lifeline"
        ).start()


def _end_with_supervisor(descriptor: int) -> None:
    try:
        while os.read(descriptor, 1):
            pass
    except OSError:
        pass
    os.kill(os.getpid(), signal.SIGKILL)


def leave() -> NoReturn:
    """End this process at once and well, when its work is done.

    Taking apart a large interpreter and its connection pools takes a second or two that nobody needs: what
    matters is committed, and the kernel closes the rest.
    """
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


def stop(process: subprocess.Popen[bytes], first: signal.Signals, wait_s: float) -> bool:
    """Ask with `first`, then insist; True when it went by itself."""
    if process.poll() is not None:
        return True
    process.send_signal(first)
    try:
        process.wait(wait_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
    return True
