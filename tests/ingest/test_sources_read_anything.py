"""Whatever an outsider sends is either understood or refused by name; nothing else ever comes out of a
source.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.adapters.alertmanager.source import AlertmanagerSource
from tocsin.adapters.generic.source import GenericSource
from tocsin.adapters.pagerduty.source import PagerDutySource
from tocsin.domain.errors import Invalid
from tocsin.domain.signal import EventAction, Signal
from tocsin.ports.source import Source

SOURCES: tuple[Source, ...] = (AlertmanagerSource(), GenericSource(), PagerDutySource())
FOLDER = Path(__file__).parents[2] / "tocsin/adapters"

WORDS = (
    *("action", "dedup_key", "summary", "severity", "labels", "annotations", "links", "status", "alerts"),
    *("fingerprint", "startsAt", "endsAt", "groupKey", "externalURL", "generatorURL", "routing_key"),
    *("event_action", "payload", "source", "custom_details", "timestamp", "client", "client_url", "class"),
    *("trigger", "resolve", "acknowledge", "firing", "resolved", "critical", "href", "text"),
)

text = st.text(max_size=20) | st.sampled_from(WORDS)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | text
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=5),
    max_leaves=20,
)

event = st.fixed_dictionaries(
    {"action": st.sampled_from(["trigger", "resolve"]), "dedup_key": text, "summary": text},
    optional={
        "labels": st.dictionaries(text, scalars, max_size=4),
        "severity": scalars,
        "links": anything,
        "started_at": scalars,
        "annotations": anything,
    },
)
alert = st.fixed_dictionaries(
    {"status": st.sampled_from(["firing", "resolved"]), "labels": st.dictionaries(text, text, max_size=4)},
    optional={
        "annotations": st.dictionaries(text, scalars, max_size=4) | anything,
        "fingerprint": text,
        "startsAt": text,
        "endsAt": scalars,
        "generatorURL": text,
    },
)
payload = st.fixed_dictionaries(
    {"summary": text, "source": text, "severity": st.sampled_from(["critical", "info"])},
    optional={"custom_details": anything, "timestamp": scalars, "class": scalars, "group": text},
)
call = st.fixed_dictionaries(
    {
        "routing_key": st.just("k" * 32),
        "event_action": st.sampled_from(["trigger", "resolve"]),
        "payload": payload,
    },
    optional={"dedup_key": text | st.none(), "links": anything, "client": scalars, "client_url": text},
)


def check(source: Source, body: bytes) -> list[Signal]:
    try:
        envelopes = source.envelope(body)
    except Invalid as error:
        unnamed = [each for each in error.errors if not (each.field and each.message)]
        if unnamed:
            pytest.fail(f"an error without a field: {unnamed}")
        return []
    signals = []
    for envelope in envelopes:
        assert 0 < len(envelope.dedup_key) <= 512
        assert "\0" not in envelope.dedup_key
        envelope.dedup_key.encode()
        try:
            signal = source.parse(envelope.payload)
        except Invalid:
            continue
        assert (signal.dedup_key, signal.action) == (envelope.dedup_key, envelope.action)
        assert "\0" not in json.dumps(
            [signal.summary, signal.source, *signal.labels.items()], ensure_ascii=False
        )
        signals.append(signal)
    return signals


@given(st.binary(max_size=200))
@example(b"\xff")
@example(b"[" * 100_000)
@example(b'{"alerts":[' + b'{"labels":' * 10_000)
@example(b'{"alerts":[{"status":"firing","labels":{"a":"\\ud800"}}]}')
@example(b'{"alerts":[{"status":"firing","labels":{"a":"b"},"startsAt":"9999-12-31T23:59:59-23:00"}]}')
def test_any_bytes(body: bytes) -> None:
    for source in SOURCES:
        check(source, body)


@given(anything)
def test_any_json(value: Any) -> None:
    body = json.dumps(value).encode()
    for source in SOURCES:
        check(source, body)


@given(st.lists(event, max_size=3), st.lists(alert, max_size=3), call, anything)
def test_almost_right_json(events: Any, alerts: Any, pagerduty: Any, group: Any) -> None:
    alertmanager, generic, pager = SOURCES
    check(generic, json.dumps(events).encode())
    check(alertmanager, json.dumps({"alerts": alerts, "groupKey": group}).encode())
    check(alertmanager, json.dumps({"alerts": alerts, "groupKey": "g", "unknown": group}).encode())
    check(pager, json.dumps(pagerduty).encode())


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.kind)
def test_samples_and_fixtures_are_understood(source: Source) -> None:
    for resolve in (False, True):
        (signal,) = check(source, source.sample("test-key", resolve=resolve))
        assert (signal.dedup_key, signal.action is EventAction.RESOLVE) == ("test-key", resolve)
        assert resolve or signal.summary
    fixtures = list((FOLDER / source.kind / "fixtures").glob("*.json"))
    assert fixtures
    for fixture in fixtures:
        assert check(source, fixture.read_bytes()), fixture.name
    for snippet in source.snippets:
        assert "{key}" in snippet.text or "{url}" in snippet.text


def test_alertmanagers_alert_is_understood() -> None:
    body = (FOLDER / "alertmanager/fixtures/firing.json").read_bytes()
    first = check(SOURCES[0], body)[0]
    assert first.dedup_key == "1f0c6a2be94d7735"
    assert first.summary == "Checkout fails on shop-1:9100"
    assert first.severity == "critical"
    assert first.group_key == '{}:{alertname="CheckoutErrors", cluster="eu1"}'
    assert first.started_at == datetime(2026, 11, 23, 8, 12, 41, 387908, tzinfo=UTC)
    assert first.ended_at is None
    assert [link.text for link in first.links] == ["Runbook", "Source", "Alertmanager"]


def test_pagerdutys_event_is_understood() -> None:
    body = (FOLDER / "pagerduty/fixtures/trigger.json").read_bytes()
    (event,) = check(SOURCES[2], body)
    assert event.severity == "critical"
    assert event.labels["component"] == "shop-1"
    assert event.started_at == datetime(2026, 11, 23, 8, 12, 41, tzinfo=UTC)
    assert [link.href for link in event.links] == [
        "https://runbooks.example.com/checkout",
        "http://alertmanager.example.com",
    ]
