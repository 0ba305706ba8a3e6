"""Makes examples/week/events.jsonl: a week of a small shop, as monitoring tells it. `python -m bench.week`.

The same seed gives the same week: a nightly batch that is loud, a service that flaps, two deploys that break
something, a storm when a database fails, and the noise between them.
"""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

START = datetime(2026, 11, 9, tzinfo=UTC)  # a Monday
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TEAMS = {"checkout": "payments", "payment-gateway": "payments", "storefront": "web", "search": "web"}

Row = dict[str, Any]
STAGING = 0.4  # of what is only noise
dice = random.Random(20261109)


def fired(
    at: datetime, key: str, summary: str, severity: str, integration: str = "prometheus", **labels: str
) -> Row:
    trigger = {"dedup_key": key, "summary": summary, "severity": severity, "labels": labels}
    return {"at": _text(at), "integration": integration, "trigger": trigger}


def over(at: datetime, key: str, integration: str = "prometheus") -> Row:
    return {"at": _text(at), "integration": integration, "resolve": key}


def _text(at: datetime) -> str:
    return at.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def repeated(at: datetime, lasts: timedelta, every: timedelta, *given: str, **labels: str) -> Iterator[Row]:
    """Fires, is said again as Prometheus does, and is over."""
    key, summary, severity = given
    moment = at
    while moment < at + lasts:
        yield fired(moment, key, summary, severity, **labels)
        moment += every
    yield over(at + lasts, key)


def batch() -> Iterator[Row]:
    """Every night at 02:00 the reports make the replica slow, for an hour."""
    for day in range(7):
        at = START + day * DAY + 2 * HOUR
        for replica in ("replica-1", "replica-2"):
            labels = {
                "alertname": "PostgresReplicationLag",
                "job": "postgres",
                "instance": replica,
                "cluster": "eu1",
                "batch": "reports",
            }
            yield from repeated(
                at + dice.randint(0, 5) * MINUTE,
                HOUR,
                2 * MINUTE,
                f"lag-{replica}-{day}",
                f"{replica} is behind",
                "critical",
                **labels,
            )


def flapping() -> Iterator[Row]:
    """The search's probe goes on and off from Tuesday noon, for four hours."""
    at = START + DAY + 12 * HOUR
    end = at + 4 * HOUR
    labels = {"alertname": "ProbeFailed", "job": "search-probe", "team": "web", "cluster": "eu1"}
    while at < end:
        yield fired(at, "probe-search", "The probe of search fails", "warning", **labels)
        yield over(at + dice.randint(20, 80) * timedelta(seconds=1), "probe-search")
        at += dice.randint(2, 5) * MINUTE


def deploys() -> Iterator[Row]:
    """Two that broke something: checkout on Wednesday morning, the storefront on Friday afternoon."""
    for offset, service, release in (
        (2 * DAY + 9 * HOUR, "checkout", "v412"),
        (4 * DAY + 14 * HOUR, "storefront", "v97"),
    ):
        at = START + offset + 4 * MINUTE
        for pod in range(6):
            labels = {
                "alertname": "ErrorRateHigh",
                "team": TEAMS[service],
                "service": service,
                "pod": f"{service}-{pod}",
                "cluster": "eu1",
                "tier": "1",
                "release": release,
            }
            yield from repeated(
                at + pod * timedelta(seconds=20),
                35 * MINUTE,
                MINUTE,
                f"errors-{service}-{pod}",
                f"{service} answers with errors since {release}",
                "page",
                **labels,
            )


def storm() -> Iterator[Row]:
    """On Thursday at 16:20 the database fails, and everything above it with it."""
    at = START + 3 * DAY + 16 * HOUR + 20 * MINUTE
    down = {"alertname": "PostgresDown", "job": "postgres", "instance": "primary", "cluster": "eu1"}
    yield from repeated(
        at, 48 * MINUTE, MINUTE, "postgres-down", "The primary does not answer", "critical", **down
    )
    for service, team in TEAMS.items():
        for pod in range(12):
            begins = at + timedelta(seconds=dice.randint(15, 240))
            labels = {
                "alertname": "DependencyFailing",
                "team": team,
                "service": service,
                "pod": f"{service}-{pod}",
                "cluster": "eu1",
            }
            yield from repeated(
                begins,
                45 * MINUTE,
                2 * MINUTE,
                f"dependency-{service}-{pod}",
                f"{service}-{pod} cannot reach the database",
                "critical",
                **labels,
            )


def noise() -> Iterator[Row]:
    """What comes and goes on every day, mostly by itself."""
    kinds = (
        ("DiskFilling", "disk will be full in 3 days", "info"),
        ("CertificateExpires", "certificate expires in 20 days", "info"),
        ("LatencyHigh", "p99 is above 800 ms", "warning"),
        ("QueueLong", "orders wait", "warning"),
    )
    for day in range(7):
        for number in range(90):
            name, summary, severity = dice.choice(kinds)
            service = dice.choice([*TEAMS, "message-queue"])
            at = START + day * DAY + timedelta(seconds=dice.randint(0, 86_399))
            env = "staging" if dice.random() < STAGING else "prod"
            labels = {
                "alertname": name,
                "team": TEAMS.get(service, "platform"),
                "service": service,
                "env": env,
                "cluster": "eu1" if env == "prod" else "eu-test",
            }
            lasts = timedelta(minutes=dice.choice((1, 2, 5, 12, 40)))
            yield from repeated(
                at,
                lasts,
                5 * MINUTE,
                f"{name}-{service}-{day}-{number}",
                f"{service} ({env}): {summary}",
                severity,
                **labels,
            )


def scripts() -> Iterator[Row]:
    """The backups tell by a script, each night."""
    for day in range(7):
        at = START + day * DAY + 4 * HOUR
        if day in {1, 5}:
            yield fired(
                at,
                f"backup-{day}",
                "Backup of orders failed: host=db3 code=12",
                "slow",
                "scripts",
                job="backup",
            )
            yield over(at + 3 * HOUR, f"backup-{day}", "scripts")


def answers() -> Iterator[Row]:
    """Who answered then; what nobody answered is not here."""
    for offset, key, who in (
        (2 * DAY + 9 * HOUR + 9 * MINUTE, "errors-checkout-0", "alice@example.com"),
        (3 * DAY + 16 * HOUR + 24 * MINUTE, "postgres-down", "dana@example.com"),
    ):
        yield {"at": _text(START + offset), "acknowledge": key, "by": who}


def main() -> None:
    rows = [*batch(), *flapping(), *deploys(), *storm(), *noise(), *scripts(), *answers()]
    rows.sort(key=lambda row: row["at"])
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    Path("examples/week/events.jsonl").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
