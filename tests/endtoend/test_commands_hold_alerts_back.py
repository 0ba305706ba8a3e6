"""`tocsin silence`, `maintenance` and `incident split` against a server that runs."""

import json
from typing import Any

from tests.endtoend.harness import Installation, eventually

KEY = "5ca1ab1e" * 4
ORGANISATION = f"""
services: [{{name: database}}]
integrations: [{{name: scripts, kind: generic, service: database, key: "{KEY}"}}]
"""


def run(tocsin: Installation, *words: str) -> Any:
    done = tocsin.command(*words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def alert(tocsin: Installation, dedup_key: str) -> dict[str, Any]:
    def found() -> dict[str, Any] | None:
        rows = tocsin.api("GET", "alerts?limit=50")["items"]
        return next((row for row in rows if row["dedup_key"] == dedup_key), None)

    return eventually(found) or {}


def test_they_hold_until_they_are_ended(tocsin: Installation) -> None:
    tocsin.apply(ORGANISATION)
    tocsin.trigger(KEY, "already")
    alert(tocsin, "already")
    eventually(tocsin.incidents)

    seen = run(tocsin, "silence", "add", 'dedup_key=~"already|disk"', "--for", "1h", "--preview")
    assert (seen["now"], seen["firing"]) == (1, 1)
    assert run(tocsin, "silence", "list")["items"] == []

    made = run(tocsin, "silence", "add", 'dedup_key="disk"', "--for", "1h", "--comment", "new disks")
    window = run(tocsin, "maintenance", "add", "database", "--match", 'dedup_key="cpu"', "--for", "1h")
    assert (made["state"], window["state"]) == ("active", "active")
    tocsin.trigger(KEY, "disk")
    tocsin.trigger(KEY, "cpu")
    alert(tocsin, "cpu")
    eventually(lambda: run(tocsin, "silence", "list")["items"][0]["holding"] == 1)
    eventually(lambda: run(tocsin, "maintenance", "list")["items"][0]["holding"] == 1)
    assert len(tocsin.incidents()) == 1

    assert run(tocsin, "silence", "expire", made["id"])["state"] == "expired"
    eventually(lambda: len(tocsin.incidents()) == 2)
    assert run(tocsin, "maintenance", "expire", window["id"])["state"] == "expired"
    eventually(lambda: len(tocsin.incidents()) == 3)


def test_what_cannot_be_is_said_by_name(tocsin: Installation) -> None:
    weekly = ["--rrule", "FREQ=SOMETIMES", "--timezone", "Europe/Berlin", "--for", "1h"]
    done = tocsin.command("maintenance", "add", "database", *weekly)
    assert done.returncode == 2
    assert "rrule" in done.stderr
    made = run(tocsin, "maintenance", "add", "database", "--rrule", "FREQ=WEEKLY;BYDAY=SU", *weekly[2:])
    assert made["zone"] == "Europe/Berlin"
    assert len(made["later"]) > 1


def test_an_alert_is_split_off(tocsin: Installation) -> None:
    tocsin.api(
        "POST", "configuration/apply", prune=False, files={"routes.yaml": "routes: {group_by: [rack]}\n"}
    )
    for name in ("one", "two"):
        tocsin.trigger(KEY, name, labels={"rack": "r7"})
        alert(tocsin, name)

    def together() -> dict[str, Any] | None:
        rows = [tocsin.api("GET", f"incidents/{row['ref']}") for row in tocsin.incidents()]
        return next((row for row in rows if len(row["alerts"]) == 2), None)

    incident = eventually(together) or {}
    before = len(tocsin.incidents())
    second = alert(tocsin, "two")
    run(tocsin, "incident", "split", incident["ref"], str(second["id"]))
    assert len(tocsin.incidents()) == before + 1
    assert len(tocsin.api("GET", f"incidents/{incident['ref']}")["alerts"]) == 1
