"""A storm, and whether anybody else notices. `python -m bench.storm`.

Events of many keys arrive as fast as they are taken, 100 to a POST, while every half second another team's
service has an alert of its own. Measured: how fast the storm is worked off, what memory it takes, and from
POST to SMTP for the others. At the end what is in the database must add up to what was sent.
"""

import argparse
import http.client
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from bench.numbers import HEADER, percentile, verdict
from tests.endtoend.harness import Installation, descendants
from tocsin.config.options import read
from tocsin.testing.mailbox import Mailbox

STORM, OTHER = "a" * 32, "b" * 32
PER_POST = 100
CLUSTERS = 100
CONNECTIONS = 16

ORGANISATION = f"""
users:
  - email: storm@example.com
  - email: quiet@example.com
    notification_rules: {{high: [{{after: 0m, via: email}}], low: [{{after: 0m, via: email}}]}}
escalation_policies:
  - {{name: storm, steps: [{{notify: [{{user: storm@example.com}}], wait: 1h}}]}}
  - {{name: quiet, steps: [{{notify: [{{user: quiet@example.com}}], wait: 1h}}]}}
services:
  - {{name: storm, escalation_policy: storm}}
  - {{name: quiet, escalation_policy: quiet}}
integrations:
  - {{name: storm, kind: generic, service: storm, key: "{STORM}"}}
  - {{name: quiet, kind: generic, service: quiet, key: "{OTHER}"}}
routes:
  routes:
    - {{match: ['integration="storm"'], group_by: [cluster]}}
"""


def event(number: int) -> dict[str, Any]:
    labels = {
        "alertname": "InstanceDown", "cluster": f"eu{number % CLUSTERS}", "instance": f"web{number}:9100",
        "job": "node", "team": "platform",
    }  # fmt: skip
    summary = f"web{number} has been down for more than 5 minutes"
    return {
        "action": "trigger", "dedup_key": f"down-{number}", "summary": summary, "severity": "warning",
        "labels": labels,
    }  # fmt: skip


class Line:
    """One connection that posts."""

    def __init__(self, url: str) -> None:
        self._line = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)

    def post(self, key: str, body: bytes) -> None:
        """Again after 429 and 503, as a tool would."""
        while True:
            headers = {"Content-Type": "application/json"}
            self._line.request("POST", f"/ingest/generic/{key}", body, headers)
            answer = self._line.getresponse()
            said = answer.read()
            if answer.status == http.HTTPStatus.ACCEPTED:
                return
            if answer.status not in {429, 503}:
                raise RuntimeError(f"{answer.status}: {said!r}")
            time.sleep(0.2)


def bodies(events: int, keys: int) -> Iterator[bytes]:
    chance = random.Random(5)
    order = [number % keys for number in range(events)]
    chance.shuffle(order)
    for begin in range(0, events, PER_POST):
        yield json.dumps([event(number) for number in order[begin : begin + PER_POST]]).encode()


def send(url: str, events: int, keys: int) -> None:
    waiting, lock = bodies(events, keys), threading.Lock()

    def one() -> None:
        line = Line(url)
        while True:
            with lock:
                body = next(waiting, None)
            if body is None:
                return
            line.post(STORM, body)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for done in [pool.submit(one) for _ in range(CONNECTIONS)]:
            done.result()


class Others(threading.Thread):
    """Another team's alerts, one every half second."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._line, self.over = Line(url), threading.Event()
        self.posted: dict[str, float] = {}

    def run(self) -> None:
        while not self.over.wait(0.5):
            name = f"quiet-{len(self.posted)}"
            body = {"action": "trigger", "dedup_key": name, "summary": name, "severity": "SEV2"}
            self.posted[name] = time.monotonic()
            self._line.post(OTHER, json.dumps(body).encode())

    def waits(self, mailbox: Mailbox) -> list[float]:
        """Seconds from POST to SMTP; raises where a page never came."""
        until = time.monotonic() + 30
        while True:
            came = {named(mail.subject): mail.at for mail in reversed(mailbox.mails)}
            if all(name in came for name in self.posted):
                return [came[name] - at for name, at in self.posted.items()]
            if time.monotonic() > until:
                raise RuntimeError(f"{len(set(self.posted) - set(came))} pages never came")
            time.sleep(0.2)


def named(subject: str) -> str:
    return next((word for word in subject.replace(":", " ").split() if word.startswith("quiet-")), "")


class Memory(threading.Thread):
    """Proportional set size in MB of everything but PostgreSQL, every two seconds."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid, self.over = pid, threading.Event()
        self.seen: list[float] = []

    def run(self) -> None:
        while not self.over.wait(2.0):
            self.seen.append(sum(pss(each) for each in [self._pid, *descendants(self._pid)]))


def pss(pid: int) -> float:
    with suppress(OSError, IndexError):
        if b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return 0.0
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        return int(rollup.split("Pss:")[1].split()[0]) / 1024
    return 0.0


def waiting(database: psycopg.Connection[Any]) -> int:
    row = database.execute("SELECT count(*) FROM integrations_event WHERE processed_at IS NULL").fetchone()
    return int(row[0]) if row else 0


def run(events: int, keys: int, mailbox: Mailbox, tocsin: Installation) -> list[str]:
    tocsin.apply(ORGANISATION)
    assert tocsin.process is not None
    others, memory = Others(tocsin.url), Memory(tocsin.process.pid)
    others.start()
    memory.start()
    began = time.monotonic()
    send(tocsin.url, events, keys)
    taken = time.monotonic() - began
    url = read({"TOCSIN_DATA_DIR": str(tocsin.data)}).database_url
    with psycopg.connect(url, autocommit=True) as database:
        while waiting(database):
            time.sleep(0.2)
        worked = time.monotonic() - began
        counted = database.execute(
            "SELECT count(*), sum(count) FROM alerts_alert WHERE dedup_key LIKE 'down-%'"
        ).fetchone()
    for each in (others, memory):
        each.over.set()
        each.join()
    waits = others.waits(mailbox)
    if counted != (min(keys, events), events):
        return [f"WRONG: {counted} alerts and events are there, not {(min(keys, events), events)}"]
    half = len(memory.seen) // 2
    early, late = max(memory.seen[:half], default=0.0), max(memory.seen[half:], default=0.0)
    return [
        f"| taken in, {events:,} events over {keys:,} keys | {events / taken:,.0f}/s | | | |",
        verdict("worked off", events / worked, 5000, "events/s", at_least=True),
        verdict("another team's POST → SMTP meanwhile, p99", percentile(waits, 0.99), 2.0),
        f"| the same, p50 | {percentile(waits, 0.5):.3g} s | | | |",
        verdict("memory of the second half, against the first", late / early if early else 0.0, 1.2, ""),
        f"| memory at most (PSS, PostgreSQL apart) | {max(early, late):.0f} MB | | | |",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--keys", type=int, default=100_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, Mailbox() as mailbox:
        environment = {"TOCSIN_SMTP_URL": mailbox.url, "TOCSIN_CANARY": "off"}
        installation = Installation(Path(folder) / "data", environment).start()
        try:
            lines = run(given.events, given.keys, mailbox, installation)
        finally:
            installation.stop()
    print(HEADER, *lines, sep="\n")
    sys.exit(any(line.startswith("WRONG") for line in lines))


if __name__ == "__main__":
    main()
