"""`tocsin up` as an operator meets it: real processes on a port of their own."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from tocsin.lib import clock, signing
from tocsin.lib.postgres import Cluster

ROOT = Path(__file__).resolve().parents[2]


class Instance:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.more: dict[str, str] = {}

    @property
    def environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "TOCSIN_DATA_DIR": str(self.folder / "data"),
            "TOCSIN_BIND": f"127.0.0.1:{self.port}",
            "TOCSIN_LOG_FORMAT": "json",
            **self.more,
        }

    def start(self, role: str = "up", within_s: float = 120) -> None:
        with (self.folder / "out").open("wb") as out, (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tocsin", role],
                env=self.environ,
                cwd=self.folder,
                stdout=out,
                stderr=log,
                start_new_session=True,
            )
        until = clock.monotonic() + within_s
        while self.status("/readyz") != 200:
            assert self.process.poll() is None, self.log
            assert clock.monotonic() < until, self.log
            clock.sleep(0.05)

    def status(self, path: str, within_s: float = 10) -> int:
        """0: nobody answered, for any reason."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=within_s) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            return 0

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    @property
    def out(self) -> str:
        return (self.folder / "out").read_text()

    def children(self) -> dict[int, str]:
        """Every process below this one → its command line."""
        found: dict[int, str] = {}
        parents = {self.pid}
        for entry in sorted(
            Path("/proc").iterdir(), key=lambda path: int(path.name) if path.name.isdigit() else 0
        ):
            if entry.name.isdigit():
                try:
                    parent = int(re.findall(r"PPid:\s+(\d+)", (entry / "status").read_text())[0])
                    line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                except OSError:
                    continue
                if parent in parents and line:
                    parents.add(int(entry.name))
                    found[int(entry.name)] = line
        return found

    def child(self, word: str) -> int:
        return next(pid for pid, line in self.children().items() if word in line)

    def end(self, sign: signal.Signals = signal.SIGTERM) -> float:
        assert self.process is not None
        started = clock.monotonic()
        self.process.send_signal(sign)
        self.process.wait(20)
        return clock.monotonic() - started


@pytest.fixture
def instance() -> Iterator[Instance]:
    with tempfile.TemporaryDirectory(prefix="tocsin-up-") as folder:
        made = Instance(Path(folder))
        yield made
        if made.process is not None and made.process.poll() is None:
            made.end()


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until(true: Callable[[], bool], within_s: float = 15) -> bool:
    until = clock.monotonic() + within_s
    while clock.monotonic() < until:
        if true():
            return True
        clock.sleep(0.05)
    return False


def _alive(pid: int) -> bool:
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False


def _open_stream(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    monkeypatch.setattr(signing, "_secret", (instance.folder / "data/secret-key").read_bytes().strip())
    ticket = signing.sign("live", "somebody@example.com", clock.now() + timedelta(seconds=60))
    stream = socket.create_connection(("127.0.0.1", instance.port), timeout=10)
    stream.sendall(f"GET /api/v1/stream?ticket={ticket} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    heard = b""
    while b"welcome" not in heard:
        part = stream.recv(4096)
        assert part, heard
        heard += part
    return stream


def test_it_starts_says_how_to_log_in_and_stops_with_open_streams(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance.start()
    assert _until(lambda: "Password" in instance.out)
    assert f"http://127.0.0.1:{instance.port}" in instance.out
    login = (instance.folder / "data/admin-login").read_text().split()
    assert all(word in instance.out for word in login)
    assert (instance.folder / "data/admin-login").stat().st_mode & 0o777 == 0o600
    assert instance.status("/livez") == 200
    assert instance.status("/metrics") == 200
    with (
        closing(_open_stream(instance, monkeypatch)) as stream,
        closing(socket.create_connection(("127.0.0.1", instance.port))) as half_sent,
    ):
        half_sent.sendall(b"POST /ingest/generic/key HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
        assert instance.end() < 10
        while stream.recv(4096):
            pass
    assert instance.process is not None
    assert instance.process.returncode == 0


def test_what_dies_is_started_again(instance: Instance) -> None:
    instance.start()
    web = instance.child("tocsin serve")
    os.kill(web, signal.SIGKILL)
    assert _until(lambda: not _alive(web))  # while it dies it may still take a connection with it
    # The port stays open meanwhile: the caller waits, as long as a start takes there, and is answered.
    assert instance.status("/livez", within_s=90) == 200, instance.log
    assert instance.child("tocsin serve") != web
    os.kill(instance.child("cluster_name="), signal.SIGKILL)
    assert _until(lambda: instance.status("/readyz") == 503, 5) or instance.status("/readyz") == 200
    assert _until(lambda: instance.status("/readyz") == 200)


def test_nobody_outlives_a_killed_supervisor_and_the_next_start_simply_starts(instance: Instance) -> None:
    instance.start()
    children = instance.children()
    assert len(children) > 3
    instance.end(signal.SIGKILL)
    assert _until(lambda: not any(_alive(pid) for pid in children)), children
    instance.start()
    # The same again with everything killed at one instant.
    for pid in (instance.pid, *instance.children()):
        with suppress(ProcessLookupError):  # they end with the first, and one of PostgreSQL's at any time
            os.kill(pid, signal.SIGKILL)
    instance.end(signal.SIGKILL)
    instance.start()
    assert "Password" not in instance.out


def test_a_second_one_on_the_same_data_says_so(instance: Instance) -> None:
    instance.start()
    second = subprocess.run(
        [sys.executable, "-m", "tocsin", "up"],
        env={**instance.environ, "TOCSIN_BIND": f"127.0.0.1:{_free_port()}"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 1
    assert f"process {instance.pid}" in second.stderr
    assert instance.status("/readyz") == 200
    # Commands beside a running `up` find its database.
    doctor = subprocess.run(
        [sys.executable, "-m", "tocsin", "doctor", "--json"],
        env=instance.environ,
        cwd=instance.folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    findings = {each["check"]: each["state"] for each in json.loads(doctor.stdout)}
    assert findings["database"] == "fine"


def test_roles_run_apart_against_a_database_of_the_operators(instance: Instance) -> None:
    cluster = Cluster(instance.folder / "database", {"fsync": "off"})
    cluster.start()
    instance.more = {"TOCSIN_DATABASE_URL": cluster.url, "TOCSIN_SECRET_KEY": "the same on every host " * 2}
    beside = Instance(instance.folder / "beside")
    beside.folder.mkdir()
    beside.more = instance.more
    try:
        instance.start()
        assert _until(lambda: "Password" in instance.out)
        assert not any("cluster_name=" in line for line in instance.children().values())
        beside.start("serve")
        assert instance.end() < 10
        assert beside.status("/readyz") == 200
        assert beside.end() < 10
    finally:
        cluster.stop()


def test_wrong_settings_refuse_to_start_with_an_id_and_a_hint(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tocsin", "up"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TOCSIN_BIND": "nowhere"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert "S006" in done.stderr
    assert "127.0.0.1:8080" in done.stderr
