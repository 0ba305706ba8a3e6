"""What a mapper finds, what it leaves out, and what it refuses."""

import hashlib
import hmac
import json
from typing import Any

import pytest

from tocsin.adapters.mapper.source import MapperSource, sources
from tocsin.domain.errors import Invalid
from tocsin.domain.mapping import expressions
from tocsin.domain.mapping.expressions import Scene
from tocsin.domain.mapping.model import definition_of, form_of
from tocsin.domain.mapping.seen import LONGEST_LIST, seen
from tocsin.domain.signal import EventAction, Signal
from tocsin.ports.source import Asked, RefusedError

SOURCES = {source.kind: source for source in sources()}
MAPPER = {"dedup_key": "payload.id", "summary": "payload.title"}


def own(**mapper: Any) -> MapperSource:
    return SOURCES["json"].configured({"mapper": {**MAPPER, **mapper}})


def one(source: MapperSource, message: Any) -> Signal:
    (envelope,) = source.envelope(json.dumps(message).encode())
    return source.parse(envelope.payload)


def refused(source: MapperSource, message: Any) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as caught:
        source.envelope(json.dumps(message).encode())
    return [(each.field, each.message) for each in caught.value.errors]


def wrong(**mapper: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        definition_of({**MAPPER, **mapper})
    return {each.field: each.message for each in caught.value.errors}


@pytest.mark.parametrize("expression", ["text(payload.m)", "hash(payload.m)", "text([payload.m])"])
def test_the_same_map_gives_the_same_text_each_time(expression: str) -> None:
    message = {"m": {letter: number for number, letter in enumerate("hgfedcba")}}
    source = own(dedup_key=expression)
    assert len({one(source, message).dedup_key for _ in range(20)}) == 1


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("payload.a.b", "deep"),
        ("payload.missing.b", None),
        ("payload.nothing", None),
        ("payload.list[9]", None),
        ('default(payload.missing.b, "else")', "else"),
        ('default(payload.a.b, "else")', "deep"),
        ('default(payload.list[1], "else")', "two"),
        ('default(payload.list[5].x, "else")', "else"),
        ('either("", payload.a.b)', "deep"),
        ('upper(lower("Ab")) + trim("  c ")', "ABc"),
        ('split("a, b,c", ",")', ["a", "b", "c"]),
        ('join(payload.list, "/")', "one/two"),
        ('replace("a-b-c", "-", ".")', "a.b.c"),
        ('extract("on host db-17 now", "[a-z]+-[0-9]+")', "db-17"),
        ('extract("host=db1 x", "host=(?P<host>[a-z0-9]+)")', "db1"),
        ('extract("nothing", "[0-9]+")', None),
        ('json("{\\"a\\": [1, 2]}").a[1]', 2),
        ('json("no json")', None),
        ('base64("aGFsbG8=")', "hallo"),
        ('truncate("abcdef", 4)', "abc…"),
        ("flatten(payload.a)", {"b": "deep", "c.d": "1"}),
        ('pairs(payload.tags, "k", "v")', {"host": "db1", "env": "prod"}),
        ('pairs("team:shop, loud")', {"team": "shop", "loud": "true"}),
        ('number("1.5") + 1.0', 2.5),
        ("text(payload.a.c.d)", "1"),
        ('hash("a", "b") == hash("a", "b") && hash("a", "b") != hash("ab")', True),
        ("text(time(1763885561))", "2025-11-23T08:12:41+00:00"),
        ('text(time("1763885561000"))', "2025-11-23T08:12:41+00:00"),
        ('time("no time")', None),
        ("payload.tags.filter(t, t.k == 'env').map(t, t.v)", ["prod"]),
    ],
)  # fmt: skip
def test_an_expression_finds(expression: str, expected: Any) -> None:
    payload = {
        "a": {"b": "deep", "c": {"d": 1}},
        "nothing": None,
        "list": ["one", "two"],
        "tags": [{"k": "host", "v": "db1"}, {"k": "env", "v": "prod"}],
    }
    expressions.check(expression)
    value, problems = expressions.find([expression], Scene({"payload": seen(payload)}))
    assert value == expected
    assert problems == ()


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("", "1 to 2000"),
        ("payload.", "is not an expression"),
        ("payloads.a", "there is no “payloads” here"),
        ("lowr(payload.a)", "there is no function “lowr”"),
        ("payload.a.map(x, payload.b.map(y, x))", "inside another loop"),
        ("payload.a.exists(x, payload.b.exists(y, payload.c.exists(z, z)))", "2 deep"),
        (" + ".join(["payload.a"] * 40), "times “+”"),
        ('extract(payload.a, "(?=x)")', "not supported"),
        ('default("text", "x")', "the first argument of default"),
        ("x" * 2001, "1 to 2000"),
    ],
)
def test_an_expression_that_cannot_work_is_refused_with_its_field(expression: str, said: str) -> None:
    assert said in wrong(labels={"host": expression})["labels.host"]


def test_an_expression_that_fails_leaves_out_its_field_and_stands_on_the_alert() -> None:
    signal = one(own(labels={"good": "payload.id", "bad": "payload.id + 1"}), {"id": "a", "title": "t"})
    assert dict(signal.labels) == {"good": "a"}
    assert signal.annotations["mapper"].startswith("labels.bad: ")


def test_without_a_dedup_key_there_is_no_event() -> None:
    assert refused(own(), {"title": "t"}) == [("dedup_key", "finds nothing at payload.id")]


def test_a_word_is_looked_up_in_its_table_and_an_unknown_one_refused() -> None:
    source = own(action="payload.state", tables={"action": {"ok": "resolve", "Red": "trigger"}})
    assert one(source, {"id": "a", "state": "OK"}).action is EventAction.RESOLVE
    assert one(source, {"id": "a", "state": "Red"}).action is EventAction.TRIGGER
    assert refused(source, {"id": "a", "state": "blue"})[0][0] == "action"


def test_a_list_of_events_is_taken_apart_with_what_stands_beside_it() -> None:
    source = own(events="payload.alerts", dedup_key="event.id", summary="payload.cluster + event.name")
    message = {"cluster": "eu1 ", "alerts": [{"id": str(n), "name": f"n{n}"} for n in range(600)]}
    envelopes = source.envelope(json.dumps(message).encode())
    assert len(envelopes) == 600
    assert source.parse(envelopes[599].payload).summary == "eu1 n599"
    assert refused(source, {"alerts": {}})[0][0] == "alerts"
    assert refused(source, {"alerts": [{}] * 1001})[0][0] == "alerts"


def test_a_key_that_is_too_long_stays_its_own() -> None:
    first, second = (one(own(), {"id": "k" * 5000 + end, "title": "t"}).dedup_key for end in "ab")
    assert len(first) <= 512
    assert first != second


def test_what_expressions_see_is_bounded_from_the_outside_in() -> None:
    deep: Any = {}
    for _ in range(100):
        deep = {"in": deep}
    shown = seen({"long": list(range(9999)), "deep": deep, "text": "x" * 99_999, "last": 1, "big": 2**80})
    assert len(shown["long"]) == LONGEST_LIST
    assert len(shown["text"]) < 20_000
    assert shown["last"] == 1
    assert isinstance(shown["big"], str)


def test_a_definition_is_written_as_it_is_read() -> None:
    for source in SOURCES.values():
        assert definition_of(form_of(source.definition)) == source.definition


@pytest.mark.parametrize("kind", ["github", "gitlab", "honeycomb", "oh-dear", "checkly"])
def test_a_request_that_is_not_signed_with_the_secret_is_refused(kind: str) -> None:
    source = SOURCES[kind].configured({"secret": "s3cret"})
    body = source.sample("k")
    signature = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    right = {
        "x-hub-signature-256": f"sha256={signature}",
        "ohdear-signature": signature,
        "x-checkly-signature": signature,
        **dict.fromkeys(("x-gitlab-token", "x-honeycomb-webhook-token"), "s3cret"),
    }
    source.check(Asked("POST", "/", {}, right, body))
    for headers in ({}, dict.fromkeys(right, "wrong"), dict.fromkeys(right, "ÿ")):
        with pytest.raises(RefusedError):
            source.check(Asked("POST", "/", {}, headers, body))


def test_failed_workflows_do_what_the_option_says() -> None:
    source = SOURCES["github"].configured({"options": {"failed_workflow": "ignore"}})
    assert source.envelope(source.sample("k")) == []
    with pytest.raises(Invalid, match="failed_workflow"):
        SOURCES["github"].configured({"options": {"failed": "ignore"}})


def test_a_cloud_event_in_binary_mode_is_understood_by_its_headers() -> None:
    source = SOURCES["cloudevents"]
    headers = {"ce-id": "1", "ce-source": "/shop", "ce-type": "com.x.disk.resolved", "ce-subject": "db1"}
    (envelope,) = source.events_of(Asked("POST", "/", {}, headers, b'{"message": "Disk full"}'))
    signal = source.parse(envelope.payload)
    assert (signal.action, signal.dedup_key, signal.summary) == (
        EventAction.RESOLVE,
        "/shop#db1",
        "Disk full",
    )
