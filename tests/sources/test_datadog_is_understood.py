"""What Datadog's webhook sends, by our template and by others'."""

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import msgspec
import pytest

from tocsin.adapters.datadog import template
from tocsin.adapters.datadog.source import DatadogSource
from tocsin.domain.errors import Invalid
from tocsin.domain.signal import EventAction, Signal

FIXTURES = Path(__file__).parents[2] / "tocsin/adapters/datadog/fixtures"
SOURCE = DatadogSource()


def read(name: str) -> Signal:
    return understood((FIXTURES / f"{name}.json").read_bytes())


def understood(body: bytes) -> Signal:
    (envelope,) = SOURCE.envelope(body)
    signal = SOURCE.parse(envelope.payload)
    assert (signal.action, signal.dedup_key) == (envelope.action, envelope.dedup_key)
    assert envelope.severity == (signal.severity or "")
    return signal


@pytest.mark.parametrize(
    ("name", "action", "severity", "alert_kind", "summary"),
    [
        ("metric_triggered", "trigger", "error", "metric", "High CPU on web hosts"),
        ("metric_recovered", "resolve", "error", "metric", "High CPU on web hosts"),
        ("metric_warn", "trigger", "warning", "metric", "High CPU on web hosts"),
        ("metric_renotify", "trigger", "error", "metric", "High CPU on web hosts"),
        ("no_data", "trigger", "warning", "no_data", "No data: High CPU on web hosts"),
        ("apm_latency", "trigger", "critical", "apm", "Service checkout has a high p99 latency on env:prod"),
        (
            "error_tracking",
            "trigger",
            "error",
            "error_tracking",
            "New error in checkout: TypeError: price is null",
        ),
        ("watchdog", "trigger", "warning", "watchdog", "Watchdog: increased error rate on payment-api"),
        ("synthetics", "trigger", "critical", "synthetics", "[Synthetics] Checkout works"),
        ("logs", "trigger", "error", "logs", "Many payment errors"),
        ("security_signal", "trigger", "error", "security", "Credential stuffing on auth"),
        ("incident", "trigger", "SEV1", "incident", "Checkout is down (17)"),
        ("unsubstituted", "trigger", "error", "metric", "High CPU on web hosts"),
        ("keep", "trigger", "critical", "metric", "Disk is full"),
        ("vendors_default", "trigger", None, "metric", "Disk is full"),
        ("vendors_default_recovered", "resolve", None, "metric", "Disk is full"),
        ("raw_control_characters", "trigger", None, "metric", "Raw"),
    ],
)
def test_every_kind_of_message_is_told_apart(
    name: str, action: str, severity: str | None, alert_kind: str, summary: str
) -> None:
    signal = read(name)

    assert (signal.action, signal.severity) == (action, severity)
    assert (signal.labels["alert_kind"], signal.summary) == (alert_kind, summary)


def test_every_fixture_is_tested() -> None:
    marks: list[pytest.Mark] = vars(test_every_kind_of_message_is_told_apart)["pytestmark"]
    assert {case[0] for case in marks[0].args[1]} == {path.stem for path in FIXTURES.glob("*.json")}


def test_unified_tags_are_labels_that_routes_match() -> None:
    labels = read("metric_triggered").labels

    assert (labels["service"], labels["env"], labels["version"], labels["team"]) == (
        *("checkout", "prod", "2.14.0", "payments"),
    )
    assert (labels["host"], labels["monitor_id"], labels["priority"]) == ("web-1", "11223344", "P2")
    assert labels["role"] == "api,web"  # a key that stands there twice


def test_tags_give_the_service_where_the_template_does_not() -> None:
    assert read("raw_control_characters").labels["service"] == "checkout"


def test_trace_log_dashboard_and_graph_stand_on_the_alert() -> None:
    signal = read("apm_latency")
    links = {link.text: link.href for link in signal.links}

    assert links["Trace"] == "https://app.datadoghq.eu/apm/trace/6623c8a100000000aa11bb22cc33dd44"
    assert links["Dashboard"] == "https://app.datadoghq.eu/dashboard/abc-123/checkout?fullscreen=1"
    assert links["Monitor"] == "https://app.datadoghq.eu/monitors/2002"
    assert links["Logs"].startswith(
        "https://app.datadoghq.eu/logs?query=service%3Acheckout+env%3Aprod&from_ts="
    )
    assert links["APM"] == "https://app.datadoghq.eu/apm/services/checkout?env=prod"
    assert signal.images[0].src.endswith("ab12.png")


def test_a_runbook_in_the_message_is_found() -> None:
    assert read("metric_triggered").annotations["runbook_url"] == "https://wiki.example.com/runbooks/high-cpu"


def test_times_are_the_tools_own() -> None:
    assert read("metric_triggered").started_at == datetime.fromtimestamp(1763900000, UTC)
    assert read("metric_recovered").ended_at == datetime.fromtimestamp(1763900600, UTC)


def test_firing_and_recovering_have_one_key_in_every_template() -> None:
    assert read("metric_triggered").dedup_key == read("metric_recovered").dedup_key
    assert read("no_data").dedup_key == read("metric_triggered").dedup_key
    assert read("vendors_default").dedup_key == read("vendors_default_recovered").dedup_key
    assert read("keep").dedup_key == "555:host:db-1"


def test_what_was_not_filled_in_is_nothing() -> None:
    signal = read("unsubstituted")

    assert "security_rule" not in signal.annotations
    assert signal.labels["team"] == "payments"  # from the tags


def test_raw_line_breaks_in_a_message_lose_no_alert() -> None:
    assert read("raw_control_characters").annotations["description"] == "first line\nsecond\tline"


def test_a_payload_sent_as_a_form_is_read_too() -> None:
    plain = msgspec.json.decode((FIXTURES / "metric_triggered.json").read_bytes())

    assert understood(urlencode(plain).encode()).dedup_key == plain["dedup_key"]
    as_field = urlencode({"payload": msgspec.json.encode(plain).decode()})
    assert understood(as_field.encode()).dedup_key == plain["dedup_key"]


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'"x"', b"{}", b'{"a": "b"}', b"\xff\xfe{", b"[" * 9000]
)
def test_what_cannot_be_read_is_refused_by_name(body: bytes) -> None:
    with pytest.raises(Invalid):
        SOURCE.envelope(body)


def test_a_resolved_incident_of_theirs_resolves() -> None:
    body = msgspec.json.decode((FIXTURES / "incident.json").read_bytes())
    over = understood(msgspec.json.encode({**body, "incident_status": "resolved"}))

    assert (over.action, over.dedup_key) == (EventAction.RESOLVE, read("incident").dedup_key)


def test_the_sample_is_understood() -> None:
    assert understood(SOURCE.sample("k")).dedup_key == "k"
    assert understood(SOURCE.sample("k", resolve=True)).action is EventAction.RESOLVE


def test_our_template_is_json_of_variables() -> None:
    shown = msgspec.json.decode(template.text())

    assert shown["dedup_key"] == "$AGGREG_KEY"
    assert template.fields(shown) == {}  # not one of them filled in
