"""The door as its own process, on a database that goes away, and killed on the way."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.endtoend.harness import REPOSITORY, Installation, eventually
from tocsin.lib.postgres import Cluster

KEY = "0123456789abcdef0123456789abcdef"
KEYS = 5


class House:
    """PostgreSQL and a door; `sent` are the numbers that were answered 202, in order."""

    def __init__(self, folder: Path) -> None:
        self.cluster = Cluster(folder / "pg", {"fsync": "off"})
        self.cluster.start()
        self.url = self.cluster.url
        settings = {"TOCSIN_DATABASE_URL": self.url, "TOCSIN_CANARY": "off"}
        self.door = Installation(folder / "data", settings, role="serve")
        environment = {**os.environ, **settings, "TOCSIN_DATA_DIR": str(folder / "data")}
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        subprocess.run(
            [sys.executable, "-m", "tocsin", "migrate"], env=environment, check=True, cwd=REPOSITORY
        )
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO integrations_integration"
                " (name, kind, key, severity_map, enabled, created_at, from_file, config, old_key, canary)"
                " VALUES ('door', 'generic', %s, '{}', true, now(), false, '{}', '', false)",
                [KEY],
            )
        self.sent: list[int] = []

    def open(self) -> None:
        self.door.start(wait=False)
        eventually(lambda: httpx.get(f"{self.door.url}/livez", timeout=2).is_success, 60)

    def post(self, client: httpx.Client, number: int) -> int:
        body = {"action": "trigger", "dedup_key": f"k{number % KEYS}", "summary": str(number)}
        status = client.post(f"{self.door.url}/ingest/generic/{KEY}", json=body).status_code
        if status == httpx.codes.ACCEPTED:
            self.sent.append(number)
        return status

    def posts(self, numbers: range) -> set[int]:
        with httpx.Client(timeout=20) as client:
            return {self.post(client, number) for number in numbers}

    def events(self) -> list[tuple[str, int]]:
        """Dedup key and number, in the order of the log."""
        with psycopg.connect(self.url) as connection:
            rows = connection.execute("SELECT dedup_key, payload FROM integrations_event ORDER BY id")
            return [(key, int(json.loads(bytes(payload))["summary"])) for key, payload in rows]

    def stop(self) -> None:
        self.door.stop()
        self.cluster.stop()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    tmp_path.chmod(0o755)
    made = House(tmp_path)
    yield made
    made.stop()


def test_what_was_answered_202_is_in_the_log_once_and_in_order(house: House) -> None:
    house.open()
    assert house.posts(range(40)) == {202}
    house.cluster.stop()
    assert house.posts(range(40, 80)) == {202}
    house.door.kill()
    house.open()  # without a database: its keys are known from the file
    assert house.posts(range(80, 120)) == {202}
    shown = httpx.get(f"{house.door.url}/metrics").text
    assert "tocsin_spool_events 80.0" in shown
    house.cluster.start()
    assert house.posts(range(120, 160)) == {202}
    eventually(lambda: len(house.events()) >= len(house.sent), 30)
    assert house.posts(range(160, 170)) == {202}
    found = house.events()
    assert sorted(number for _, number in found) == list(range(170))
    for name in range(KEYS):
        mine = [number for key, number in found if key == f"k{name}"]
        assert mine == sorted(mine)
    with psycopg.connect(house.url) as connection:
        told = eventually(lambda: connection.execute("SELECT events FROM integrations_spooling").fetchall())
    assert sum(events for (events,) in told) >= 80


def test_kill_9_while_events_come_loses_none_that_was_accepted(house: House) -> None:
    house.open()
    enough = threading.Event()

    def sender(first: int) -> None:
        with httpx.Client(timeout=20) as client:
            for number in range(first, first + 100_000):
                try:
                    house.post(client, number)
                except httpx.TransportError:
                    return
                if len(house.sent) > 200:
                    enough.set()

    senders = [threading.Thread(target=sender, args=(n * 100_000,)) for n in range(4)]
    for each in senders:
        each.start()
    assert enough.wait(60)
    house.door.kill()
    for each in senders:
        each.join()
    found = {number for _, number in house.events()}
    lost = {number for number in house.sent if number not in found}
    # Those that shared a commit with a later repeat of their key are counted there.
    with psycopg.connect(house.url) as connection:
        row = connection.execute("SELECT sum(count) FROM integrations_event").fetchone()
    assert row is not None
    assert row[0] >= len(house.sent)
    assert len(lost) <= row[0] - len(found)
