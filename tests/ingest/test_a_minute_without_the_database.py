"""A door as its own process, and senders that go on while the database is away."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.endtoend.harness import eventually
from tests.ingest.test_the_database_is_away import KEY, House
from tocsin.lib import spool

AWAY_S = 60.0
PACE_S = 0.1
SENDERS = 4


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    tmp_path.chmod(0o755)
    made = House(tmp_path)
    yield made
    made.stop()


class Sender:
    """Sends numbered events at an even pace; one without patience goes on, whatever it hears."""

    def __init__(self, house: House, number: int, *, patient: bool) -> None:
        self.name, self._patient = f"s{number}", patient
        self._house, self._over = house, threading.Event()
        self.accepted: list[int] = []
        self.refused: list[int] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        with httpx.Client(timeout=30) as client:
            while not self._over.wait(PACE_S):
                key = f"{self.name}-{number}"
                body = {"action": "trigger", "dedup_key": key, "summary": str(number)}
                answer = client.post(f"{self._house.door.url}/ingest/generic/{KEY}", json=body)
                if answer.status_code == httpx.codes.ACCEPTED:
                    self.accepted.append(number)
                else:
                    self.refused.append(answer.status_code)
                if answer.is_success or not self._patient:
                    number += 1


def logged(house: House) -> dict[str, list[int]]:
    """The numbers of each sender, in the order of the log; as often as they are in it."""
    found: dict[str, list[int]] = {}
    with psycopg.connect(house.url) as connection:
        for key, count in connection.execute("SELECT dedup_key, count FROM integrations_event ORDER BY id"):
            name, _, number = key.partition("-")
            found.setdefault(name, []).extend([int(number)] * count)
    return found


def emptied(house: House) -> bool:
    return "tocsin_spool_events 0.0" in httpx.get(f"{house.door.url}/metrics", timeout=10).text


def test_a_minute_without_the_database_costs_no_event_and_no_order(house: House) -> None:
    house.open()
    senders = [Sender(house, number, patient=number > 0) for number in range(SENDERS)]
    try:
        eventually(lambda: all(len(each.accepted) > 10 for each in senders), 60)
        house.cluster.stop()
        before = [len(each.accepted) for each in senders]
        time.sleep(AWAY_S)  # what is tried is that this long is not too long
        away = [len(each.accepted) - count for each, count in zip(senders, before, strict=True)]
        house.cluster.start()
        known = [len(each.accepted) for each in senders]
        eventually(
            lambda: all(len(each.accepted) > n + 10 for each, n in zip(senders, known, strict=True)), 60
        )
    finally:
        for each in senders:
            each.end()
    assert [each.refused for each in senders] == [[]] * SENDERS
    assert min(away) > 20
    eventually(lambda: emptied(house), 60)
    assert logged(house) == {each.name: each.accepted for each in senders}
    with psycopg.connect(house.url) as connection:
        told = eventually(
            lambda: connection.execute(
                "SELECT events, ended_at - began_at FROM integrations_spooling"
            ).fetchall()
        )
    assert sum(events for events, _ in told) >= sum(away)
    assert max(lasted.total_seconds() for _, lasted in told) > AWAY_S - 10


def test_a_spool_that_is_full_says_so_and_loses_nothing_and_takes_again(house: House) -> None:
    house.door.environment["TOCSIN_SPOOL_MB"] = "1"
    house.open()
    accepted: list[int] = []

    def post(client: httpx.Client, number: int) -> httpx.Response:
        body = {"action": "trigger", "dedup_key": f"s-{number}", "summary": str(number), "x": "y" * 100_000}
        answer = client.post(f"{house.door.url}/ingest/generic/{KEY}", content=json.dumps(body))
        if answer.is_success:
            accepted.append(number)
        return answer

    with httpx.Client(timeout=30) as client:
        assert post(client, 0).status_code == 202
        house.cluster.stop()
        full = next(answer for number in range(1, 100) if (answer := post(client, number)).is_error)
        assert full.status_code == 503
        assert int(full.headers["retry-after"]) >= 1
        assert post(client, 500).status_code == 503
        assert 5 <= len(accepted) <= 40
        house.cluster.start()
        eventually(lambda: emptied(house), 60)
        assert logged(house) == {"s": accepted}
        house.cluster.stop()  # it has as much room as before
        again = [post(client, number).status_code for number in range(1000, 1005)]
        assert again == [202] * 5
        house.cluster.start()
    eventually(lambda: emptied(house), 60)
    assert logged(house) == {"s": accepted}


def test_what_killed_doors_left_is_taken_up_with_a_damaged_file_beside_it(house: House) -> None:
    folder = house.door.data / "spool"
    house.open()
    assert house.posts(range(10)) == {202}
    house.cluster.stop()
    for first in (10, 50):
        assert house.posts(range(first, first + 40)) == {202}
        house.door.kill()
        house.open()
    assert len(spool.files(folder)) == 3
    house.door.kill()
    # Nothing of the first one's events can be read after this: they were of a door that was killed.
    bad = spool.files(folder)[0]
    bad.write_bytes(b"\xa5" * bad.stat().st_size)
    wal = bad.with_name(f"{bad.name}-wal")
    if wal.exists():
        wal.write_bytes(b"\xa5" * wal.stat().st_size)
    house.open()
    assert house.posts(range(90, 100)) == {202}
    house.cluster.start()
    eventually(lambda: emptied(house), 60)
    expected = [*range(10), *range(50, 100)]
    found = house.events()
    assert sorted(number for _, number in found) == expected
    for key in {key for key, _ in found}:
        mine = [number for each, number in found if each == key]
        assert mine == sorted(mine)
    assert [each.stem for each in spool.damaged(folder)] == [bad.stem]
    assert "put aside" in house.door.log.read_text()
