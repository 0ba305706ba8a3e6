import asyncio
import json
import time

import httpx
import pytest

from tests.ingest.conftest import Visitor, rows
from tocsin.entrypoints.ingest import Door, Limits

EVENT = {"action": "trigger", "dedup_key": "disk", "summary": "Disk full"}
DEEP = b"[" * 200_000


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"null", "body"),
        (b"[]", "body"),
        (b'"text"', "body"),
        (b"\xff\xfe{}", "body"),
        (b'{"action":"trigger","dedup_key":"\xff","summary":"s"}', "body"),
        (DEEP, "body"),
        (b'{"x":' + DEEP, "body"),
        (b'{"dedup_key":"a","summary":"s"}', "action"),
        (b'{"action":"explode","dedup_key":"a","summary":"s"}', "action"),
        (b'{"action":"trigger","summary":"s"}', "dedup_key"),
        (b'{"action":"trigger","dedup_key":7,"summary":"s"}', "dedup_key"),
        (b'{"action":"trigger","dedup_key":"","summary":"s"}', "dedup_key"),
        (b'{"action":"trigger","dedup_key":"a\\u0000b","summary":"s"}', "dedup_key"),
        (b'{"action":"trigger","dedup_key":"' + b"x" * 513 + b'","summary":"s"}', "dedup_key"),
        (b'{"action":"trigger","dedup_key":"a"}', "summary"),
        (b'{"action":"trigger","dedup_key":"a","summary":["s"]}', "summary"),
        (b'{"action":"trigger","dedup_key":"a","summary":"s","severity":{}}', "severity"),
        (b'{"action":"trigger","dedup_key":"a","summary":"s","labels":[]}', "labels"),
        (b'{"action":"trigger","dedup_key":"a","summary":"s","labels":{"x":{"y":1}}}', "labels"),
        (
            b'{"action":"trigger","dedup_key":"a","summary":"s","labels":{"x":1' + b"0" * 5000 + b"}}",
            "labels",
        ),
        (b'[{"action":"resolve","dedup_key":"a"},{"action":"resolve"}]', "[1].dedup_key"),
        (b'[{"action":"resolve","dedup_key":"a"},5]', "[1]"),
    ],
)
def test_it_names_the_field(door: Visitor, keys: dict[str, str], body: bytes, field: str) -> None:
    answer = door.post(f"/ingest/generic/{keys['generic']}", body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == field
    assert answer.json()["errors"][0]["message"]
    assert rows() == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "alerts"),
        ({"alerts": {}}, "alerts"),
        ({"alerts": [{"labels": {}}]}, "alerts[0].status"),
        ({"alerts": [{"status": "on", "labels": {}}]}, "alerts[0].status"),
        ({"alerts": [{"status": "firing", "labels": {"a": 1}}]}, "alerts[0].labels"),
        ({"alerts": [{"status": "firing", "labels": {}}]}, "alerts[0].labels"),
        (
            {"alerts": [{"status": "firing", "labels": {"a": "b"}, "fingerprint": "\0"}]},
            "alerts[0].fingerprint",
        ),
        (
            {"alerts": [{"status": "firing", "labels": {"a": "b"}, "annotations": [1]}]},
            "alerts[0].annotations",
        ),
        ({"alerts": [], "groupKey": 7}, "groupKey"),
    ],
)
def test_it_names_the_field_of_an_alert(
    door: Visitor, keys: dict[str, str], body: object, field: str
) -> None:
    answer = door.post(f"/ingest/alertmanager/{keys['alertmanager']}", json.dumps(body))
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


def test_it_refuses_wrong_keys_kinds_and_methods(door: Visitor, keys: dict[str, str]) -> None:
    body = json.dumps(EVENT)
    assert door.post(f"/ingest/generic/{'0' * 32}", body).status_code == 401
    assert door.post("/ingest/generic/", body).status_code == 401
    assert door.post(f"/ingest/generic/{'0' * 10_000}", body).status_code == 401
    assert door.post(f"/ingest/generic/{keys['alertmanager']}", body).status_code == 403
    assert door.post(f"/ingest/nosuch/{keys['generic']}", body).status_code == 404
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        answer = door.request(method, f"/ingest/generic/{keys['generic']}", "", {})
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert rows() == []


def test_it_drains_a_large_body_and_says_413(door: Visitor, keys: dict[str, str]) -> None:
    path = f"/ingest/generic/{keys['generic']}"
    assert door.post(path, b" " * (1024 * 1024 + 1)).status_code == 413
    fits = json.dumps({**EVENT, "summary": "x" * (1024 * 1024 - 100)})
    assert len(fits) <= 1024 * 1024
    assert door.post(path, fits).status_code == 202
    assert door.post(path, b" " * (5 * 1024 * 1024)).status_code == 413


def test_it_limits_the_rate_of_one_key_only(keys: dict[str, str], door: Visitor) -> None:
    slow = Visitor(door.options.database_url, Limits(rate=1.0, burst=3.0))

    async def deed(client: httpx.AsyncClient, _door: Door) -> list[httpx.Response]:
        path = f"/ingest/generic/{keys['generic']}"
        answers = [await client.post(path, json=EVENT) for _ in range(5)]
        other = {"alerts": []}
        return [*answers, await client.post(f"/ingest/alertmanager/{keys['alertmanager']}", json=other)]

    answers = slow.visit(deed)
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429, 429, 202]
    assert int(answers[3].headers["retry-after"]) >= 1


def test_it_says_503_at_once_while_the_database_is_away(keys: dict[str, str]) -> None:
    away = Visitor("postgresql://nobody@127.0.0.1:1/none?connect_timeout=1")

    async def deed(client: httpx.AsyncClient, _door: Door) -> tuple[list[httpx.Response], float]:
        started = time.monotonic()
        path = f"/ingest/generic/{keys['generic']}"
        answers = await asyncio.gather(*(client.post(path, json=EVENT) for _ in range(20)))
        return answers, time.monotonic() - started

    answers, took = away.visit(deed)
    assert {answer.status_code for answer in answers} == {503}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers)
    assert took < 5


def test_a_wide_event_is_cut_to_size_not_refused(door: Visitor, keys: dict[str, str]) -> None:
    wide = {**EVENT, "labels": {f"label{number}": "v" for number in range(10_000)}}
    assert door.post(f"/ingest/generic/{keys['generic']}", json.dumps(wide)).status_code == 202
