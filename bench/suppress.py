"""What do 10,000 active silences add to an event? `python -m bench.suppress`.

Looking an alert up among them, and asking the database, once for each batch of events, whether any was
changed. The silences are as people make them: most name an instance, some a service, some a pattern.
"""

import argparse
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.numbers import HEADER, verdict
from bench.scratch import database
from tocsin.domain.suppression import Facts

LIMIT_US = 50
BATCH = 200  # events; a worker in a storm takes more
INSTANCES = 20_000


def fill(count: int, now: datetime) -> None:
    from django.db import connection  # noqa: PLC0415 - needs Django set up

    from tocsin.apps.alerts.models import Silence  # noqa: PLC0415

    rows = [
        Silence(
            uid=uuid.uuid4(),
            kind="silence",
            matchers=matchers(number),
            services=[],
            comment=f"planned work {number}",
            created_label="Anna",
            starts_at=now - timedelta(hours=1),
            ends_at=now + timedelta(days=1),
            zone="UTC",
            created_at=now,
            changed_at=now,
        )
        for number in range(count)
    ]
    Silence.objects.bulk_create(rows, batch_size=1000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE alerts_silence")


def matchers(number: int) -> list[str]:
    if number % 1000 == 0:
        return [f'mountpoint=~"/data/{number}/.*"']  # nothing to look it up by: tried for every alert
    if number % 10 == 0:
        return [f'instance=~"web{number}:9100|web{number + 1}:9100"', 'alertname="Slow"']
    return [f'instance="web{number}:9100"', 'alertname="InstanceDown"']


def alert(number: int) -> Facts:
    labels = {
        "alertname": "InstanceDown" if number % 2 else "Slow",
        "cluster": f"eu{number % 10}",
        "instance": f"web{number % INSTANCES}:9100",
        "job": "node",
        "severity": "warning",
        "team": f"team-{number % 50}",
        "mountpoint": "/data",
        "integration": "prometheus",
    }
    return Facts(labels, ("shop",))


def microseconds(do: Callable[[], object], rounds: int) -> float:
    """The median; wall time, for PostgreSQL works in another process."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter_ns()
        do()
        times.append((time.perf_counter_ns() - began) / 1000)
    return statistics.median(times)


def measure(count: int, now: datetime) -> tuple[float, float]:
    """µs to look one alert up, and to see that nothing was changed."""
    from tocsin.apps.alerts import suppressing  # noqa: PLC0415 - needs Django set up

    alerts = [alert(number * 7) for number in range(2000)]
    index = suppressing.rules().silences
    assert len(index.silences) == count
    if count:
        assert any(index.holds(facts, now) for facts in alerts)
    lookup = microseconds(lambda: [index.holds(facts, now) for facts in alerts], 15) / len(alerts)
    return lookup, microseconds(suppressing.rules, 60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--silences", type=int, default=10_000)
    asked = parser.parse_args()
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        with database(folder):
            none = measure(0, now)
            fill(asked.silences, now)
            many = measure(asked.silences, now)
    lookup, asking = many[0] - none[0], many[1] - none[1]
    print(HEADER)
    print(verdict(f"{asked.silences} silences, an event more", lookup + asking / BATCH, LIMIT_US, "µs"))
    print(f"to look it up {lookup:.1f} µs; to ask whether any changed {asking:.0f} µs for a batch of {BATCH}")


if __name__ == "__main__":
    main()
