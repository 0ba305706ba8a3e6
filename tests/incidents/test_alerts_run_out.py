"""Alerts that are over by themselves unless they are heard of again, and those whose source fell silent."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.incidents.conftest import Company
from tocsin.adapters.alertmanager import api
from tocsin.apps.alerts import expiry
from tocsin.apps.alerts.models import Alert
from tocsin.apps.incidents import jobs
from tocsin.apps.integrations import actions as integrations
from tocsin.apps.integrations.models import Event, Integration
from tocsin.apps.integrations.types import IntegrationSpec
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.signal import lane_of
from tocsin.ports.source import Asked


@pytest.fixture
def prometheus(company: Company, monkeypatch: pytest.MonkeyPatch) -> Company:
    """The company with Prometheus pointed straight at it; the adapter's clock is the company's."""
    spec = IntegrationSpec("straight", "prometheus", "checkout")
    integrations.save_integration(actor=SYSTEM, spec=spec, now=company.now)
    monkeypatch.setattr(api.clock, "now", lambda: company.now)
    return company


def send(company: Company, name: str = "Down", sender: str = "curl/8", **more: Any) -> None:
    body = [{"labels": {"alertname": name, "severity": "critical"}, **more}]
    asked = Asked(
        "POST", "/alertmanager/k/api/v2/alerts", {}, {"user-agent": sender}, json.dumps(body).encode()
    )
    row = Integration.objects.get(name="straight")
    for envelope in api.PrometheusSource().read(asked):
        write(row, envelope.action, envelope.dedup_key, envelope.payload, company.now)
    jobs.process_waiting(company.now)


def write(row: Integration, action: str, key: str, payload: bytes, now: datetime) -> None:
    Event.objects.create(
        event_id=f"e{Event.objects.count()}",
        integration=row,
        action=action,
        dedup_key=key,
        lane=lane_of(row.pk, key),
        payload=payload,
        received_at=now,
    )


def pass_by(company: Company, **span: float) -> Alert:
    company.wait(**span)
    expiry.end_expired(company.now)
    jobs.process_waiting(company.now)
    return Alert.objects.get(integration__name="straight", labels__alertname="Down")


def test_an_alert_without_an_end_is_over_after_the_resolve_time_out(prometheus: Company) -> None:
    send(prometheus)
    assert pass_by(prometheus, minutes=4, seconds=59).status == "firing"
    alert = pass_by(prometheus, seconds=1)
    assert (alert.status, alert.ended_how, alert.count) == ("resolved", "timeout", 1)
    assert prometheus.newest().status == "resolved"


def test_its_own_end_is_respected_and_each_repeat_moves_it(prometheus: Company) -> None:
    at = prometheus.now
    send(prometheus, endsAt=(at + timedelta(minutes=1)).isoformat())
    prometheus.wait(seconds=50)
    send(prometheus, endsAt=(at + timedelta(minutes=2)).isoformat())
    assert pass_by(prometheus, seconds=50).status == "firing"
    assert pass_by(prometheus, seconds=20).status == "resolved"


def test_an_end_in_the_past_resolves_and_is_the_sources_word(prometheus: Company) -> None:
    send(prometheus)
    prometheus.wait(minutes=1)
    send(prometheus, endsAt=prometheus.now.isoformat())
    alert = Alert.objects.get(integration__name="straight")
    assert (alert.status, alert.ended_how, alert.expires_at) == ("resolved", "source", None)


def test_a_time_out_is_void_when_a_repeat_waits_before_it(prometheus: Company) -> None:
    send(prometheus)
    row = Integration.objects.get(name="straight")
    prometheus.wait(minutes=5, seconds=1)
    body = json.dumps([{"labels": {"alertname": "Down", "severity": "critical"}}]).encode()
    (repeat,) = api.PrometheusSource().envelope(body)
    write(row, repeat.action, repeat.dedup_key, repeat.payload, prometheus.now)  # no worker has come to it
    expiry.end_expired(prometheus.now)
    jobs.process_waiting(prometheus.now)
    alert = Alert.objects.get(integration__name="straight")
    assert (alert.status, alert.expires_at) == ("firing", prometheus.now + timedelta(minutes=5))


def test_a_time_out_is_written_once(prometheus: Company) -> None:
    send(prometheus)
    prometheus.wait(minutes=6)
    assert expiry.end_expired(prometheus.now) == 1
    assert expiry.end_expired(prometheus.now) == 0


def test_while_prometheus_says_nothing_its_alerts_are_stale_and_the_silence_is_told(
    prometheus: Company,
) -> None:
    send(prometheus, sender="Prometheus/2.42.0")
    alert = pass_by(prometheus, minutes=6)
    assert (alert.status, alert.stale) == ("firing", True)
    jobs.process_waiting(prometheus.now)
    assert Alert.objects.filter(dedup_key="source-silent", status="firing").count() == 1
    assert all(row.status != "resolved" for row in prometheus.rows())

    # It speaks again, of other things: after one more lease what it left unsaid is over.
    prometheus.wait(minutes=1)
    send(prometheus, "Other", sender="Prometheus/2.42.0")
    assert pass_by(prometheus, minutes=1).stale is False
    prometheus.wait(minutes=4)
    send(prometheus, "Other", sender="Prometheus/2.42.0")
    assert pass_by(prometheus, minutes=2).status == "resolved"


def test_a_stale_alert_that_is_sent_again_simply_fires(prometheus: Company) -> None:
    send(prometheus, sender="Prometheus/2.42.0")
    assert pass_by(prometheus, minutes=6).stale
    send(prometheus, sender="Prometheus/2.42.0")
    alert = Alert.objects.get(labels__alertname="Down")
    assert (alert.stale, alert.expires_at) == (False, prometheus.now + timedelta(minutes=5))


def test_an_alert_waits_for_the_verdict_about_its_source(prometheus: Company) -> None:
    Integration.objects.filter(name="straight").update(silent_after=timedelta(minutes=15))
    send(prometheus)
    assert pass_by(prometheus, minutes=6).status == "firing"
    send(prometheus, "Other")
    assert pass_by(prometheus, minutes=15).status == "resolved"
