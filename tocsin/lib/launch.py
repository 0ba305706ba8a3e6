"""Run as a script: become another user, tie this process's life to its parent's, then exec.

Written for `python -I -S`, so that a child starts in milliseconds; `tocsin.lib.children` calls it.

    launch.py PARENT SIGNAL UID GID PROGRAM ARGUMENT...
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_UNCHANGED = -1


def main(arguments: list[str]) -> None:
    parent, death_signal, uid, gid = (int(word) for word in arguments[:4])
    if uid != _UNCHANGED:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # After the change of user: the kernel forgets the wish when credentials change.
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        # The parent died before the wish was made.
        os.kill(os.getpid(), signal.SIGKILL)
    os.execv(arguments[4], arguments[4:])  # noqa: S606 - exec is this program's purpose


if __name__ == "__main__":
    main(sys.argv[1:])
