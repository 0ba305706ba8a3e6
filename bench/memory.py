"""Memory of the whole idle platform: proportional set size (PSS) of every process, PostgreSQL included.

`python -m bench.memory`. PSS counts a shared page once over all who share it; reading it needs the right to
read /proc/PID/smaps_rollup.
"""

import tempfile
import time
from pathlib import Path

from bench.numbers import HEADER, verdict
from tests.endtoend.harness import Installation, command_line, descendants


def pss(pid: int) -> float:
    """MB of one process."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def main() -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        installation = Installation(Path(folder) / "data").start()
        try:
            assert installation.process is not None
            time.sleep(20)
            pids = [installation.process.pid, *descendants(installation.process.pid)]
            sizes = {pid: pss(pid) for pid in pids}
            for pid, size in sizes.items():
                print(f"{size:7.1f} MB  {command_line(pid)[:90]}")
        finally:
            installation.stop()
    print(HEADER, verdict("whole idle platform, PSS", sum(sizes.values()), 400, "MB"), sep="\n")


if __name__ == "__main__":
    main()
