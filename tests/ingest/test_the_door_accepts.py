import asyncio
import gzip
import json
from pathlib import Path

import httpx
import pytest

from tests.ingest.conftest import Visitor, rows
from tocsin.apps.alerts.models import Alert
from tocsin.apps.incidents import jobs
from tocsin.apps.integrations.models import Integration
from tocsin.entrypoints.ingest import Door
from tocsin.lib.clock import now

FIXTURES = Path(__file__).parents[2] / "tocsin/adapters"
EVENT = {"action": "trigger", "dedup_key": "disk", "summary": "Disk full", "severity": "critical"}


def test_it_answers_202_after_the_commit(door: Visitor, keys: dict[str, str]) -> None:
    answer = door.post(f"/ingest/generic/{keys['generic']}", json.dumps(EVENT))
    assert answer.status_code == 202
    told = answer.json()
    assert (told["status"], told["events"]) == ("accepted", 1)
    (row,) = rows()
    assert (row["event_id"], row["dedup_key"], row["count"]) == (told["event_id"], "disk", 1)


def test_it_takes_a_list(door: Visitor, keys: dict[str, str]) -> None:
    body = [EVENT, {**EVENT, "dedup_key": "other"}, {"action": "resolve", "dedup_key": "disk"}]
    assert door.post(f"/ingest/generic/{keys['generic']}", json.dumps(body)).json()["events"] == 3
    assert [(row["action"], row["dedup_key"]) for row in rows()] == [
        ("trigger", "disk"),
        ("trigger", "other"),
        ("resolve", "disk"),
    ]


def test_it_folds_repeats_but_keeps_the_order(door: Visitor, keys: dict[str, str]) -> None:
    over = {"action": "resolve", "dedup_key": "disk"}
    worse = {**EVENT, "severity": "SEV1"}
    body = [EVENT, EVENT, EVENT, worse, over, over, EVENT]
    door.post(f"/ingest/generic/{keys['generic']}", json.dumps(body))
    assert [(row["action"], row["count"]) for row in rows()] == [
        ("trigger", 3),
        ("trigger", 1),
        ("resolve", 2),
        ("trigger", 1),
    ]


def test_many_at_once_share_commits_and_none_is_lost(door: Visitor, keys: dict[str, str]) -> None:
    async def deed(client: httpx.AsyncClient, _door: Door) -> list[int]:
        posts = [
            client.post(f"/ingest/generic/{keys['generic']}", json={**EVENT, "dedup_key": str(number % 10)})
            for number in range(200)
        ]
        return [answer.status_code for answer in await asyncio.gather(*posts)]

    assert set(door.visit(deed)) == {202}
    assert sum(row["count"] for row in rows()) == 200


@pytest.mark.parametrize("name", ["firing", "resolved", "newer", "many_labels"])
def test_it_takes_what_alertmanager_sends(door: Visitor, keys: dict[str, str], name: str) -> None:
    body = (FIXTURES / f"alertmanager/fixtures/{name}.json").read_bytes()
    answer = door.post(f"/ingest/alertmanager/{keys['alertmanager']}", body)
    assert answer.status_code == 202
    alerts = json.loads(body)["alerts"]
    assert [row["dedup_key"] for row in rows()] == [alert["fingerprint"] for alert in alerts]


def test_it_unpacks_gzip(door: Visitor, keys: dict[str, str]) -> None:
    path = f"/ingest/generic/{keys['generic']}"
    packed = gzip.compress(json.dumps(EVENT).encode())
    assert door.post(path, packed, **{"Content-Encoding": "gzip"}).status_code == 202
    assert door.post(path, packed[:-9], **{"Content-Encoding": "gzip"}).status_code == 415
    assert door.post(path, b"plain", **{"Content-Encoding": "gzip"}).status_code == 415
    assert door.post(path, packed, **{"Content-Encoding": "br"}).status_code == 415
    whole = json.dumps(EVENT).encode()
    two = gzip.compress(whole[:20]) + gzip.compress(whole[20:])  # as whoever appends to a file sends it
    assert door.post(path, two, **{"Content-Encoding": "gzip"}).status_code == 202
    assert door.post(path, two + b"\0" * 8, **{"Content-Encoding": "gzip"}).status_code == 202
    assert door.post(path, two + b"more", **{"Content-Encoding": "gzip"}).status_code == 415
    many = gzip.compress(b"") * 20_000
    assert door.post(path, many, **{"Content-Encoding": "gzip"}).status_code == 415
    bomb = gzip.compress(b" " * 50_000_000)
    assert door.post(path, bomb, **{"Content-Encoding": "gzip"}).status_code == 413


def test_it_answers_pagerduty_clients_as_pagerduty_does(door: Visitor, keys: dict[str, str]) -> None:
    payload = {"summary": "s", "source": "db1", "severity": "critical"}
    event = {
        "routing_key": keys["pagerduty"],
        "event_action": "trigger",
        "dedup_key": "d",
        "payload": payload,
    }

    def send(**changes: object) -> httpx.Response:
        return door.post("/pagerduty/v2/enqueue", json.dumps({**event, **changes}))

    answer = send()
    assert answer.status_code == 202
    assert answer.json() == {"status": "success", "message": "Event processed", "dedup_key": "d"}
    assert send(dedup_key=None).json()["dedup_key"]
    wrong = send(routing_key="short")
    assert wrong.status_code == 400
    assert wrong.json() == {
        "status": "invalid event",
        "message": "Event object is invalid",
        "errors": ["Length of 'routing_key' is incorrect (should be 32 characters)"],
    }
    assert send(routing_key="9" * 32).json()["errors"] == ["Invalid routing key"]
    assert send(payload={**payload, "severity": "bad"}).json()["errors"][0].startswith("'payload.severity'")
    broken = door.post("/pagerduty/v2/enqueue", "{")
    assert (broken.status_code, broken.json()["errors"]) == (400, ["JSON parse error"])


def test_the_routing_key_is_not_kept(door: Visitor, keys: dict[str, str]) -> None:
    payload = {"summary": "s", "source": "db1", "severity": "critical"}
    event = {"routing_key": keys["pagerduty"], "event_action": "trigger", "payload": payload}
    door.post("/pagerduty/v2/enqueue", json.dumps(event))
    assert keys["pagerduty"].encode() not in bytes(rows()[0]["payload"])


def test_any_integrations_key_opens_pagerdutys_door(door: Visitor, keys: dict[str, str]) -> None:
    payload = {"summary": "Disk full", "source": "db1", "severity": "critical"}
    event = {"routing_key": keys["generic"], "event_action": "trigger", "dedup_key": "d", "payload": payload}
    assert door.post("/pagerduty/v2/enqueue", json.dumps(event)).status_code == 202
    assert door.post(f"/ingest/generic/{keys['generic']}", json.dumps({**EVENT, "dedup_key": "d"})).is_success
    assert [row["count"] for row in rows()] == [1, 1]
    jobs.process_waiting(now())
    (alert,) = Alert.objects.all()
    assert (alert.summary, alert.count, alert.source) == ("Disk full", 2, "db1")


def test_a_stored_config_that_does_not_hold_is_not_the_senders_fault(
    door: Visitor, keys: dict[str, str]
) -> None:
    wrong = {"mapper": {"dedup_key": "((("}}
    Integration.objects.filter(key=keys["generic"]).update(kind="json", config=wrong)
    answer = door.post(f"/ingest/json/{keys['generic']}", b"{}")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "stored config" in answer.json()["detail"]
