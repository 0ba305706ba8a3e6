"""What Opsgenie's clients may send, in our words; only a message is asked for."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.adapters.opsgenie.source import OpsgenieSource
from tocsin.domain.errors import Invalid
from tocsin.domain.receipt import made_at, receipt_of
from tocsin.domain.signal import EventAction, Signal
from tocsin.entrypoints.api.compat.opsgenie_query import terms_of
from tocsin.lib import ids
from tocsin.ports.source import Asked

SOURCE = OpsgenieSource()
CAPTURED = Path(__file__).parent / "captured"
FIXTURES = Path(__file__).parents[2] / "tocsin/adapters/opsgenie/fixtures"
ALIAS = "29fe2edb4a3f861411165a6587e107439568d1e815369d100ea1d37602bda15a"


def asked(method: str, path: str, body: Any = None, **query: str) -> Asked:
    sent = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return Asked(method, f"/opsgenie{path}", query, {}, sent)


def signals(method: str, path: str, body: Any = None, **query: str) -> list[Signal]:
    return [SOURCE.parse(each.payload) for each in SOURCE.read(asked(method, path, body, **query))]


def test_a_new_alert_is_understood() -> None:
    first, note = signals("POST", "/v2/alerts", json.loads((FIXTURES / "create.json").read_text()))
    assert (first.action, first.severity) == (EventAction.TRIGGER, "critical")
    assert first.labels == {
        "alertname": "InstanceDown",
        "cluster": "eu1",
        "restarts": "3",
        "priority": "P1",
        "entity": "web01",
        "responders": "team:ops,user:robin@example.com",
        "team": "ops",
        "tag.linux": "true",
        "tag.env:prod": "true",
    }
    assert first.annotations == {"description": "web01 and web02 are down"}
    assert (note.action, note.note, note.dedup_key) == (EventAction.NOTE, "Sent by hand", first.dedup_key)


def test_what_a_real_alertmanager_sent_is_understood() -> None:
    fired = json.loads((CAPTURED / "alertmanager025_opsgenie_fire.json").read_text())
    (first,) = signals("POST", fired["path"], fired["body"])
    assert (first.dedup_key, first.labels["priority"], first.labels["team"]) == (ALIAS, "P1", "ops")
    over = json.loads((CAPTURED / "alertmanager025_opsgenie_resolve.json").read_text())
    path, _, query = over["path"].partition("?")
    (last,) = signals("POST", path, over["body"])
    assert (last.action, last.dedup_key) == (EventAction.RESOLVE, ALIAS)
    assert SOURCE.wants("POST", f"/opsgenie{path}", query.encode())


@pytest.mark.parametrize(
    ("priority", "word"),
    [
        ("P1", "critical"),
        ("P2", "error"),
        ("P3", "warning"),
        ("P4", "info"),
        ("P5", "info"),
        (None, "warning"),
    ],
)
def test_a_priority_is_a_word_of_severity(priority: str | None, word: str) -> None:
    (got,) = signals("POST", "/v2/alerts", {"message": "m", "priority": priority})
    assert got.severity == word


def test_too_long_is_cut_and_odd_is_left_out() -> None:
    body = {"message": "m" * 3000, "alias": "a" * 900, "tags": "one, two", "details": [1], "responders": 7}
    (got,) = signals("POST", "/v2/alerts", body)
    assert (len(got.summary), len(got.dedup_key)) == (1024, 512)
    assert (got.labels["tag.one"], got.labels["tag.two"]) == ("true", "true")
    (over,) = signals("POST", f"/v2/alerts/{'a' * 900}/close")
    assert over.dedup_key == got.dedup_key


def test_an_alias_may_have_a_slash_in_it() -> None:
    (got,) = signals("POST", "/v2/alerts/srv01/HTTP/acknowledge")
    assert (got.action, got.dedup_key) == (EventAction.ACKNOWLEDGE, "srv01/HTTP")


def test_what_changes_an_open_alert_says_only_what_changes() -> None:
    (message,) = signals("PUT", "/v2/alerts/a/message", {"message": "new"})
    assert (message.action, message.summary, message.labels) == (EventAction.UPDATE, "new", {})
    (priority,) = signals("PUT", "/v2/alerts/a/priority", {"priority": "P1"})
    assert (priority.severity, priority.labels) == ("critical", {"priority": "P1"})
    (more,) = signals("POST", "/v2/alerts/a/tags", {"tags": ["x"]})
    (less,) = signals("DELETE", "/v2/alerts/a/tags", tags="x,y")
    assert (more.labels, less.labels) == ({"tag.x": "true"}, {"tag.x": "", "tag.y": ""})
    (gone,) = signals("DELETE", "/v2/alerts/a/details", keys="disk")
    assert gone.labels == {"disk": ""}


def test_two_notes_are_never_folded_into_one() -> None:
    first, second = (SOURCE.read(asked("POST", "/v2/alerts/a/notes", {"note": n}))[0] for n in ("one", "two"))
    assert first.severity != second.severity


def test_what_needs_a_look_up_is_left_to_others() -> None:
    assert SOURCE.wants("POST", "/opsgenie/v2/alerts", b"")
    assert SOURCE.wants("GET", "/opsgenie/v2/heartbeats/a/ping", b"")
    assert not SOURCE.wants("POST", "/opsgenie/v2/alerts/17/close", b"")
    for method, path in (
        ("GET", "/opsgenie/v2/alerts"),
        ("GET", "/opsgenie/v2/alerts/17"),
        ("POST", "/opsgenie/v2/alerts/a/snooze"),
        ("DELETE", "/opsgenie/v2/alerts/a/attachments/3"),
        ("POST", "/opsgenie/v2/heartbeats"),
        ("POST", "/api/v1/incidents"),
    ):
        assert not SOURCE.takes(method, path), path


def test_refusals_are_worded_as_the_vendor_words_them() -> None:
    def told(this: Asked) -> tuple[int, dict[str, Any]]:
        try:
            SOURCE.read(this)
        except Invalid as error:
            reply = SOURCE.invalid(this, error)
            return reply.status, json.loads(reply.body)
        pytest.fail("it was taken")

    status, answer = told(asked("POST", "/v2/alerts", {"alias": "a"}))
    assert (status, answer["errors"]) == (422, {"message": "Message can not be empty."})
    assert {"took", "requestId"} <= set(answer)
    assert told(asked("POST", "/v2/alerts", b"{"))[0] == 400
    assert told(asked("POST", "/v2/alerts/a/notes", {}))[1]["errors"] == {"note": "Note can not be empty."}


def test_a_uuid_may_be_kept_as_the_key() -> None:
    this = asked("POST", "/v2/alerts")._replace(
        headers={"authorization": "GenieKey EB243592-faa2-4ba2-a551-1afdf565c889"}
    )
    assert SOURCE.routing_key(this) == "eb243592faa24ba2a5511afdf565c889"
    assert SOURCE.routing_key(asked("POST", "/v2/alerts", apiKey="k" * 32)) == "k" * 32


def test_a_receipt_leads_to_its_commit() -> None:
    event_id = ids.new_id()
    receipt = receipt_of(event_id, "trigger", "a")
    assert receipt[:24] == event_id[:24]
    assert receipt != receipt_of(event_id, "resolve", "a")
    assert made_at(receipt) is not None
    assert made_at("nonsense") is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status:open", [("status", ":", ("open",), False)]),
        ("status: open AND tag:x", [("status", ":", ("open",), False), ("tag", ":", ("x",), False)]),
        ('NOT message:"two words"', [("message", ":", ("two words",), True)]),
        ("priority:(P1 OR P2)", [("priority", ":", ("P1", "P2"), False)]),
        (
            "createdAt>1470394841148 disk",
            [("createdAt", ">", ("1470394841148",), False), ("", ":", ("disk",), False)],
        ),
        ("", []),
    ],
)
def test_searches_are_read(query: str, expected: list[Any]) -> None:
    assert [(t.field, t.op, t.values, t.negated) for t in terms_of(query)] == expected


@pytest.mark.parametrize("query", ["a OR b", '"open', "tag:(x", "x" * 1001])
def test_a_search_that_cannot_be_said_is_refused(query: str) -> None:
    with pytest.raises(Invalid):
        terms_of(query)


text = st.text(max_size=12) | st.sampled_from(["message", "alias", "P1", "team", "name", "\0"])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | text
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("message", "alias", "description", "responders", "teams", "tags", "details", "entity", "source")
almost = st.fixed_dictionaries(
    {}, optional={**dict.fromkeys((*FIELDS, "priority", "user", "note", "action"), anything), "message": text}
)
DOORS = (
    ("POST", "/v2/alerts"),
    ("POST", "/v2/alerts/a/close"),
    ("POST", "/v2/alerts/a/notes"),
    ("POST", "/v2/alerts/a/tags"),
    ("DELETE", "/v2/alerts/a/details"),
    ("PUT", "/v2/alerts/a/priority"),
    ("POST", "/v2/alerts/a/actions/x"),
)


def check(body: bytes) -> None:
    for method, path in DOORS:
        this = asked(method, path, body, tags="a,b", keys="c")
        try:
            found = SOURCE.read(this)
        except Invalid as error:
            if SOURCE.invalid(this, error).status not in {400, 422}:
                raise
            continue
        for each in found:
            got = SOURCE.parse(each.payload)
            assert (got.dedup_key, got.action) == (each.dedup_key, each.action)
            assert "\\u0000" not in json.dumps([got.details, got.summary, got.note, list(got.labels.items())])


@given(almost | anything)
@example({"message": "a\0b", "alias": "a\0", "tags": ["\0"], "details": {"\0": "\0"}})
def test_nothing_that_is_json_breaks_it(value: Any) -> None:
    check(json.dumps(value).encode())


@given(st.binary(max_size=100))
@example(b'{"message":"a","details":{"b":' + b"[" * 900 + b"]" * 900 + b"}}")
@example(b"[" * 50_000)
@example(b'{"message":"\xff"}')
def test_nothing_that_is_not_breaks_it_either(body: bytes) -> None:
    check(body)


@given(st.text(max_size=60))
def test_no_search_breaks_it(query: str) -> None:
    try:
        terms_of(query)
    except Invalid as error:
        if error.errors[0].field != "query":
            raise
