"""`tocsin datadog setup`, against a stand-in that the vendor's own client agrees with."""

import json
from collections.abc import Iterator
from copy import deepcopy

import pytest
from datadog_api_client import ApiClient, Configuration
from datadog_api_client.exceptions import ForbiddenException, NotFoundException
from datadog_api_client.v1.api.webhooks_integration_api import WebhooksIntegrationApi
from datadog_api_client.v1.model.webhooks_integration import WebhooksIntegration
from datadog_api_client.v1.model.webhooks_integration_custom_variable import (
    WebhooksIntegrationCustomVariable,
)

from tocsin.adapters.datadog.source import DatadogSource
from tocsin.config.main import run
from tocsin.domain.signal import EventAction
from tocsin.testing.datadog import API_KEY, APP_KEY, Datadog
from tocsin.testing.server import Call, Reply, Server

KEY = "a" * 32


class Door(Server):
    def handle(self, call: Call) -> Reply:
        return Reply(202, {"status": "accepted"})


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Datadog]:
    with Datadog() as datadog:
        monkeypatch.setenv("TOCSIN_DATADOG_API_URL", datadog.url)
        monkeypatch.setenv("TOCSIN_DATADOG_API_KEY", API_KEY)
        monkeypatch.setenv("TOCSIN_DATADOG_APP_KEY", APP_KEY)
        yield datadog


def setup(capsys: pytest.CaptureFixture[str], url: str, *more: str) -> dict[str, str]:
    assert run(["datadog", "setup", "--url", f"{url}/ingest/datadog/{KEY}", "--json", *more]) == 0
    steps = json.loads(capsys.readouterr().out)["steps"]
    return {step["what"]: step["outcome"] for step in steps}


def test_it_is_made_once_and_then_left_alone(vendor: Datadog, capsys: pytest.CaptureFixture[str]) -> None:
    assert setup(capsys, "https://tocsin.example.com") == {"custom variable": "created", "webhook": "created"}
    assert vendor.webhooks["tocsin"]["url"] == "https://tocsin.example.com/ingest/datadog/$TOCSIN_KEY"
    assert vendor.variables["TOCSIN_KEY"] == {"name": "TOCSIN_KEY", "value": KEY, "is_secret": True}
    before = deepcopy(vendor.webhooks)

    assert setup(capsys, "https://tocsin.example.com")["webhook"] == "unchanged"
    assert vendor.webhooks == before

    vendor.webhooks["tocsin"]["payload"] = "{}"
    assert setup(capsys, "https://tocsin.example.com")["webhook"] == "updated"
    assert vendor.webhooks == before


def test_a_dry_run_changes_nothing(vendor: Datadog, capsys: pytest.CaptureFixture[str]) -> None:
    assert setup(capsys, "https://tocsin.example.com", "--dry-run")["webhook"] == "created"
    assert (vendor.webhooks, vendor.variables) == ({}, {})


def test_what_it_set_up_fires_what_we_understand(vendor: Datadog, capsys: pytest.CaptureFixture[str]) -> None:
    with Door() as door:
        setup(capsys, door.url)
        answer = vendor.fire(
            AGGREG_KEY="k1",
            ALERT_TRANSITION="Triggered",
            ALERT_PRIORITY="P1",
            EVENT_TITLE="[P1] [Triggered on {host:db1}] Disk full",
            TEXT_ONLY_MSG='two\nlines and a "quote"',
            TAGS="service:checkout,env:prod,version:2.14.0",
        )
        vendor.fire(AGGREG_KEY="k1", ALERT_TRANSITION="Recovered", EVENT_TITLE="[Recovered] Disk full")
        calls = list(door.calls)

    assert answer.status == 202
    assert [call.path for call in calls] == [f"/ingest/datadog/{KEY}"] * 2
    source = DatadogSource()
    fired, over = (source.parse(source.envelope(call.body)[0].payload) for call in calls)
    assert (fired.summary, fired.severity, fired.dedup_key) == ("Disk full", "critical", "k1")
    assert (fired.labels["service"], fired.labels["env"], fired.labels["version"]) == (
        *("checkout", "prod", "2.14.0"),
    )
    assert fired.annotations["description"] == 'two\nlines and a "quote"'
    assert (over.action, over.dedup_key) == (EventAction.RESOLVE, "k1")


def test_wrong_keys_and_addresses_are_named(
    vendor: Datadog, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["datadog", "setup", "--url", "https://tocsin.example.com/ingest/generic/x"]) == 2
    assert "--url" in capsys.readouterr().err
    monkeypatch.setenv("TOCSIN_DATADOG_APP_KEY", "wrong")
    assert run(["datadog", "setup", "--url", f"https://t.example/ingest/datadog/{KEY}"]) == 1
    assert "TOCSIN_DATADOG_APP_KEY" in capsys.readouterr().err
    monkeypatch.delenv("TOCSIN_DATADOG_API_KEY")
    assert run(["datadog", "setup", "--url", f"https://t.example/ingest/datadog/{KEY}"]) == 2


def test_the_vendors_own_client_finds_the_stand_in_familiar(vendor: Datadog) -> None:
    settings = Configuration(host=vendor.url, api_key={"apiKeyAuth": API_KEY, "appKeyAuth": APP_KEY})
    settings.server_index = None
    with ApiClient(settings) as client:
        api = WebhooksIntegrationApi(client)
        made = api.create_webhooks_integration(WebhooksIntegration(name="x", url="https://t.example/"))
        assert made.encode_as.value == "json"
        api.create_webhooks_integration_custom_variable(
            WebhooksIntegrationCustomVariable(name="A_B", value="v", is_secret=True)
        )
        assert not hasattr(api.get_webhooks_integration_custom_variable("A_B"), "value")
        api.delete_webhooks_integration("x")
        with pytest.raises(NotFoundException):
            api.get_webhooks_integration("x")
    settings.api_key["appKeyAuth"] = "wrong"
    with ApiClient(settings) as client, pytest.raises(ForbiddenException):
        WebhooksIntegrationApi(client).get_webhooks_integration("x")
