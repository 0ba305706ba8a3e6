"""Whatever is sent to the sources of vendors is understood or refused by name; nothing else comes out."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.adapters.cloudwatch.source import CloudWatchSource
from tocsin.adapters.datadog.source import DatadogSource
from tocsin.adapters.datadog.template import TEMPLATE
from tocsin.adapters.email_in.source import EmailSource
from tocsin.adapters.sentry.source import SentrySource
from tocsin.domain.errors import Invalid
from tocsin.domain.shape import MAX_DEDUP_KEY, MAX_LABEL, MAX_LABELS
from tocsin.ports.source import RefusedError, Source, UnreachableError, VerifiedSource

FOLDER = Path(__file__).parents[2] / "tocsin/adapters"
SOURCES: dict[str, Source] = {
    "datadog": DatadogSource(),
    "cloudwatch": CloudWatchSource(),
    "sentry": SentrySource(),
    "email_in": EmailSource(),
}

WORDS = (
    *TEMPLATE,
    *("Type", "Message", "TopicArn", "SubscribeURL", "NewStateValue", "AlarmArn", "Trigger", "Dimensions"),
    *("detail-type", "source", "detail", "resources", "action", "data", "issue", "event", "metric_alert"),
    *("id", "title", "tags", "org", "comment", "issue_id", "resolved", "Recovered", "Notification", "ALARM"),
)
text = st.text(max_size=20) | st.sampled_from(WORDS)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | text
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=6),
    max_leaves=25,
)
fixtures = [
    (path.parent.parent.name, json.loads(path.read_text(), strict=False))
    for path in sorted(FOLDER.glob("*/fixtures/*.json"))
    if path.parent.parent.name in SOURCES
]


def take(source: Source, body: bytes) -> None:
    try:
        envelopes = source.envelope(body)
    except Invalid:
        return
    for envelope in envelopes:
        assert 0 < len(envelope.dedup_key) <= MAX_DEDUP_KEY
        assert "\0" not in envelope.dedup_key
        if isinstance(source, VerifiedSource):
            _verify(source, envelope.payload)
        try:
            signal = source.parse(envelope.payload)
        except Invalid:
            continue
        assert (signal.action, signal.dedup_key) == (envelope.action, envelope.dedup_key)
        assert len(signal.labels) <= MAX_LABELS
        for value in (*signal.labels.values(), *signal.annotations.values(), signal.summary, signal.source):
            assert len(value) <= MAX_LABEL
            assert "\0" not in value
            value.encode()


def _verify(source: VerifiedSource, payload: bytes) -> None:
    def nowhere(url: str) -> bytes:
        raise UnreachableError(url)

    try:
        source.verify(payload, nowhere)
    except (RefusedError, UnreachableError):
        return


@pytest.mark.parametrize("kind", SOURCES)
@given(body=anything)
def test_any_json(kind: str, body: Any) -> None:
    take(SOURCES[kind], json.dumps(body).encode())


@pytest.mark.parametrize("kind", SOURCES)
@given(body=st.binary(max_size=300))
def test_any_bytes(kind: str, body: bytes) -> None:
    take(SOURCES[kind], body)


@given(chosen=st.sampled_from(fixtures), data=st.data())
def test_their_own_messages_with_a_part_exchanged(
    chosen: tuple[str, dict[str, Any]], data: st.DataObject
) -> None:
    kind, body = chosen
    changed = json.loads(json.dumps(body))
    place = changed
    while True:
        name = data.draw(st.sampled_from(sorted(place)))
        if not (isinstance(place[name], dict) and place[name] and data.draw(st.booleans())):
            break
        place = place[name]
    place[name] = data.draw(anything)
    take(SOURCES[kind], json.dumps(changed).encode())


headers = st.sampled_from(["Subject", "From", "To", "Date", "Content-Type", "Content-Transfer-Encoding"])
values = st.text(max_size=60) | st.sampled_from(
    ["multipart/mixed; boundary=x", "text/html; charset=utf-7", "base64", "=?x?q?=ff?=", "=?utf-8?b?/w==?="]
)


@given(
    lines=st.lists(st.tuples(headers, values), max_size=8),
    body=st.text(max_size=200)
    | st.sampled_from(["--x\r\n\r\n<p>a", "--x\r\nContent-Type: text/html\r\n\r\n<!--"]),
)
def test_any_mail(lines: list[tuple[str, str]], body: str) -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in lines)
    take(SOURCES["email_in"], f"{head}\r\n{body}".encode("utf-8", "replace"))


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"title": "' + b"x" * 900_000 + b'"}',
        b'{"id": 1' + b"0" * 5000 + b"}",
        b'{"title": "\\ud800", "tags": "a:\\udfff"}',
        b'{"title": "t", "date_ms": "1e400"}',
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n" * 20_000,
        b"Content-Type: message/rfc822\r\n\r\n" * 5_000,
        b"Subject: x\r\n" * 20_000,
        b"Subject: x\r\nContent-Type: text/html\r\n\r\n" + b"<!--<p" * 40_000,
    ],
)
@pytest.mark.parametrize("kind", SOURCES)
def test_what_is_meant_to_break_it(kind: str, raw: bytes) -> None:
    take(SOURCES[kind], raw)
