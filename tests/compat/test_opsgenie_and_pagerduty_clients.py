"""The vendors' own clients, and Debian's Alertmanager as a client of both: only the address is changed."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import opsgenie_sdk
import pytest
from pagerduty import EventsApiV2Client

from tests import programs
from tests.compat.pagerduty_tls import tls
from tests.endtoend.harness import Installation, eventually
from tocsin.testing.mailbox import free_port

OPSGENIE = "0b" * 16
PAGERDUTY = "0c" * 16
ORGANISATION = f"""
services: [{{name: moved}}]
integrations:
  - {{name: from-opsgenie, kind: opsgenie, service: moved, key: {OPSGENIE}}}
  - {{name: from-pagerduty, kind: pagerduty, service: moved, key: {PAGERDUTY}}}
"""


@pytest.fixture(scope="module")
def tocsin(installation: Installation) -> Installation:
    installation.apply(ORGANISATION)
    return installation


def alerts(tocsin: Installation, integration: str, status: str = "firing") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tocsin.api("GET", f"alerts?status={status}&integration={integration}")[
        "items"
    ]
    return found


def keyed(tocsin: Installation, integration: str, key: str, status: str = "firing") -> list[dict[str, Any]]:
    return [each for each in alerts(tocsin, integration, status) if each["dedup_key"] == key]


def test_pagerdutys_client_needs_only_another_address(tocsin: Installation, tmp_path: Path) -> None:
    with (
        tls(tocsin.port, tmp_path) as (address, trust),
        EventsApiV2Client(PAGERDUTY, base_url=f"{address}/pagerduty", verify=trust) as client,
    ):
        key = client.trigger("Disk full", "db1", severity="error", custom_details={"disk": "sda"})
        (alert,) = eventually(lambda: keyed(tocsin, "from-pagerduty", key))
        assert (alert["summary"], alert["severity"], alert["labels"]["disk"]) == ("Disk full", "SEV2", "sda")
        assert client.acknowledge(key) == key
        eventually(lambda: tocsin.incidents("service=moved")[0]["acknowledged_at"])
        assert client.resolve(key) == key
        eventually(lambda: keyed(tocsin, "from-pagerduty", key, "resolved"))
        assert client.resolve("never-was") == "never-was"
        client.submit("Deployed 4.2", "ci", {"service": "moved"}, timestamp="2026-11-23T08:12:41.000+0000")
    assert not keyed(tocsin, "from-pagerduty", "never-was", "resolved")


@pytest.fixture
def opsgenie(tocsin: Installation) -> Iterator[opsgenie_sdk.ApiClient]:
    configuration = opsgenie_sdk.Configuration()
    configuration.host = f"{tocsin.url}/opsgenie"
    configuration.api_key["Authorization"] = OPSGENIE
    configuration.api_key_prefix["Authorization"] = "GenieKey"
    configuration.retry_enabled = False
    client = opsgenie_sdk.ApiClient(configuration=configuration)
    try:
        yield client
    finally:
        client.rest_client.pool_manager.clear()


def test_opsgenies_client_creates_reads_and_closes(opsgenie: opsgenie_sdk.ApiClient) -> None:
    api = opsgenie_sdk.AlertApi(opsgenie)
    payload = opsgenie_sdk.CreateAlertPayload(
        message="Disk full on db1",
        alias="srv01/disk",
        description="It is full",
        responders=[{"name": "databases", "type": "team"}],
        tags=["linux"],
        details={"disk": "sda"},
        priority="P2",
    )
    asked = api.create_alert(payload)
    assert asked.result == "Request will be processed"
    status = eventually(lambda: _status(api, asked.request_id))
    assert (status.is_success, status.action, status.alias) == (True, "Create", "srv01/disk")

    found = api.get_alert(identifier=status.alert_id).data
    assert (found.message, found.priority, found.tags) == ("Disk full on db1", "P2", ["linux"])
    assert (found.details["disk"], found.description) == ("sda", "It is full")
    assert api.get_alert(identifier="srv01/disk", identifier_type="alias").data.id == status.alert_id
    assert [each.alias for each in api.list_alerts(query="status:open tag:linux").data] == ["srv01/disk"]
    assert api.count_alerts(query="priority:P2 AND status:open").data.count == 1
    assert api.count_alerts(query="NOT tag:linux").data.count == 0

    words = opsgenie_sdk.AcknowledgeAlertPayload(note="Looking", user="robin")
    acked = api.acknowledge_alert("srv01/disk", identifier_type="alias", acknowledge_alert_payload=words)
    assert eventually(lambda: _status(api, acked.request_id)).is_success
    api.add_note(status.alert_id, opsgenie_sdk.AddNoteToAlertPayload(note="Half done"))
    eventually(lambda: len(api.list_notes(identifier=status.alert_id).data) == 2)
    assert api.get_alert(identifier=status.alert_id).data.acknowledged
    api.update_alert_message(
        status.alert_id, opsgenie_sdk.UpdateAlertMessagePayload(message="Disk nearly full")
    )
    api.add_tags(status.alert_id, opsgenie_sdk.AddTagsToAlertPayload(tags=["disk"]))
    eventually(lambda: "disk" in api.get_alert(identifier=status.alert_id).data.tags)
    assert api.get_alert(identifier=status.alert_id).data.message == "Disk nearly full"

    closed = api.close_alert(identifier="srv01/disk", identifier_type="alias")
    assert eventually(lambda: _status(api, closed.request_id)).action == "Close"
    assert api.get_alert(identifier=status.alert_id).data.status == "closed"
    assert api.list_logs(identifier=status.alert_id).data

    lost = api.close_alert(identifier="never-was", identifier_type="alias")
    told = eventually(lambda: _status(api, lost.request_id))
    assert (told.is_success, told.status) == (False, "Alert does not exist")


def _status(api: opsgenie_sdk.AlertApi, request_id: str) -> Any:
    """None until it is processed: the vendor answers 404."""
    try:
        return api.get_request_status(request_id).data
    except opsgenie_sdk.ApiException as error:
        if error.status != httpx.codes.NOT_FOUND:
            raise
        return None


def test_opsgenies_client_keeps_heartbeats(opsgenie: opsgenie_sdk.ApiClient) -> None:
    api = opsgenie_sdk.HeartbeatApi(opsgenie)
    api.create_heartbeat(
        opsgenie_sdk.CreateHeartbeatPayload(name="backup", interval=2, interval_unit="hours", enabled=True)
    )
    assert api.ping("backup").result == "PONG - Heartbeat received"
    eventually(lambda: api.get_heartbeat("backup").data.last_ping_time)
    found = api.get_heartbeat("backup").data
    assert (found.interval, found.interval_unit, found.expired) == (2, "hours", False)
    assert [each.name for each in api.list_heart_beats().data.heartbeats] == ["backup"]
    assert not api.disable_heartbeat("backup").data.enabled
    assert api.enable_heartbeat("backup").data.enabled
    api.delete_heartbeat("backup")
    with pytest.raises(opsgenie_sdk.ApiException) as error:
        api.get_heartbeat("backup")
    assert error.value.status == 404


def test_a_wrong_key_is_told_so(tocsin: Installation) -> None:
    for method, path in (("POST", "/v2/alerts"), ("GET", "/v2/alerts"), ("POST", "/v2/alerts/1/close")):
        for sent in ({}, {"Authorization": f"GenieKey {'9' * 32}"}):
            answer = httpx.request(
                method, f"{tocsin.url}/opsgenie{path}", headers=sent, json={"message": "x"}
            )
            assert (answer.status_code, answer.json()["message"]) == (401, "Could not authenticate")


@programs.alertmanager
def test_alertmanager_fires_and_resolves_through_both(tocsin: Installation, tmp_path: Path) -> None:
    (tmp_path / "alertmanager.yml").write_text(f"""
route: {{receiver: moved, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: moved
    pagerduty_configs:
      - {{url: '{tocsin.url}/pagerduty/v2/enqueue', routing_key: {PAGERDUTY}, send_resolved: true}}
      - {{url: '{tocsin.url}/pagerduty/generic/2010-04-15/create_event.json', service_key: {PAGERDUTY},
          send_resolved: true, description: 'by version 1'}}
    opsgenie_configs:
      - {{api_url: '{tocsin.url}/opsgenie/', api_key: {OPSGENIE}, send_resolved: true, update_alerts: true,
          priority: P1, tags: 'linux,checkout', responders: [{{name: ops, type: team}}]}}
""")
    port = free_port()
    with (tmp_path / "alertmanager.log").open("wb") as log:
        process = subprocess.Popen(
            [
                "prometheus-alertmanager",
                f"--config.file={tmp_path}/alertmanager.yml",
                f"--storage.path={tmp_path}/am",
                f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address=",
            ],
            stdout=log,
            stderr=log,
        )
        try:
            _tell(port, over=False)
            (moved,) = eventually(lambda: alerts(tocsin, "from-opsgenie"), 40)
            assert moved["labels"]["alertname"] == "CheckoutBroken"
            assert (moved["labels"]["priority"], moved["labels"]["team"]) == ("P1", "ops")
            assert moved["labels"]["tag.linux"] == "true"
            eventually(lambda: alerts(tocsin, "from-pagerduty"), 40)
            _tell(port, over=True)
            eventually(lambda: not alerts(tocsin, "from-opsgenie"), 40)
            eventually(lambda: not alerts(tocsin, "from-pagerduty"), 40)
        finally:
            process.terminate()
            process.wait(15)


def _tell(port: int, *, over: bool) -> None:
    now = datetime.now(UTC).isoformat()
    said = {
        "labels": {"alertname": "CheckoutBroken", "severity": "critical"},
        "annotations": {"summary": "s"},
    }
    body = [{**said, "endsAt": now} if over else said]
    eventually(lambda: httpx.post(f"http://127.0.0.1:{port}/api/v2/alerts", json=body).is_success)
