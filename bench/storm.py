"""A storm, and whether anybody else notices. `python -m bench.storm`: a million events over 100,000 keys,
some minutes. `--events 50000 --keys 5000`: half a minute.

Events of many keys arrive as fast as they are taken, 100 to a POST, while every half second another team's
service has an alert of its own. Measured: how fast the storm is worked off, what each process takes of
memory and CPU, and from POST to SMTP for the others. At the end what is in the database must add up to what
was sent, and the storm's own people must not have been flooded.

`--as grouped`: a route groups by cluster. `--as storm`: nothing is grouped, storm mode is on. `--as bare`:
neither, each key an incident (for small numbers).
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
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from bench.numbers import HEADER, percentile, verdict
from bench.watch import POSTGRES, Watch, steady
from tests.endtoend.harness import Installation
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
"""

WAYS = {
    "grouped": """
routes:
  routes:
    - {match: ['integration="storm"'], group_by: [cluster]}
""",
    "storm": "storm: {alerts: 200, within: 5m}\n",
    "bare": "",
}


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


# Cheap, or the watching would take what it measures: the oldest of each integration that waits, by an index.
_OLDEST = """
SELECT min(first.id) FROM integrations_integration i CROSS JOIN LATERAL (
  SELECT id FROM integrations_event e WHERE e.integration_id = i.id AND e.processed_at IS NULL
  ORDER BY id LIMIT 1) AS first
"""


def oldest(database: psycopg.Connection[Any]) -> int | None:
    """The id of the oldest event that waits; ids are given in the order in which events come."""
    row = database.execute(_OLDEST).fetchone()
    return row[0] if row else None


class Progress(threading.Thread):
    """How far the worker is, looked at every second, until `over`."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url, self.over = url, threading.Event()
        self.seen: list[tuple[float, int]] = []

    def run(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as database:
            while not self.over.wait(1.0):
                if (number := oldest(database)) is not None:
                    self.seen.append((time.monotonic(), number))

    def slowest(self, seconds: float = 20.0) -> float:
        """Rows worked a second, in the slowest such stretch."""
        rates = [
            (done - begun) / (at - since)
            for place, (since, begun) in enumerate(self.seen)
            for at, done in [next(((t, n) for t, n in self.seen[place:] if t >= since + seconds), (0.0, 0))]
            if at
        ]
        return min(rates, default=float("nan"))


def run(events: int, keys: int, mailbox: Mailbox, tocsin: Installation, way: str) -> list[str]:
    tocsin.apply(ORGANISATION + WAYS[way])
    assert tocsin.process is not None
    url = read({"TOCSIN_DATA_DIR": str(tocsin.data)}).database_url
    others, watch, progress = Others(tocsin.url), Watch(tocsin.process.pid), Progress(url)
    for each in (others, watch, progress):
        each.start()
    began = time.monotonic()
    send(tocsin.url, events, keys)
    taken = time.monotonic() - began
    print(f"taken in after {taken:.0f} s", flush=True)
    with psycopg.connect(url, autocommit=True) as database:
        told = time.monotonic()
        # The other team goes on sending: what was there when the storm had been sent is what is waited for.
        row = database.execute("SELECT max(id) FROM integrations_event").fetchone()
        last = row[0] if row else 0
        while (number := oldest(database)) is not None and number <= last:
            time.sleep(0.5)
            if time.monotonic() - told > 20:
                told = time.monotonic()
                print(f"{told - began:.0f} s: at {number:,} of {last:,}", flush=True)
        worked = time.monotonic() - began
        for each in (watch, progress):
            each.over.set()
            each.join()
        watch.look()
        counted = database.execute(
            "SELECT count(*), sum(count) FROM alerts_alert WHERE dedup_key LIKE 'down-%'"
        ).fetchone()
        stormy = database.execute(
            "SELECT count(*) FROM incidents_incident i JOIN catalog_service s ON s.id = i.service_id"
            " WHERE s.name = 'storm'"
        ).fetchone()
        opened = stormy[0] if stormy else 0
    others.over.set()
    others.join()
    waits = others.waits(mailbox)
    if counted != (min(keys, events), events):
        return [f"WRONG: {counted} alerts and events are there, not {(min(keys, events), events)}"]
    mails = sum(mail.to == "storm@example.com" for mail in mailbox.mails)
    return [
        f"| taken in, {events:,} events over {keys:,} keys | {events / taken:,.0f}/s | | | |",
        verdict("worked off, first POST to last event", events / worked, 5000, "events/s", at_least=True),
        f"| the same, slowest 20 s | {progress.slowest():,.0f} rows/s | | | |",
        verdict("another team's POST → SMTP meanwhile, p99", percentile(waits, 0.99), 2.0),
        f"| {len(waits)} such pages: p50; max | {percentile(waits, 0.5):.3g} s; {max(waits):.3g} s | | | |",
        *_taken(watch, events),
        f"| incidents opened; mails to the storm's person | {opened:,}; {mails:,} | | | |",
    ]


def _taken(watch: Watch, events: int) -> Iterator[str]:
    used = watch.used()
    each = ", ".join(f"{part} {seconds / events * 1e6:.0f}" for part, seconds in sorted(used.items()))
    yield f"| CPU, µs an event: {each} | {sum(used.values()) / events * 1e6:.0f} µs | | | |"
    ours = [sum(size for part, size in one.items() if part != POSTGRES) for one in watch.sizes]
    begin, middle, end = steady(ours)
    grown = end / middle if middle else 0.0
    yield verdict("memory at the end ÷ in the middle, PostgreSQL apart", grown, 1.1, "")
    for part in sorted({part for one in watch.sizes for part in one}):
        begin, middle, end = steady([one.get(part, 0.0) for one in watch.sizes])
        sizes = f"{begin:.0f}, {middle:.0f}, {end:.0f} MB"
        yield f"| memory (PSS) of {part}: begin, middle, end | {sizes} | | | |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--as", dest="way", choices=sorted(WAYS), default="grouped")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, Mailbox() as mailbox:
        environment = {"TOCSIN_SMTP_URL": mailbox.url, "TOCSIN_CANARY": "off"}
        installation = Installation(Path(folder) / "data", environment).start()
        try:
            lines = run(given.events, given.keys, mailbox, installation, given.way)
        finally:
            installation.stop()
    print(HEADER, *lines, sep="\n")
    sys.exit(any(line.startswith("WRONG") for line in lines))


if __name__ == "__main__":
    main()
