"""What PagerDuty's clients may send, in our words; whatever else is refused by name."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.adapters.pagerduty.source import PagerDutySource
from tocsin.domain.errors import Invalid
from tocsin.domain.signal import EventAction, Image, Link, Signal
from tocsin.ports.source import Asked, Envelope

SOURCE = PagerDutySource()
KEY = "c" * 32
ENQUEUE = "/pagerduty/v2/enqueue"
CHANGE = "/pagerduty/v2/change/enqueue"
FIRST = "/pagerduty/generic/2010-04-15/create_event.json"
CAPTURED = Path(__file__).parent / "captured"
PAYLOAD = {"summary": "Disk full", "source": "db1", "severity": "critical"}


def asked(body: Any, path: str = ENQUEUE) -> Asked:
    return Asked("POST", path, {}, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def envelope(body: Any, path: str = ENQUEUE) -> Envelope:
    (only,) = SOURCE.read(asked(body, path))
    return only


def signal(body: Any, path: str = ENQUEUE) -> Signal:
    return SOURCE.parse(envelope(body, path).payload)


def trigger(**payload: Any) -> Signal:
    return signal({"event_action": "trigger", "dedup_key": "d", "payload": {**PAYLOAD, **payload}})


def refused(body: Any, path: str = ENQUEUE) -> tuple[int, dict[str, Any]]:
    this = asked(body, path)
    try:
        SOURCE.routing_key(this)
        SOURCE.read(this)
    except Invalid as error:
        reply = SOURCE.invalid(this, error)
        return reply.status, json.loads(reply.body)
    pytest.fail("it was taken")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T08:12:41.000+0000", datetime(2026, 11, 23, 8, 12, 41, tzinfo=UTC)),
        ("2026-11-23T08:12:41Z", datetime(2026, 11, 23, 8, 12, 41, tzinfo=UTC)),
        ("2026-11-23T09:12:41.387908123+01:00", datetime(2026, 11, 23, 8, 12, 41, 387908, tzinfo=UTC)),
        ("2026-11-23T08:12:41.5+00:00Z", datetime(2026, 11, 23, 8, 12, 41, 500000, tzinfo=UTC)),
        ("2026-11-23 08:12:41", datetime(2026, 11, 23, 8, 12, 41, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("yesterday", None),
        (1700000000, None),
    ],
)
def test_times_are_read_in_every_form_that_clients_write(text: Any, expected: datetime | None) -> None:
    assert trigger(timestamp=text).started_at == expected


def test_images_and_links_come_along() -> None:
    event = {
        "event_action": "trigger",
        "dedup_key": "d",
        "payload": PAYLOAD,
        "client": "Nagios",
        "client_url": "https://nagios.example.com/1",
        "links": [{"href": "https://wiki.example.com/x", "text": "Runbook"}, {"href": "javascript:1"}, "odd"],
        "images": [
            {"src": "https://g.example.com/1.png", "href": "https://g.example.com", "alt": "Load"},
            {"src": "http://g.example.com/2.png"},
        ],
    }
    got = signal(event)
    assert got.links == (
        Link("https://wiki.example.com/x", "Runbook"),
        Link("https://nagios.example.com/1", "Nagios"),
    )
    assert got.images == (Image("https://g.example.com/1.png", "https://g.example.com", "Load"),)


def test_details_may_be_an_object_or_text() -> None:
    assert trigger(custom_details={"load": 0.75, "a": {"b": [1]}}).labels == {
        "load": "0.75",
        "a": '{"b":[1]}',
    }
    assert trigger(custom_details="all is\nlost").annotations == {"details": "all is\nlost"}
    assert trigger(custom_details={"a": {"b": [1]}}).details["payload"]["custom_details"] == {"a": {"b": [1]}}


def test_an_odd_optional_field_loses_no_event() -> None:
    got = trigger(component=7, custom_details={"disk": "sda"})
    assert (got.summary, got.severity, got.labels) == ("Disk full", "critical", {"disk": "sda"})


def test_a_long_summary_is_cut() -> None:
    got = trigger(summary="x" * 2000).summary
    assert (len(got), got[-1]) == (1024, "…")


def test_without_a_key_each_trigger_is_an_alert_of_its_own() -> None:
    body = {"event_action": "trigger", "payload": PAYLOAD}
    first, second = envelope(body), envelope(body)
    assert len(first.dedup_key) == 32
    assert first.dedup_key != second.dedup_key
    assert SOURCE.parse(first.payload).dedup_key == first.dedup_key


def test_a_change_opens_nothing() -> None:
    got = signal(
        {
            "routing_key": KEY,
            "payload": {
                "summary": "Deployed 4.2",
                "source": "ci",
                "timestamp": "2026-11-23T08:12:41.000+0000",
                "custom_details": {"service": "checkout"},
            },
            "links": [{"href": "https://ci.example.com/2"}],
            "images": [{"src": "https://ci.example.com/2.png"}],
        },
        CHANGE,
    )
    assert (got.action, got.summary, got.source) == (EventAction.CHANGE, "Deployed 4.2", "ci")
    assert got.started_at == datetime(2026, 11, 23, 8, 12, 41, tzinfo=UTC)
    assert got.labels["service"] == "checkout"
    assert [link.href for link in got.links] == ["https://ci.example.com/2"]
    assert [image.src for image in got.images] == ["https://ci.example.com/2.png"]


def test_version_1_is_understood() -> None:
    got = signal(
        {
            "service_key": KEY,
            "event_type": "trigger",
            "incident_key": "srv01/HTTP",
            "description": "FAILURE on srv01",
            "details": {"ping time": "1500ms"},
            "client": "Nagios",
            "contexts": [
                {"type": "link", "href": "http://n.example.com", "text": "Nagios"},
                {"type": "image", "src": "https://n.example.com/1.png"},
                "odd",
            ],
        },
        FIRST,
    )
    assert (got.action, got.dedup_key, got.summary) == (
        EventAction.TRIGGER,
        "srv01/HTTP",
        "FAILURE on srv01",
    )
    assert (got.severity, got.labels) == (None, {"ping time": "1500ms"})
    assert (len(got.links), len(got.images)) == (1, 1)
    over = envelope({"service_key": KEY, "event_type": "resolve", "incident_key": "srv01/HTTP"}, FIRST)
    assert (over.action, over.dedup_key) == (EventAction.RESOLVE, "srv01/HTTP")


@pytest.mark.parametrize("name", ["fire", "resolve"])
def test_what_a_real_alertmanager_sent_is_understood(name: str) -> None:
    body = json.loads((CAPTURED / f"alertmanager025_pagerduty_events_v2_{name}.json").read_text())["body"]
    got = signal(body)
    assert got.dedup_key == "29fe2edb4a3f861411165a6587e107439568d1e815369d100ea1d37602bda15a"
    assert got.action is (EventAction.TRIGGER if name == "fire" else EventAction.RESOLVE)
    assert got.severity == "critical"
    assert got.labels["class"] == "InstanceDown"
    assert [link.text for link in got.links] == ["runbook", "Alertmanager"]


TRIGGER = {"routing_key": KEY, "event_action": "trigger", "payload": PAYLOAD}


@pytest.mark.parametrize(
    ("body", "path", "told"),
    [
        ({**TRIGGER, "routing_key": "short"}, ENQUEUE, "Length of 'routing_key' is incorrect (should be 32"),
        ({**TRIGGER, "routing_key": ""}, ENQUEUE, "'routing_key' is missing or blank"),
        ({"event_action": "trigger", "payload": PAYLOAD}, ENQUEUE, "'routing_key' is missing or blank"),
        ({**TRIGGER, "event_action": "fire"}, ENQUEUE, "'event_action' is invalid"),
        ({**TRIGGER, "payload": None}, ENQUEUE, "'payload' is missing or blank"),
        (
            {**TRIGGER, "payload": {**PAYLOAD, "summary": " "}},
            ENQUEUE,
            "'payload.summary' is missing or blank",
        ),
        (
            {**TRIGGER, "payload": {**PAYLOAD, "severity": "bad"}},
            ENQUEUE,
            "'payload.severity' is invalid (must",
        ),
        (
            {**TRIGGER, "dedup_key": "x" * 256},
            ENQUEUE,
            "Length of 'dedup_key' is incorrect (should be at most",
        ),
        ({**TRIGGER, "event_action": "resolve"}, ENQUEUE, "'dedup_key' is missing or blank"),
        ({**TRIGGER, "client": "x" * 525_000}, ENQUEUE, "'event' has 525"),
        ({"routing_key": KEY, "payload": {"source": "ci"}}, CHANGE, "'payload.summary' is missing or blank"),
        ({"routing_key": KEY}, CHANGE, "'payload' is missing or blank"),
        ({"service_key": KEY, "event_type": "fire"}, FIRST, "'event_type'"),
        ({"service_key": KEY, "event_type": "resolve"}, FIRST, "'incident_key' is missing or blank"),
        ({"service_key": KEY, "event_type": "trigger"}, FIRST, "'description' is missing or blank"),
        ({"event_type": "trigger"}, FIRST, "'service_key' is missing or blank"),
    ],
)
def test_refusals_are_worded_as_the_vendor_words_them(body: Any, path: str, told: str) -> None:
    status, answer = refused(body, path)
    assert (status, answer["status"]) == (400, "invalid event")
    assert answer["message"] == "Event object is invalid"
    assert answer["errors"][0].startswith(told)


def test_too_much_at_once_is_said_as_each_version_says_it() -> None:
    assert SOURCE.refusal(asked(b""), 429, "…").status == 429
    old = SOURCE.refusal(asked(b"", FIRST), 429, "…")
    assert (old.status, json.loads(old.body)["status"]) == (403, "throttle exceeded")


text = st.text(max_size=12) | st.sampled_from(["d", "https://a.example.com", "2026-11-23T08:12:41Z"])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | text
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    *("event_action", "dedup_key", "payload", "client", "client_url", "links", "images", "event_type"),
    *("incident_key", "description", "details", "contexts"),
)
INNER = ("summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details")
almost = st.fixed_dictionaries(
    {"event_action": st.sampled_from(["trigger", "resolve"]), "event_type": st.just("trigger")},
    optional={
        **dict.fromkeys(FIELDS[1:7], anything),
        **dict.fromkeys(FIELDS[8:], anything),
        "payload": st.fixed_dictionaries(
            {"summary": text, "severity": st.sampled_from(["critical", "info"])},
            optional=dict.fromkeys(INNER[1:2] + INNER[3:], anything),
        ),
    },
)


def check(body: bytes) -> None:
    for path in (ENQUEUE, CHANGE, FIRST):
        this = asked(body, path)
        try:
            (found,) = SOURCE.read(this)
        except Invalid as error:
            reply = SOURCE.invalid(this, error)
            assert (reply.status, bool(json.loads(reply.body)["errors"])) == (400, True)
            continue
        got = SOURCE.parse(found.payload)
        assert (got.dedup_key, got.action) == (found.dedup_key, found.action)
        assert "\\u0000" not in json.dumps([got.details, got.summary, list(got.labels.items())])


@given(almost | anything)
@example({"event_action": "trigger", "payload": {**PAYLOAD, "custom_details": "a\0b"}})
def test_nothing_that_is_json_breaks_it(value: Any) -> None:
    check(json.dumps(value).encode())


@given(st.binary(max_size=100))
@example(b'{"event_action":"trigger","payload":{"summary":"a","source":"b","severity":"info","custom_details":'
         + b"[" * 900 + b"]" * 900 + b"}}")  # fmt: skip
@example(b"[" * 50_000)
@example(b'{"event_action":"trigger","event_action":"resolve","dedup_key":"\xff"}')
def test_nothing_that_is_not_breaks_it_either(body: bytes) -> None:
    check(body)
