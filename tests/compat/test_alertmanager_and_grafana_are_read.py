"""What Alertmanager, Prometheus and Grafana send, kind by kind, and what it means here."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.adapters.alertmanager.api import PrometheusSource
from tocsin.adapters.alertmanager.source import AlertmanagerSource
from tocsin.adapters.grafana import signature
from tocsin.adapters.grafana.source import GrafanaSource
from tocsin.domain import prometheus
from tocsin.domain.errors import Invalid
from tocsin.domain.severity import choose
from tocsin.domain.signal import Beat, EventAction, Signal
from tocsin.lib import clock
from tocsin.ports.source import Asked, Envelope, RefusedError, Source

FOLDER = Path(__file__).parents[2] / "tocsin/adapters"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def fixture(source: Source, name: str) -> list[Signal]:
    return signals(source, (FOLDER / source.kind / "fixtures" / f"{name}.json").read_bytes())


def signals(source: Source, body: bytes) -> list[Signal]:
    found = []
    for envelope in source.envelope(body):
        signal = source.parse(envelope.payload)
        assert (signal.action, signal.dedup_key) == (envelope.action, envelope.dedup_key)
        found.append(signal)
    return found


def post(source: PrometheusSource, alerts: Any, **headers: str) -> tuple[Sequence[Envelope], int, Any]:
    """What is stored, and the answer."""
    body = alerts if isinstance(alerts, bytes) else json.dumps(alerts).encode()
    asked = Asked("POST", f"/alertmanager/{'a' * 32}/api/v2/alerts", {}, headers, body)
    try:
        taken = source.read(asked)
    except Invalid as error:
        reply = source.invalid(asked, error)
        return (), reply.status, json.loads(reply.body)
    reply = source.accepted(asked, taken, "id")
    return taken, reply.status, json.loads(reply.body) if reply.body else ""


# The webhook


def test_watchdog_is_a_heartbeat_and_what_inhibits_opens_nothing() -> None:
    watchdog, inhibitor, crash = fixture(AlertmanagerSource(), "kube_prometheus_stack")
    assert (watchdog.action, watchdog.dedup_key, watchdog.beat, watchdog.every) == (
        EventAction.HEARTBEAT,
        "Watchdog/alertmanager.eu1.example.com",
        Beat.PING,
        timedelta(hours=12),
    )
    assert inhibitor.action is EventAction.TRIGGER
    assert choose(payload=inhibitor.severity).severity is None
    assert (crash.action, crash.severity) == (EventAction.TRIGGER, "warning")


def test_a_watchdog_that_ends_says_which_cluster_is_lost() -> None:
    (lost,) = fixture(AlertmanagerSource(), "watchdog_lost")
    assert (lost.action, lost.dedup_key, lost.beat) == (EventAction.HEARTBEAT, "Watchdog/eu1", Beat.FAIL)
    assert (lost.summary, lost.severity) == ("Cluster eu1 is silent", "critical")
    assert "severity" not in lost.labels


def test_which_alerts_are_heartbeats_is_the_integrations_choice() -> None:
    plain = AlertmanagerSource().configured({"heartbeats": []})
    assert fixture(plain, "kube_prometheus_stack")[0].action is EventAction.TRIGGER
    own = AlertmanagerSource().configured({"heartbeats": "KubePodCrashLooping", "heartbeat_every": "1m"})
    assert fixture(own, "kube_prometheus_stack")[2].every == timedelta(minutes=1)


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"heartbeats": 7}, "heartbeats"),
        ({"heartbeat_every": "soon"}, "heartbeat_every"),
        ({"resolve_timeout": "0s"}, "resolve_timeout"),
        ({"replica_labels": [1]}, "replica_labels"),
    ],
)
def test_a_config_that_cannot_be_meant_names_its_field(config: Mapping[str, Any], field: str) -> None:
    for source in (AlertmanagerSource(), PrometheusSource()):
        with pytest.raises(Invalid) as refused:
            source.configured(config)
        assert refused.value.errors[0].field == field


def test_versions_before_fingerprints_get_the_one_that_later_ones_send() -> None:
    (old,) = fixture(AlertmanagerSource(), "v0_15")
    assert old.dedup_key == prometheus.fingerprint(old.labels)


def test_what_was_cut_off_is_said_on_the_alert() -> None:
    (newer,) = fixture(AlertmanagerSource(), "v0_34")
    assert newer.annotations["truncated_alerts"] == "7 more of its group were not sent"
    assert newer.details["notificationReason"] == "new alerts in the group"
    assert newer.details["routeLabels"] == {"team": "shop"}


# The API v2


def test_the_fingerprint_is_alertmanagers_own() -> None:
    # Captured from 0.25.
    labels = {"alertname": "InstanceDown", "cluster": "eu1", "instance": "web01:9100", "severity": "critical"}
    assert prometheus.fingerprint(labels) == "3a9fcdf43209adb2"


@pytest.mark.parametrize(
    ("alerts", "stored", "status", "answer"),
    [
        ([{"labels": {"a": "1"}}], 1, 200, ""),
        ([], 0, 200, ""),
        (b"null", 0, 200, ""),
        ([{"labels": {"a": "1"}, "annotations": None, "endsAt": "0001-01-01T00:00:00Z"}], 1, 200, ""),
        ([{"labels": {"a": "1"}, "startsAt": "", "unknown": 1}], 1, 200, ""),
        ([{"labels": {}}], 0, 400, "at least one label pair required"),
        ([{"labels": {"a": ""}}], 0, 400, "at least one label pair required"),
        ([{"labels": {"a": None}}], 0, 400, "at least one label pair required"),
        (
            [
                {"labels": {"a": "b"}, "startsAt": "2026-11-23T12:00:00Z", "endsAt": "2026-11-23T11:00:00Z"},
                {"labels": {"a": ""}},
                {"labels": {"good": "1"}},
            ],
            1,
            400,
            "start time must be before end time; at least one label pair required",
        ),
        ([{"annotations": {}}], 0, 422, {"code": 602, "message": "0.labels in body is required"}),
    ],
)
def test_it_answers_as_the_original_was_seen_to(alerts: Any, stored: int, status: int, answer: Any) -> None:
    taken, code, said = post(PrometheusSource(), alerts)
    assert (len(taken), code, said) == (stored, status, answer)


@pytest.mark.parametrize(
    "body",
    [
        b"nonsense",
        b'{"labels":{"a":"1"}}',
        b'[{"labels":{"a":1}}]',
        b'[{"labels":{"a":"1"},"startsAt":"yesterday"}]',
        b'[{"labels":{"":"1"}}]',
        b'[{"labels":{"a":"\xff"}}]',
        b"[null]",
        b"[" * 100_000,
    ],
)
def test_what_cannot_be_read_is_refused_in_the_originals_form(body: bytes) -> None:
    taken, status, said = post(PrometheusSource(), body)
    assert (len(taken), status, said["code"]) == (0, 400, 400)
    assert said["message"].startswith('parsing alerts body from "" failed, because ')


def test_no_body_at_all_is_one_that_lacks_its_alerts() -> None:
    said = {"code": 602, "message": "alerts in body is required"}
    assert post(PrometheusSource(), b"") == ((), 422, said)


def test_an_end_ahead_fires_until_then_and_one_in_the_past_resolves() -> None:
    source = PrometheusSource()
    ahead = {"labels": {"a": "1"}, "endsAt": "2026-11-23T12:04:00.123456789Z"}
    past = {"labels": {"a": "1"}, "startsAt": "2026-11-23T11:00:00Z", "endsAt": "2026-11-23T11:59:00Z"}
    none = {"labels": {"a": "1"}}
    fires, resolves, open_ended = [
        source.parse(each.payload) for each in post(source, [ahead, past, none])[0]
    ]
    assert fires.expires_at == datetime(2026, 11, 23, 12, 4, 0, 123456, UTC)
    assert (resolves.action, resolves.expires_at) == (EventAction.RESOLVE, None)
    assert open_ended.expires_at == NOW + timedelta(minutes=5)
    assert len({fires.dedup_key, resolves.dedup_key, open_ended.dedup_key}) == 1
    longer = source.configured({"resolve_timeout": "1h"})
    assert longer.parse(post(source, [none])[0][0].payload).expires_at == NOW + timedelta(hours=1)


def test_a_pair_is_told_apart_by_replica_labels_only() -> None:
    source = PrometheusSource().configured({"replica_labels": ["replica"]})
    pair = [{"labels": {"alertname": "Down", "replica": name}} for name in ("a", "b")]
    first, second = [source.parse(each.payload) for each in post(source, pair)[0]]
    assert first.dedup_key == second.dedup_key
    assert first.labels == second.labels == {"alertname": "Down"}
    by_default = post(PrometheusSource(), pair)[0]
    assert by_default[0].dedup_key != by_default[1].dedup_key


def test_ten_thousand_labels_are_one_alert_with_the_first_of_them() -> None:
    source = PrometheusSource()
    (taken,) = post(source, [{"labels": {f"l{number}": "x" for number in range(10_000)}}])[0]
    assert len(source.parse(taken.payload).labels) == 200


# Grafana


def test_grafana_brings_links_an_image_and_values() -> None:
    (signal,) = fixture(GrafanaSource(), "firing")
    assert signal.summary == "Memory above 90 % on web01"
    assert {link.text for link in signal.links} == {
        *("Runbook", "Panel", "Dashboard", "Rule", "Silence in Grafana", "Grafana"),
    }
    assert [image.src for image in signal.images] == [
        "https://grafana.example.com/public/img/attachments/x.png"
    ]
    assert signal.annotations["values"] == "B = 93.2, C = 1"
    assert "__panelId__" not in signal.annotations
    assert signal.details["ruleUID"] == "1afz29v7z"
    (over,) = fixture(GrafanaSource(), "resolved")
    assert (over.action, over.dedup_key) == (EventAction.RESOLVE, signal.dedup_key)


@pytest.mark.parametrize(
    ("name", "summary", "kind"),
    [
        ("no_data", "High memory usage: no data", "no_data"),
        ("datasource_error", "High memory usage: the data source fails", "data_source_error"),
        ("legacy_no_data", "Panel title alert: no data", "no_data"),
    ],
)
def test_no_data_is_a_matter_of_its_own_and_a_warning(name: str, summary: str, kind: str) -> None:
    (signal,) = fixture(GrafanaSource(), name)
    assert (signal.summary, signal.severity, signal.labels["severity"], signal.labels["alert_kind"]) == (
        *(summary, "warning", "warning"),
        kind,
    )


def test_the_alerting_of_old_fires_and_resolves_by_its_rule() -> None:
    (fires,) = fixture(GrafanaSource(), "legacy_alerting")
    (over,) = fixture(GrafanaSource(), "legacy_ok")
    assert (fires.action, over.action) == (EventAction.TRIGGER, EventAction.RESOLVE)
    assert fires.dedup_key == over.dedup_key == "rule/1/17"
    assert fires.labels == {"alertname": "Panel title alert", "team": "blue"}
    assert fires.annotations["values"] == "High value = 100"


def test_a_body_of_a_custom_template_is_refused_with_what_to_do() -> None:
    with pytest.raises(Invalid) as refused:
        GrafanaSource().envelope(b'{"text": "it broke"}')
    assert refused.value.errors[0].field == "alerts"
    assert "Remove the custom payload" in refused.value.errors[0].message


def signed(body: bytes, secret: str, at: str = "") -> dict[str, str]:
    text = f"{at}:".encode() + body if at else body
    found = {"x-grafana-alerting-signature": hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()}
    return {**found, "x-at": at} if at else found


def test_only_what_grafana_signed_with_the_secret_passes() -> None:
    source = GrafanaSource().configured({"secret": "s3cret"})
    asked = Asked("POST", "/ingest/grafana/k", {}, signed(b"{}", "s3cret"), b"{}")
    source.check(asked)
    for wrong in ({}, signed(b"{}", "other"), signed(b"{} ", "s3cret")):
        with pytest.raises(RefusedError):
            source.check(asked._replace(headers=wrong))
    GrafanaSource().check(asked._replace(headers={}))


def test_a_signed_time_is_part_of_it_and_may_not_be_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signature.clock, "now", lambda: NOW)
    source = GrafanaSource().configured({"secret": "s3cret", "timestamp_header": "X-At"})
    now = str(int(NOW.timestamp()))
    asked = Asked("POST", "/ingest/grafana/k", {}, signed(b"{}", "s3cret", now), b"{}")
    source.check(asked)
    old = str(int(NOW.timestamp()) - 301)
    for wrong in (signed(b"{}", "s3cret"), signed(b"{}", "s3cret", old), {**asked.headers, "x-at": "later"}):
        with pytest.raises(RefusedError):
            source.check(asked._replace(headers=wrong))


# Anything at all

words = st.text(max_size=12) | st.sampled_from(["alerts", "labels", "state", "ruleId", "firing", "Watchdog"])
times = st.text(max_size=12) | st.sampled_from(
    ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1969-12-31T00:00:00Z"]
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=5),
    max_leaves=15,
)
alert = st.fixed_dictionaries(
    {"labels": st.dictionaries(words, words | st.none(), max_size=4)},
    optional={
        "status": st.sampled_from(["firing", "resolved"]),
        **dict.fromkeys(("startsAt", "endsAt"), times),
        **dict.fromkeys(("annotations", "values", "generatorURL", "imageURL", "fingerprint"), anything),
    },
)
old = st.fixed_dictionaries(
    {"state": words, "ruleId": st.integers() | words},
    optional=dict.fromkeys(("ruleName", "tags", "evalMatches", "imageUrl", "orgId"), anything),
)
bodies = (
    st.lists(alert, max_size=3)
    | st.fixed_dictionaries({"alerts": st.lists(alert, max_size=3)}, optional={"groupKey": anything})
    | old
    | anything
)


@given(bodies)
def test_every_body_is_understood_or_refused_by_name(value: Any) -> None:
    body = json.dumps(value).encode()
    for source in (AlertmanagerSource(), GrafanaSource(), PrometheusSource()):
        check(source, body)
    _, status, _ = post(PrometheusSource(), body)
    assert status in {200, 400, 422}


def check(source: Source, body: bytes) -> None:
    try:
        envelopes = source.envelope(body)
    except Invalid as error:
        if not all(each.field and each.message for each in error.errors):
            pytest.fail(f"an error without a field: {error.errors}")
        return
    for envelope in envelopes:
        assert 0 < len(envelope.dedup_key) <= 512
        assert "\0" not in envelope.dedup_key
        signal = source.parse(envelope.payload)
        assert (signal.action, signal.dedup_key) == (envelope.action, envelope.dedup_key)
