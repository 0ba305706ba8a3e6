"""A whole Tocsin, started as a user starts it, driven from outside: over HTTP, by mail, and by signals."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from tocsin.testing.mailbox import free_port

TOKEN = "endtoend-bootstrap-token-0123456789"
REPOSITORY = Path(__file__).resolve().parents[2]

T = TypeVar("T")


def eventually(look: Callable[[], T], seconds: float = 90, every: float = 0.1) -> T:
    """What `look` returns once it is truthy; AssertionError with its last value after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        last: Any = None
        with contextlib.suppress(httpx.TransportError):
            last = look()
            if last:
                return last
        if time.monotonic() > end:
            raise AssertionError(f"still {last!r} after {seconds} s")
        time.sleep(every)


@dataclass
class Installation:
    """`tocsin up` (or another role) in a process group of its own, on loopback, with its data in `data`."""

    data: Path
    environment: dict[str, str] = field(default_factory=dict)
    role: str = "up"
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.data.parent / f"{self.data.name}-{self.role}.log"

    def start(self, *, wait: bool = True) -> Self:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")},
            "TOCSIN_DATA_DIR": str(self.data),
            "TOCSIN_BIND": f"127.0.0.1:{self.port}",
            "TOCSIN_BOOTSTRAP_TOKEN": TOKEN,
            **self.environment,
        }
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tocsin", self.role],
                cwd=REPOSITORY,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds: float = 240) -> None:
        def ready() -> bool:
            if self.process is not None and self.process.poll() is not None:
                raise RuntimeError(
                    f"it ended with {self.process.returncode}:\n{self.log.read_text()[-4000:]}"
                )
            return httpx.get(f"{self.url}/readyz", timeout=20).status_code == httpx.codes.OK

        eventually(ready, seconds)

    def stop(self) -> float:
        """SIGTERM, as a user's Ctrl-C or systemd would; the seconds it took."""
        if self.process is None:
            return 0.0
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        return time.monotonic() - began

    def kill(self) -> None:
        """`kill -9` of the whole process group, and of whatever has moved into a group of its own."""
        if self.process is None:
            return
        victims = [self.process.pid, *descendants(self.process.pid)]
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(60)

    def child(self, words: str) -> int | None:
        """The process id of the descendant whose command line holds `words`, such as "tocsin worker"."""
        assert self.process is not None
        for pid in descendants(self.process.pid):
            if words in command_line(pid):
                return pid
        return None

    def api(self, method: str, path: str, **json: Any) -> Any:
        answer = httpx.request(
            method,
            f"{self.url}/api/v1/{path}",
            json=json or None,
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=120,
        )
        if answer.is_error:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    def apply(self, text: str) -> None:
        """Make this configuration so, over HTTP, as `tocsin apply` does."""
        self.api("POST", "configuration/apply", files={"test.yaml": text}, prune=False)

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "tocsin", *words],
            cwd=REPOSITORY,
            env={**os.environ, "TOCSIN_URL": self.url, "TOCSIN_TOKEN": TOKEN},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def trigger(self, key: str, dedup_key: str, summary: str = "It broke", **more: Any) -> httpx.Response:
        body = {"action": "trigger", "dedup_key": dedup_key, "summary": summary, **more}
        return httpx.post(f"{self.url}/ingest/generic/{key}", json=body, timeout=60)

    def resolve(self, key: str, dedup_key: str) -> httpx.Response:
        body = {"action": "resolve", "dedup_key": dedup_key}
        return httpx.post(f"{self.url}/ingest/generic/{key}", json=body, timeout=60)

    def incidents(self, query: str = "") -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self.api("GET", f"incidents?limit=100&cursor={cursor}&{query}")
            rows += page["items"]
            cursor = page["next_cursor"] or ""
            if not cursor:
                return rows


def descendants(pid: int) -> list[int]:
    """All processes below `pid`, from /proc."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                stat = (entry / "stat").read_text()
                parents.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = parents.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def command_line(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""
