"""What PagerDuty's own client sends beside the three actions, what it is told when that is wrong, and
Debian's Alertmanager as its client over TLS.
"""

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pagerduty import EventsApiV2Client, HttpError

from tests import programs
from tests.compat.pagerduty_tls import tls
from tests.endtoend.harness import Installation, eventually
from tocsin.testing.mailbox import free_port

KEY = "3c" * 16
ORGANISATION = f"""
services: [{{name: pagerduty-more}}]
integrations:
  - {{name: pagerduty-more, kind: pagerduty, service: pagerduty-more, key: {KEY}}}
"""


@pytest.fixture(scope="module")
def tocsin(installation: Installation) -> Installation:
    installation.apply(ORGANISATION)
    return installation


@pytest.fixture(scope="module")
def door(
    tocsin: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, ssl.SSLContext, Path]]:
    folder = tmp_path_factory.mktemp("tls")
    with tls(tocsin.port, folder) as (address, trust):
        yield f"{address}/pagerduty", trust, folder / "tls.pem"


@pytest.fixture
def client(door: tuple[str, ssl.SSLContext, Path]) -> Iterator[EventsApiV2Client]:
    with EventsApiV2Client(KEY, base_url=door[0], verify=door[1]) as found:
        yield found


def alert(tocsin: Installation, key: str, status: str = "firing") -> dict[str, Any]:
    rows = tocsin.api("GET", f"alerts?status={status}&integration=pagerduty-more")["items"]
    return next((each for each in rows if each["dedup_key"] == key), {})


def answered(error: HttpError) -> Any:
    assert error.response is not None
    return error.response


def test_images_links_and_details_come_with_it(tocsin: Installation, client: EventsApiV2Client) -> None:
    key = client.trigger(
        "Disk full",
        "db1",
        payload={
            "component": "disk",
            "group": "storage",
            "class": "capacity",
            "timestamp": "2026-11-23T08:12:41Z",
        },
        custom_details={"disk": "sda", "free": {"mb": 3}, "log": "x" * 5000},
        images=[{"src": "https://example.com/graph.png", "href": "https://example.com/d", "alt": "Graph"}],
        links=[{"href": "https://example.com/runbook", "text": "Runbook"}],
    )
    row = eventually(lambda: alert(tocsin, key))
    whole = tocsin.api("GET", f"alerts/{row['id']}")
    assert {"component": "disk", "group": "storage", "class": "capacity", "disk": "sda"}.items() <= whole[
        "labels"
    ].items()
    assert whole["labels"]["free"] == '{"mb":3}'
    assert whole["annotations"]["log"].startswith("x" * 2000)  # too long for a label
    assert {"href": "https://example.com/runbook", "text": "Runbook"} in whole["links"]
    assert whole["started_at"].startswith("2026-11-23T08:12:41")


def test_details_that_are_too_large_are_refused_and_the_client_says_so(client: EventsApiV2Client) -> None:
    with pytest.raises(HttpError) as error:
        client.trigger("Too much", "db1", custom_details={"log": "x" * 600_000})
    said = answered(error.value).json()
    assert (answered(error.value).status_code, said["status"]) == (400, "invalid event")
    assert "524288" in said["errors"][0]


def test_a_change_opens_nothing_and_is_kept(tocsin: Installation, client: EventsApiV2Client) -> None:
    client.submit(
        "Deployed 4.2",
        "ci",
        custom_details={"service": "pagerduty-more", "version": "4.2"},
        links=[{"href": "https://example.com/build/7", "text": "Build"}],
        timestamp="2026-11-23T08:12:41.000+0000",
    )
    (change,) = eventually(lambda: tocsin.api("GET", "changes?integration=pagerduty-more")["items"])
    assert (change["summary"], change["service"], change["source"]) == (
        "Deployed 4.2",
        "pagerduty-more",
        "ci",
    )
    assert change["occurred_at"].startswith("2026-11-23T08:12:41")
    assert [each["href"] for each in change["links"]] == ["https://example.com/build/7"]
    assert not [each for each in tocsin.incidents() if each["title"] == "Deployed 4.2"]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("short", "Length of 'routing_key' is incorrect (should be 32 characters)"),
        ("9" * 32, "Invalid routing key"),
    ],
)
def test_a_key_that_opens_nothing_is_named(
    door: tuple[str, ssl.SSLContext, Path], key: str, said: str
) -> None:
    with (
        EventsApiV2Client(key, base_url=door[0], verify=door[1]) as client,
        pytest.raises(HttpError) as error,
    ):
        client.trigger("Disk full", "db1")
    assert answered(error.value).status_code == 400
    assert answered(error.value).json() == {
        "status": "invalid event",
        "message": "Event object is invalid",
        "errors": [said],
    }


def test_what_has_no_key_to_act_on_is_refused(tocsin: Installation) -> None:
    for action in ("acknowledge", "resolve"):
        body = {"routing_key": KEY, "event_action": action}
        answer = httpx.post(f"{tocsin.url}/pagerduty/v2/enqueue", json=body)
        assert (answer.status_code, answer.json()["errors"]) == (400, ["'dedup_key' is missing or blank"])


@programs.alertmanager
def test_alertmanager_fires_and_resolves_over_tls(
    tocsin: Installation, door: tuple[str, ssl.SSLContext, Path], tmp_path: Path
) -> None:
    (tmp_path / "alertmanager.yml").write_text(f"""
route: {{receiver: pd, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: pd
    pagerduty_configs:
      - url: '{door[0]}/v2/enqueue'
        routing_key: {KEY}
        http_config: {{tls_config: {{ca_file: '{door[2]}'}}}}
        severity: critical
        details: {{team: payments}}
        links: [{{href: 'https://example.com/r', text: Runbook}}]
""")
    port = free_port()
    words = [
        "prometheus-alertmanager", f"--config.file={tmp_path}/alertmanager.yml",
        f"--storage.path={tmp_path}/am", f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]  # fmt: skip

    def named(status: str) -> list[dict[str, Any]]:
        rows = tocsin.api("GET", f"alerts?status={status}&integration=pagerduty-more")["items"]
        return [each for each in rows if "OverTls" in each["summary"]]

    with (tmp_path / "alertmanager.log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
        try:
            body = {"labels": {"alertname": "OverTls"}, "annotations": {"summary": "s"}}
            address = f"http://127.0.0.1:{port}/api/v2/alerts"
            eventually(lambda: httpx.post(address, json=[body]).is_success)
            (found,) = eventually(lambda: named("firing"), 40)
            assert (found["severity"], found["labels"]["team"]) == ("SEV2", "payments")
            ended = {**body, "startsAt": "2026-11-23T08:00:00Z", "endsAt": "2026-11-23T08:00:01Z"}
            assert httpx.post(address, json=[ended]).is_success
            (over,) = eventually(lambda: named("resolved"), 40)
            assert over["id"] == found["id"]
        finally:
            process.terminate()
            process.wait(15)
