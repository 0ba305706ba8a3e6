"""The door beside Alertmanager: events per CPU second. `python -m bench.ingest`.

Both get the same alerts over 32 keep-alive connections on loopback, in turns, within one run: Alertmanager
as Prometheus sends them (POST /api/v2/alerts), Tocsin as Alertmanager does (webhook v4). Alertmanager keeps
them in memory only; Tocsin answers after the commit, and all CPU time of PostgreSQL is counted with the
door's. `--alerta` adds alerta-server, installed into a place of its own: it gets Tocsin's very bodies at
its webhook for Prometheus, and keeps them in PostgreSQL too.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import httpx
import psycopg
import uvloop

from bench.numbers import HEADER, verdict
from tests.endtoend.harness import descendants
from tocsin.lib.postgres import Cluster
from tocsin.testing.mailbox import free_port

CONNECTIONS = 32
KEY = "0123456789abcdef0123456789abcdef"
KEYS_OF_A_STORM = 10
JSON = {"Content-Type": "application/json"}
ALERTA = 50.0
_TICKS = os.sysconf("SC_CLK_TCK")

Make = Callable[[int], list[int]]


@dataclass(frozen=True)
class Load:
    """`alerts(n)` gives the numbers of the alerts in the nth POST; equal numbers are one alert."""

    name: str
    alerts: Make
    promised: float


LOADS = (
    Load("repeats, 100 to a POST", lambda _n: [i % KEYS_OF_A_STORM for i in range(100)], 1.5),
    Load("repeats, one to a POST", lambda n: [n % KEYS_OF_A_STORM], 0.5),
    Load("distinct, 100 to a POST", lambda n: list(range(1000 + n * 100, 1100 + n * 100)), 0.5),
)


@dataclass
class Tally:
    events: int = 0
    cpu: float = 0.0
    seconds: float = 0.0
    shares: dict[str, float] = field(default_factory=dict)

    @property
    def per_cpu_second(self) -> float:
        return self.events / self.cpu if self.cpu else float("nan")


def alert(number: int) -> dict[str, object]:
    return {
        "labels": {
            "alertname": "HighLatency",
            "cluster": "eu1",
            "instance": f"web{number}:9100",
            "job": "node",
            "severity": "warning",
            "team": "payments",
        },
        "annotations": {
            "summary": f"web{number} is slow",
            "description": "The 99th percentile has been over 500 ms for 5 minutes.",
        },
        "startsAt": "2026-11-23T11:13:41.387908921Z",
        "endsAt": "2027-11-23T11:13:41.387908921Z",
        "generatorURL": "http://prometheus.example.com/graph?g0.expr=latency",
    }


def for_alertmanager(numbers: list[int]) -> bytes:
    return json.dumps([alert(number) for number in numbers]).encode()


def for_tocsin(numbers: list[int]) -> bytes:
    alerts = [
        {
            "status": "firing",
            **alert(number),
            "endsAt": "0001-01-01T00:00:00Z",
            "fingerprint": f"{number:016x}",
        }
        for number in numbers
    ]
    group = '{}:{alertname="HighLatency", cluster="eu1"}'
    body = {"version": "4", "groupKey": group, "status": "firing", "receiver": "tocsin", "alerts": alerts}
    return json.dumps({**body, "externalURL": "http://alertmanager.example.com"}).encode()


def request(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Sender(asyncio.Protocol):
    """One connection: the next request leaves when the answer to the last one is complete."""

    def __init__(self, requests: Iterator[bytes], until: float, accepted: bytes) -> None:
        self.requests, self.until, self.accepted = requests, until, accepted
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.answered = 0
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._next()

    def _next(self) -> None:
        if time.monotonic() < self.until:
            self.transport.write(next(self.requests))
        else:
            self.transport.close()
            if not self.done.done():
                self.done.set_result(None)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lower = head.lower()
        place = lower.find(b"content-length:")
        length = int(lower[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0
        if len(rest) < length:
            return
        if not head.startswith(b"HTTP/1.1 " + self.accepted):
            self.done.set_exception(RuntimeError((head + rest).decode()[:500]))
            self.transport.close()
            return
        self.buffer = b""
        self.answered += 1
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server hung up"))


def send(port: int, requests: Iterator[bytes], seconds: float, accepted: bytes) -> int:
    """Answers within `seconds`."""

    async def run() -> int:
        loop = asyncio.get_running_loop()
        until = time.monotonic() + seconds
        senders = []
        for _ in range(CONNECTIONS):
            _, sender = await loop.create_connection(
                lambda: Sender(requests, until, accepted), "127.0.0.1", port
            )
            senders.append(sender)
        await asyncio.gather(*(sender.done for sender in senders))
        return sum(sender.answered for sender in senders)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())


def cpu(pids: list[int]) -> float:
    """Seconds of CPU time of these processes and of their children that have ended."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += sum(int(value) for value in fields[11:15])
    return total / _TICKS


@dataclass
class Peer:
    port: int
    path: str
    accepted: bytes
    body: Callable[[list[int]], bytes]
    parts: dict[str, int]  # name → pid, with its descendants
    posts: int = 0

    def measure(self, load: Load, seconds: float, tally: Tally) -> None:
        # Bodies are made beforehand for as long as they repeat; distinct ones while sending, which costs
        # only the sender.
        first = [request(self.path, self.body(load.alerts(n))) for n in range(KEYS_OF_A_STORM)]
        distinct = load.alerts(0) != load.alerts(KEYS_OF_A_STORM)

        def requests() -> Iterator[bytes]:
            while True:
                n = self.posts
                self.posts += 1
                yield (
                    request(self.path, self.body(load.alerts(n))) if distinct else first[n % KEYS_OF_A_STORM]
                )

        before = {name: cpu([pid, *descendants(pid)]) for name, pid in self.parts.items()}
        began = time.monotonic()
        answered = send(self.port, requests(), seconds, self.accepted)
        tally.seconds += time.monotonic() - began
        for name, pid in self.parts.items():
            used = cpu([pid, *descendants(pid)]) - before[name]
            tally.cpu += used
            tally.shares[name] = tally.shares.get(name, 0.0) + used
        tally.events += answered * len(load.alerts(0))


@contextmanager
def running(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> Iterator[int]:
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder)
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait(20)


def wait(url: str) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if httpx.get(url).status_code < 500:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"{url} does not answer")


@contextmanager
def alertmanager(folder: Path) -> Iterator[Peer]:
    program = shutil.which("prometheus-alertmanager")
    if program is None:
        raise SystemExit("apt-get install prometheus-alertmanager")
    config = folder / "alertmanager.yml"
    config.write_text("route: {receiver: none, group_by: [alertname]}\nreceivers: [{name: none}]\n")
    port = free_port()
    command = [
        program,
        f"--config.file={config}",
        f"--storage.path={folder}/am",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        "--log.level=error",
    ]
    with running(command, folder) as pid:
        wait(f"http://127.0.0.1:{port}/-/ready")
        yield Peer(port, "/api/v2/alerts", b"200", for_alertmanager, {"alertmanager": pid})


@contextmanager
def tocsin(folder: Path) -> Iterator[Peer]:
    cluster = Cluster(folder / "pg")
    cluster.start()
    try:
        port = free_port()
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")},
            "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
            "TOCSIN_DATABASE_URL": cluster.url,
            "TOCSIN_DATA_DIR": str(folder / "data"),
            "TOCSIN_BIND": f"127.0.0.1:{port}",
            "TOCSIN_LOG_LEVEL": "warning",
        }
        subprocess.run([sys.executable, "-m", "tocsin", "migrate"], env=environment, check=True, cwd=folder)
        with psycopg.connect(cluster.url, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO integrations_integration"
                " (name, kind, key, severity_map, enabled, created_at, from_file, config, old_key, canary)"
                " VALUES ('bench', 'alertmanager', %s, '{}', true, now(), false, '{}', '', false)",
                [KEY],
            )
        assert cluster.pid is not None
        with running([sys.executable, "-m", "tocsin", "serve"], folder, environment) as pid:
            wait(f"http://127.0.0.1:{port}/livez")
            yield Peer(
                port,
                f"/ingest/alertmanager/{KEY}",
                b"202",
                for_tocsin,
                {"door": pid, "postgresql": cluster.pid},
            )
    finally:
        cluster.stop()


@contextmanager
def alerta(folder: Path) -> Iterator[Peer]:
    """As its documents run it: gunicorn before PostgreSQL; two workers for the two cores."""
    place = folder / "alerta"
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    packages = ["alerta-server", "gunicorn", "psycopg2-binary", "setuptools<80"]
    subprocess.run([place / "bin/pip", "install", "-q", *packages], check=True)
    cluster = Cluster(folder / "alerta-pg")
    cluster.start()
    try:
        assert cluster.pid is not None
        port = free_port()
        environment = {**os.environ, "DATABASE_URL": cluster.url, "AUTH_REQUIRED": "False"}
        command = [
            f"{place}/bin/gunicorn",
            "alerta:create_app()",
            f"--bind=127.0.0.1:{port}",
            "--workers=2",
            "--threads=16",
            "--keep-alive=60",
            "--log-level=error",
        ]
        with running(command, folder, environment) as pid:
            address = f"http://127.0.0.1:{port}/webhooks/prometheus"
            wait(address)
            # It answers 500 to whoever is second to name a new alert.
            httpx.post(address, content=for_tocsin(list(range(KEYS_OF_A_STORM))), headers=JSON)
            parts = {"alerta": pid, "postgresql": cluster.pid}
            yield Peer(port, "/webhooks/prometheus", b"201", for_tocsin, parts)
    finally:
        cluster.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=4.0, help="of each turn")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--only", default="", help="loads whose name holds this")
    parser.add_argument("--alerta", action="store_true", help="a second peer, from the package registry")
    given = parser.parse_args()
    loads = [load for load in LOADS if given.only in load.name]
    rows = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        peers = {"alertmanager": stack.enter_context(alertmanager(folder))}
        if given.alerta:
            peers["alerta"] = stack.enter_context(alerta(folder))
        peers["tocsin"] = stack.enter_context(tocsin(folder))
        for load in loads:
            tallies = {who: Tally() for who in peers}
            for _ in range(given.turns):
                for who, peer in peers.items():
                    peer.measure(load, given.seconds, tallies[who])
            print(load.name)
            for who, tally in tallies.items():
                report(who, tally)
            our = tallies["tocsin"].per_cpu_second
            theirs = our / tallies["alertmanager"].per_cpu_second
            rows.append(verdict(f"ingest, {load.name}", theirs, load.promised, "×", at_least=True))
            if given.alerta:
                alertas = our / tallies["alerta"].per_cpu_second
                what = f"ingest, {load.name}, beside alerta"
                rows.append(verdict(what, alertas, ALERTA, "×", at_least=True))
    print(HEADER, *rows, sep="\n")


def report(who: str, tally: Tally) -> None:
    shares = ", ".join(f"{part} {1e6 * used / tally.events:.1f} µs" for part, used in tally.shares.items())
    rate = tally.events / tally.seconds
    print(f"  {who}: {tally.per_cpu_second:,.0f} events/CPU s, {rate:,.0f} events/s; {shares}")


if __name__ == "__main__":
    main()
