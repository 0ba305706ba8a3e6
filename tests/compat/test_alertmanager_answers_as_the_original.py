"""The same alerts and silences in Debian's Alertmanager and here: both give the same answers to the same
questions, but for what is named below.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests import programs
from tests.endtoend.harness import Installation, eventually
from tocsin.testing.mailbox import free_port

pytestmark = programs.alertmanager

KEY = "d7" * 16
# An inhibition is for all integrations: its label is one that no other test has.
ORGANISATION = f"""
services: [{{name: mirror}}]
integrations:
  - {{name: mirror-prometheus, kind: prometheus, service: mirror, key: {KEY}}}
inhibitions:
  - {{name: mirror, source: ['mirror="rack"'], target: ['mirror="host"'], equal: [rack]}}
"""
ORIGINAL = """
route: {receiver: mirror, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers: [{name: mirror}]
inhibit_rules:
  - {source_matchers: ['mirror="rack"'], target_matchers: ['mirror="host"'], equal: [rack]}
"""
UNKNOWN = "00000000-0000-4000-8000-000000000000"
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NOW = datetime.now(UTC)
LABELS: tuple[dict[str, str], ...] = (
    {"alertname": "Full", "node": "db1", "severity": "critical"},
    {"alertname": "Full", "node": "db2"},
    {"alertname": "Quiet", "node": "db3"},
    {"alertname": "Rack", "mirror": "rack", "rack": "r1"},
    {"alertname": "Host", "mirror": "host", "rack": "r1"},
    {"alertname": "Host", "mirror": "host", "rack": "r2"},
)
FINAL = {"silenced": 1, "inhibited": 1, "active": 4}


@dataclass
class Two:
    real: str
    ours: str

    def ask(self, method: str, path: str, **more: Any) -> tuple[httpx.Response, httpx.Response]:
        real, ours = (
            httpx.request(method, f"{base}{path}", timeout=30, **more) for base in (self.real, self.ours)
        )
        return real, ours


def at(**ahead: float) -> str:
    return (NOW + timedelta(**ahead)).isoformat()


def silence(**more: Any) -> dict[str, Any]:
    return {
        "matchers": [{"name": "node", "value": "db3", "isRegex": False}],
        "startsAt": at(seconds=-30),
        "endsAt": at(hours=5),
        "createdBy": "sam",
        "comment": "moved",
        **more,
    }


def form(value: Any) -> Any:
    """What is left of an answer when the values are taken out: names, types and how times are written."""
    if isinstance(value, dict):
        return {name: form(each) for name, each in sorted(value.items())}
    if isinstance(value, list):
        return sorted({repr(form(each)) for each in value})
    if isinstance(value, str):
        for name, pattern in (("instant", INSTANT), ("uuid", UUID)):
            if pattern.fullmatch(value):
                return name
    return type(value).__name__


def body(answer: httpx.Response) -> Any:
    """Without what later versions have, whose API ours says it is: `mutedBy` came with 0.27."""
    found = answer.json() if answer.content else None
    for group in found if isinstance(found, list) else ():
        for alert in group.get("alerts", [group]) if isinstance(group, dict) else ():
            if "fingerprint" in alert:
                assert alert["status"].pop("mutedBy", []) == []
    return found


def same(real: httpx.Response, ours: httpx.Response) -> tuple[Any, Any]:
    assert ours.status_code == real.status_code, (real.text, ours.text)
    if real.content:
        assert ours.headers["content-type"] == real.headers["content-type"]
    said, told = body(real), body(ours)
    assert form(told) == form(said)
    return said, told


@pytest.fixture(scope="module")
def two(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    installation.apply(ORGANISATION)
    folder = tmp_path_factory.mktemp("original")
    (folder / "alertmanager.yml").write_text(ORIGINAL)
    port = free_port()
    words = [
        "prometheus-alertmanager", f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/am",
        f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
    ]  # fmt: skip
    with (folder / "alertmanager.log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
        try:
            found = Two(f"http://127.0.0.1:{port}", f"{installation.url}/alertmanager/{KEY}")
            eventually(lambda: httpx.get(f"{found.real}/-/ready").is_success)
            _fill(found)
            yield found
        finally:
            process.terminate()
            process.wait(15)


def _fill(two: Two) -> None:
    """The silence first, so that what it hits never was anything else."""
    same(*two.ask("POST", "/api/v2/silences", json=silence()))
    alerts = [{"labels": labels, "startsAt": at(seconds=-60), "endsAt": at(hours=2)} for labels in LABELS]
    alerts[0] |= {"annotations": {"summary": "db1 is full"}, "generatorURL": "http://prometheus/graph?g0=1"}
    same(*two.ask("POST", "/api/v2/alerts", json=alerts))

    def settled() -> bool:
        counts = [{"silenced": 0, "inhibited": 0, "active": 0} for _ in range(2)]
        for count, answer in zip(counts, two.ask("GET", "/api/v2/alerts"), strict=True):
            for alert in answer.json():
                status = alert["status"]
                count["silenced"] += bool(status["silencedBy"])
                count["inhibited"] += bool(status["inhibitedBy"])
                count["active"] += status["state"] == "active"
        return all(count == FINAL for count in counts)

    eventually(settled, 60)


READ = [
    "/api/v2/status",
    "/api/v2/receivers",
    "/api/v2/alerts",
    "/api/v2/silences",
]
FILTERS = [
    "active=false",
    "silenced=false",
    "inhibited=false",
    "unprocessed=false",
    "active=false&silenced=false",
    "silenced=false&inhibited=false&active=true",
    "filter=node%3D%22db1%22",
    "filter=node%3Ddb1",
    "filter=alertname%3D~%22Full%7CHost%22&filter=node%21%3D%22db1%22",
    "filter=severity%21~%22crit.*%22",
    "filter=node%3D%22%22",
    "receiver=mirror",
    "receiver=mir.*",
    "receiver=mir",
    "receiver=nobody",
]
WRONG = [
    ("GET", "/api/v2/alerts?filter=nonsense"),
    ("GET", "/api/v2/alerts?filter=%7Bnode%3D%22db1%22%7D"),
    ("GET", "/api/v2/alerts?receiver=("),
    ("GET", "/api/v2/alerts/groups?filter=nonsense"),
    ("GET", "/api/v2/alerts/groups?receiver=("),
    ("GET", "/api/v2/silences?filter=nonsense"),
    ("GET", "/api/v2/silence/no-uuid"),
    ("DELETE", "/api/v2/silence/no-uuid"),
    ("GET", "/api/v2/nothing"),
    ("PUT", "/api/v2/silences"),
    ("PUT", f"/api/v2/silence/{UNKNOWN}"),
]
BAD_SILENCES: list[dict[str, Any]] = [
    {"matchers": []},
    {"matchers": [{"name": "node", "value": "", "isRegex": False}]},
    {"matchers": [{"name": "node", "value": "(", "isRegex": True}]},
    {"matchers": [{"name": "", "value": "x", "isRegex": False}]},
    {"matchers": [{"name": "node", "value": "x"}]},
    {"matchers": [{"value": "x", "isRegex": False}]},
    {"startsAt": at(hours=-2), "endsAt": at(hours=-1)},
    {"startsAt": at(hours=2), "endsAt": at(hours=1)},
    {"startsAt": "soon"},
    {"comment": None},
    {"id": UNKNOWN},
    {"id": "no-uuid"},
]
BAD_BODIES = [b"", b"{", b"{}", b'[{"labels":{}}]', b'[{"annotations":{}}]', b'[{"labels":{"a":1}}]']


@pytest.mark.parametrize("path", READ)
def test_what_is_read_has_the_same_form(two: Two, path: str) -> None:
    same(*two.ask("GET", path))


def _told(alert: dict[str, Any]) -> str:
    names = ("labels", "annotations", "fingerprint", "receivers", "startsAt", "endsAt", "generatorURL")
    status = alert["status"]
    held = status["state"], bool(status["silencedBy"]), bool(status["inhibitedBy"])
    return json.dumps([{name: alert.get(name) for name in names}, held], sort_keys=True)


@pytest.mark.parametrize("query", ["", *FILTERS])
def test_the_same_alerts_are_found_with_the_same_words(two: Two, query: str) -> None:
    real, ours = same(*two.ask("GET", f"/api/v2/alerts?{query}"))
    assert [_told(each) for each in ours] == [_told(each) for each in real]


@pytest.mark.parametrize("query", ["", *FILTERS])
def test_groups_hold_the_same_alerts(two: Two, query: str) -> None:
    """How alerts are grouped is each one's own."""
    answers = two.ask("GET", f"/api/v2/alerts/groups?{query}")
    assert [each.status_code for each in answers] == [200, 200]
    real, ours = (body(each) for each in answers)
    forms = [form([{**group, "alerts": []} for group in each]) for each in (real, ours)]
    assert forms[1] == forms[0]
    inside = [sorted(_told(alert) for group in each for alert in group["alerts"]) for each in (real, ours)]
    assert inside[1] == inside[0]


@pytest.mark.parametrize(
    "query", ["node%3Ddb3", "node%3D~db.*", "node%21%3Ddb3", "nothing%3D%22%22", "node%3Ddb9"]
)
def test_silences_are_found_by_what_they_say(two: Two, query: str) -> None:
    real, ours = same(*two.ask("GET", f"/api/v2/silences?filter={query}"))
    active = [
        [each["matchers"] for each in found if each["status"]["state"] == "active"] for found in (real, ours)
    ]
    assert active[1] == active[0]


@pytest.mark.parametrize(("method", "path"), WRONG)
def test_what_is_wrong_is_refused_alike(two: Two, method: str, path: str) -> None:
    same(*two.ask(method, path))


@pytest.mark.parametrize("change", BAD_SILENCES)
def test_silences_that_cannot_be_are_refused_alike(two: Two, change: dict[str, Any]) -> None:
    sent = {name: value for name, value in silence(**change).items() if value is not None}
    real, ours = two.ask("POST", "/api/v2/silences", json=sent)
    same(real, ours)
    if real.status_code == 422:
        assert ours.json() == real.json()


@pytest.mark.parametrize("content", BAD_BODIES)
def test_alerts_that_cannot_be_are_refused_alike(two: Two, content: bytes) -> None:
    headers = {"content-type": "application/json"}
    real, ours = two.ask("POST", "/api/v2/alerts", content=content, headers=headers)
    same(real, ours)
    if "failed, because" not in real.text:  # each has its own reader of JSON
        assert ours.json() == real.json()


def test_an_unknown_silence_is_not_found(two: Two) -> None:
    real, ours = two.ask("GET", f"/api/v2/silence/{UNKNOWN}")
    assert (real.status_code, ours.status_code) == (404, 404)
    real, ours = two.ask("DELETE", f"/api/v2/silence/{UNKNOWN}")
    assert ours.json() == real.json() == "silence not found"
    assert (real.status_code, ours.status_code) == (500, 404)  # mended there in later versions


def test_a_silence_lives_the_same_life_under_the_same_rules(two: Two) -> None:
    def saved(ids: list[str], **more: Any) -> list[str]:
        found = []
        for base, uid in zip((two.real, two.ours), ids, strict=True):
            sent = silence(matchers=[{"name": "life", "value": "x", "isRegex": False}], **more)
            answer = httpx.post(f"{base}/api/v2/silences", json={**sent, "id": uid} if uid else sent)
            assert answer.is_success, answer.text
            found.append(answer.json()["silenceID"])
        return found

    def read(ids: list[str]) -> list[str]:
        addresses = zip((two.real, two.ours), ids, strict=True)
        real, ours = (httpx.get(f"{base}/api/v2/silence/{uid}") for base, uid in addresses)
        return [each["status"]["state"] for each in same(real, ours)]

    pending = saved(["", ""], startsAt=at(hours=1))
    assert read(pending) == ["pending", "pending"]
    assert saved(pending, startsAt=at(hours=2), comment="later") == pending

    first = saved(["", ""])
    assert read(first) == ["active", "active"]
    # Since when it holds may not change under one id: the old one ends, and there is a new one.
    second = saved(first, startsAt=at(hours=-1))
    assert [a == b for a, b in zip(first, second, strict=True)] == [False, False]
    assert (read(first), read(second)) == (["expired", "expired"], ["active", "active"])

    for _ in range(2):  # one that is over may be ended again
        addresses = zip((two.real, two.ours), second, strict=True)
        real, ours = (httpx.delete(f"{base}/api/v2/silence/{uid}") for base, uid in addresses)
        assert (real.status_code, real.content) == (ours.status_code, ours.content) == (200, b"")
        assert "content-type" not in ours.headers
        assert read(second) == ["expired", "expired"]
    third = saved(second)
    assert [a == b for a, b in zip(second, third, strict=True)] == [False, False]
    assert (read(second), read(third)) == (["expired", "expired"], ["active", "active"])
