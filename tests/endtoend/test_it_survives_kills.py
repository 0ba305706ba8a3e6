"""`kill -9` at random instants during 200 incidents: every page due is sent, none twice under one key."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.endtoend.harness import Installation, eventually
from tocsin.testing.hooks import HookReceiver

INCIDENTS = 200
KEY = "b2" * 16
PEOPLE = ("first", "second", "third")


def organisation(hooks: HookReceiver) -> str:
    users = "".join(
        f"""
  - email: {name}@example.com
    contact_methods: [{{type: webhook, address: "{hooks.url("/" + name)}"}}]
    notification_rules: {{high: [{{after: 0m, via: webhook}}], low: [{{after: 0m, via: webhook}}]}}"""
        for name in PEOPLE
    )
    steps = "".join(f"\n      - {{notify: [{{user: {name}@example.com}}], wait: 3s}}" for name in PEOPLE)
    return f"""
users:{users}
escalation_policies:
  - name: three-steps
    steps:{steps}
teams:
  - {{name: faults, members: [first@example.com]}}
services:
  - {{name: faults, team: faults, escalation_policy: three-steps}}
integrations:
  - {{name: faults, kind: generic, service: faults, key: {KEY}}}
last_resort: [third@example.com]
"""


@pytest.fixture
def killed(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path / "data").start()
    try:
        yield installation
    finally:
        installation.kill()


def test_every_page_due_is_sent_and_none_twice_under_one_key(
    killed: Installation, hooks: HookReceiver
) -> None:
    killed.apply(organisation(hooks))
    chance = random.Random(20261123)
    faults = iter(
        [
            (at, chance.choice(("worker", "worker", "web", "everything", "postgres")))
            for at in (3, 7, 12, 18, 24)
        ]
    )
    began = time.monotonic()
    next_fault = next(faults, None)
    for number in range(INCIDENTS):
        insist(killed, f"fault-{number}")
        if next_fault and time.monotonic() - began >= next_fault[0]:
            strike(killed, next_fault[1])
            next_fault = next(faults, None)
        time.sleep(0.08)
    for _at, victim in faults:
        time.sleep(2)
        strike(killed, victim)
    killed.wait_ready()

    expected = {(f"fault-{number}", name) for number in range(INCIDENTS) for name in PEOPLE}

    def missing() -> set[tuple[str, str]]:
        return expected - {(title_of(d.body), d.path.strip("/")) for d in hooks.effects}

    eventually(lambda: not missing() or None, 400, every=0.5)
    # One page per person and incident, under one key: a vendor that honours keys rings once.
    rings = Counter((title_of(delivery.body), delivery.path) for delivery in hooks.effects)
    twice = {ring: count for ring, count in rings.items() if count > 1}
    assert not twice


def insist(installation: Installation, dedup_key: str) -> None:
    """Send as Alertmanager would: again and again until it is accepted."""

    def accepted() -> bool:
        return (
            installation.trigger(KEY, dedup_key, dedup_key, severity="SEV2").status_code
            == httpx.codes.ACCEPTED
        )

    eventually(accepted, 240)


def strike(installation: Installation, victim: str) -> None:
    if victim == "everything":
        installation.kill()
        installation.start(wait=False)
        return
    words = {"worker": "tocsin worker", "web": "tocsin serve", "postgres": "postgres -D"}[victim]
    # Somebody killed a moment ago may not have been started again yet.
    pid = eventually(lambda: installation.child(words), 15)
    # PostgreSQL is restarted as an administrator would; the others die without warning.
    os.kill(pid, signal.SIGINT if victim == "postgres" else signal.SIGKILL)


def title_of(body: dict[str, object]) -> str:
    incident = body["incident"]
    assert isinstance(incident, dict)
    return str(incident["title"])
