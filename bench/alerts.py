"""The alerts list with 100,000 open alerts. `python -m bench.alerts`.

What each part of the page asks the database, beside the plainest question of all: the newest 50 rows.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.numbers import HEADER, verdict
from bench.scratch import database

LIMIT_MS = 200
_PLAIN = "SELECT id, summary, status, labels FROM alerts_alert ORDER BY id DESC LIMIT 50"
_FILL = """
INSERT INTO alerts_alert (integration_id, dedup_key, summary, word, severity, urgency, group_key, labels,
    annotations, links, source, status, count, first_seen_at, last_seen_at, incident, source_key, said,
    fingerprint, images, details, runbook, ended_how, stale, held_s, changes, flapping)
SELECT %s, 'k' || n, 'web' || n || ' is slow', 'warning', 'SEV' || (1 + n %% 4), 'high', '',
    jsonb_build_object('alertname', 'Alert' || n %% 200, 'cluster', 'eu' || n %% 10, 'env', 'prod',
        'team', 'team' || n %% 50, 'instance', 'web' || n, 'severity', 'warning', 'job', 'node'),
    '{}', '[]', '', 'firing', 1 + n %% 9, now() - n * interval '1 second', now(), '', '', '', '', '[]',
    '{}', '', '', false, 0, '[]', false
FROM generate_series(1, %s) n
"""


def milliseconds(do: Callable[[], object], rounds: int = 7) -> float:
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        do()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def fill(count: int) -> None:
    from django.db import connection  # noqa: PLC0415 - needs Django set up

    from tocsin.apps.integrations import actions  # noqa: PLC0415
    from tocsin.apps.integrations.types import IntegrationSpec  # noqa: PLC0415
    from tocsin.domain.permissions import SYSTEM  # noqa: PLC0415
    from tocsin.lib.clock import now  # noqa: PLC0415

    tool = actions.save_integration(actor=SYSTEM, spec=IntegrationSpec("tool", "generic"), now=now())
    with connection.cursor() as cursor:
        cursor.execute(_FILL, [tool.id, count])
        cursor.execute("ANALYZE alerts_alert")


def plain() -> None:
    from django.db import connection  # noqa: PLC0415 - needs Django set up

    with connection.cursor() as cursor:
        cursor.execute(_PLAIN)
        cursor.fetchall()


def parts() -> dict[str, Callable[[], object]]:
    from tocsin.apps.alerts import listing, queries  # noqa: PLC0415 - needs Django set up
    from tocsin.apps.alerts.types import AlertFilter  # noqa: PLC0415
    from tocsin.domain.permissions import SYSTEM  # noqa: PLC0415

    every = AlertFilter(status="firing")
    some = AlertFilter(status="firing", match=('team="team7"', 'alertname=~"Alert1.*"'))
    words = AlertFilter(status="firing", search="web9999 ")
    return {
        "the first page": lambda: queries.alerts(actor=SYSTEM, filters=every),
        "by labels": lambda: queries.alerts(actor=SYSTEM, filters=some),
        "by words": lambda: queries.alerts(actor=SYSTEM, filters=words),
        "its counts": lambda: listing.counts(actor=SYSTEM, filters=every),
        "its counts, by labels": lambda: listing.counts(actor=SYSTEM, filters=some),
        "which labels there are": lambda: listing.label_names(actor=SYSTEM, filters=every),
        "the values of a label with counts": lambda: listing.facet("team", actor=SYSTEM, filters=every),
        "the values of a label that differs everywhere": lambda: listing.facet(
            "instance", actor=SYSTEM, filters=every
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--alerts", type=int, default=100_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        with database(folder):
            fill(asked.alerts)
            print(HEADER)
            for what, do in parts().items():
                base, taken = milliseconds(plain), milliseconds(do)
                row = verdict(f"{asked.alerts} open alerts: {what}", taken, LIMIT_MS, "ms")
                print(f"{row} {taken / base:.0f} × the newest 50 rows")


if __name__ == "__main__":
    main()
