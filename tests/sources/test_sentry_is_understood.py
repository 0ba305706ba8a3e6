"""What Sentry's webhooks send, and who may send it."""

import hashlib
import hmac
from pathlib import Path

import pytest

from tocsin.adapters.sentry.source import SentrySource
from tocsin.domain.errors import Invalid
from tocsin.domain.signal import Signal
from tocsin.ports.source import Asked, RefusedError

FIXTURES = Path(__file__).parents[2] / "tocsin/adapters/sentry/fixtures"
SOURCE = SentrySource()


def read(name: str) -> Signal:
    (envelope,) = SOURCE.envelope((FIXTURES / f"{name}.json").read_bytes())
    signal = SOURCE.parse(envelope.payload)
    assert (signal.action, signal.dedup_key) == (envelope.action, envelope.dedup_key)
    return signal


@pytest.mark.parametrize(
    ("name", "action", "key", "severity"),
    [
        ("issue_created", "trigger", "1170820242", "error"),
        ("issue_unresolved", "trigger", "1170820242", "error"),
        ("issue_resolved", "resolve", "1170820242", "error"),
        ("issue_archived", "resolve", "1170820242", "error"),
        ("issue_assigned", "note", "1170820242", "error"),
        ("event_alert", "trigger", "1170820242", "critical"),
        ("error", "trigger", "1170820242", "error"),
        ("metric_critical", "trigger", "metric_alert:4", "critical"),
        ("metric_warning", "trigger", "metric_alert:4", "warning"),
        ("metric_resolved", "resolve", "metric_alert:4", None),
        ("comment", "note", "1170820242", None),
        ("legacy_plugin", "trigger", "1170820242", "error"),
    ],
)
def test_every_kind_is_told_apart(name: str, action: str, key: str, severity: str | None) -> None:
    signal = read(name)
    assert (signal.action, signal.dedup_key, signal.severity) == (action, key, severity)


@pytest.mark.parametrize("name", ["installation", "seer"])
def test_what_is_no_event_is_politely_ignored(name: str) -> None:
    assert SOURCE.envelope((FIXTURES / f"{name}.json").read_bytes()) == []


def test_labels_links_and_notes_say_where_and_what() -> None:
    event = read("event_alert")
    assert (event.labels["project"], event.labels["environment"], event.labels["release"]) == (
        *("checkout", "prod", "2.14.0"),
    )
    assert event.links[0].href.endswith("/events/e4874d/")
    assert read("comment").note == "Colleen commented in Sentry: Rolled back"
    assert read("issue_assigned").note == "Colleen assigned the issue to Bob in Sentry"
    assert read("metric_critical").summary == read("metric_resolved").summary == "Too many errors"


def asked(body: bytes, **headers: str) -> Asked:
    return Asked("POST", "/ingest/sentry/x", {}, headers, body)


def test_a_signature_is_demanded_once_a_secret_is_known() -> None:
    source = SOURCE.configured({"secret": "s3cret"})
    body = b'{"a": 1}'
    good = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    source.check(asked(body, **{"sentry-hook-signature": good}))
    SOURCE.check(asked(body))
    for headers in ({}, {"sentry-hook-signature": good[:-1] + "x"}, {"sentry-hook-signature": "ä"}):
        with pytest.raises(RefusedError, match="client secret"):
            source.check(asked(body, **headers))


def test_a_wrong_config_names_its_field() -> None:
    for config in ({"secret": 7}, {"other": "x"}):
        with pytest.raises(Invalid) as caught:
            SOURCE.configured(config)
        assert caught.value.errors[0].field in config


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"action": "created", "data": {"issue": {}}}', b"\xff"])
def test_what_is_not_sentrys_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        SOURCE.envelope(body)
