"""A storm through real processes: sixteen connections, ten keys, every event counted, every answer good."""

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.endtoend.harness import Installation, eventually
from tocsin.lib.postgres import Cluster

KEY = "5707" * 8
CONNECTIONS, POSTS, KEYS = 16, 300, 10
CONFIGURATION = f"""
integrations:
  - name: storm
    kind: generic
    key: {KEY}
"""

Body = dict[str, Any] | list[dict[str, Any]]


def bodies(number: int) -> list[Body]:
    """The forms that the events of a key come in: each is sent over and over."""
    plain = {"action": "trigger", "dedup_key": f"key-{number}", "summary": f"Disk {number} is full"}
    other = {"action": "trigger", "dedup_key": f"key-{(number + 1) % KEYS}", "summary": "Its neighbour"}
    return [
        plain,
        {**plain, "severity": "critical", "labels": {"host": f"db{number}", "team": "storage"}},
        {**plain, "severity": "warning", "summary": "Größe überschritten – 磁盘 💾"},
        [plain, other, plain],
        {**plain, "summary": "x" * 5000, "annotations": {"description": "y" * 5000}},
        {**plain, "labels": {f"label{each}": "v" for each in range(300)}},
        [{**plain, "severity": word} for word in ("info", "error", "critical", "SEV1")],
    ]


@pytest.fixture
def storm(tmp_path: Path) -> Iterator[tuple[Installation, Cluster]]:
    tmp_path.chmod(0o755)
    cluster = Cluster(tmp_path / "pg", {"fsync": "off"})
    cluster.start()
    settings = {"TOCSIN_DATABASE_URL": cluster.url, "TOCSIN_CANARY": "off"}
    tocsin = Installation(tmp_path / "data", settings)
    try:
        yield tocsin.start(), cluster
    finally:
        tocsin.stop()
        cluster.stop()


def test_sixteen_connections_on_ten_keys_leave_ten_open_alerts_and_every_event_counted(
    storm: tuple[Installation, Cluster],
) -> None:
    tocsin, cluster = storm
    tocsin.apply(CONFIGURATION)
    sent: Counter[str] = Counter()
    answers: Counter[int] = Counter()
    told: Counter[str] = Counter()
    lock = threading.Lock()

    def sender(first: int) -> None:
        mine: Counter[str] = Counter()
        with httpx.Client(timeout=60) as client:
            for number in range(first, first + POSTS):
                forms = bodies(number % KEYS)
                body = forms[number // KEYS % len(forms)]
                answer = client.post(f"{tocsin.url}/ingest/generic/{KEY}", json=body)
                events = body if isinstance(body, list) else [body]
                mine.update(event["dedup_key"] for event in events)
                with lock:
                    answers[answer.status_code] += 1
                    told["events"] += answer.json()["events"]
        with lock:
            sent.update(mine)

    senders = [threading.Thread(target=sender, args=(n * 37,)) for n in range(CONNECTIONS)]
    for each in senders:
        each.start()
    for each in senders:
        each.join()
    assert answers == {202: CONNECTIONS * POSTS}
    assert told["events"] == sent.total()
    with psycopg.connect(cluster.url, autocommit=True) as connection:

        def counted(query: str) -> dict[str, int]:
            return dict(connection.execute(query).fetchall())

        assert counted("SELECT dedup_key, sum(count)::int FROM integrations_event GROUP BY 1") == sent
        eventually(
            lambda: (
                counted("SELECT 'left', count(*) FROM integrations_event WHERE processed_at IS NULL")
                == {"left": 0}
            ),
            180,
        )
        assert counted("SELECT 'aside', count(*) FROM integrations_event WHERE set_aside <> ''") == {
            "aside": 0
        }
        assert counted("SELECT status, count(*) FROM alerts_alert GROUP BY 1") == {"firing": KEYS}
        assert counted("SELECT dedup_key, sum(count)::int FROM alerts_alert GROUP BY 1") == sent
