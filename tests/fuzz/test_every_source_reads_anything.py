"""Whatever is sent to any source is understood within bounds or refused by name; nothing else comes out."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tocsin.config import sources
from tocsin.domain.errors import Invalid
from tocsin.domain.shape import MAX_DEDUP_KEY, MAX_LABEL, MAX_LABELS
from tocsin.domain.signal import Signal
from tocsin.ports import registry
from tocsin.ports.source import Source

sources.fill()
KINDS: Final = sorted(registry.sources)
ADAPTERS: Final = Path(__file__).parents[2] / "tocsin/adapters"
MANY: Final = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])

HARD: Final = (
    *("", "\0", "\ud800", "…" * 300, "x" * 70_000, "0001-01-01T00:00:00Z", "99999-01-01T00:00:00Z"),
    *("1969-12-31T23:59:59Z", "9999-12-31T23:59:59-23:00", "NaN", "javascript:alert(1)", "http://"),
    *(None, True, 0, -1, 2**63, -(2**64), 1e300, 0.1, [], {}, [[]], [{}], {"": ""}, {"a": {"b": {"c": []}}}),
    *({f"label{n}": "v" for n in range(10_000)}, ["x"] * 10_000),
)
hard = st.sampled_from(HARD)
names = st.text(max_size=9)
anything = st.recursive(
    hard | st.integers() | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=8,
)


def bodies(kind: str) -> list[bytes]:
    source = registry.sources[kind]
    found = [source.sample("k"), source.sample("k", resolve=True)]
    for folder in (ADAPTERS / kind / "fixtures", ADAPTERS / "mapper/fixtures" / kind):
        found += [path.read_bytes() for path in sorted(folder.glob("**/*.json"))]
    return found


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for name, inner in pairs for place in places(inner, (*path, name)))]


def bounded(signal: Signal) -> None:
    assert len(signal.labels) <= MAX_LABELS
    for name, value in signal.labels.items():
        assert 0 < len(name) <= 255
        assert len(value) <= MAX_LABEL
    assert len(signal.summary) <= 1024
    assert len(signal.source) <= 512
    assert len(signal.group_key) <= 4096
    assert all(len(link.href) <= 2048 for link in signal.links)
    texts = [signal.summary, signal.source, signal.group_key, signal.severity or "", signal.note]
    texts += [text for pair in (*signal.labels.items(), *signal.annotations.items()) for text in pair]
    texts += [text for link in signal.links for text in (link.href, link.text)]
    texts += [text for image in signal.images for text in (image.src, image.href, image.alt)]
    assert not any("\0" in text for text in texts)
    "".join(texts).encode()  # what cannot be encoded cannot be stored
    for moment in (signal.started_at, signal.ended_at, signal.expires_at):
        assert moment is None or (moment.tzinfo is not None and 1970 <= moment.year <= 9999)


def named(error: Invalid) -> None:
    assert error.errors
    assert all(each.field and each.message for each in error.errors), error.errors


def check(source: Source, body: bytes) -> None:
    try:
        envelopes = source.envelope(body)
    except Invalid as error:
        named(error)
        return
    for envelope in envelopes[:5]:
        assert 0 < len(envelope.dedup_key) <= MAX_DEDUP_KEY
        assert "\0" not in envelope.dedup_key
        envelope.dedup_key.encode()
        try:
            bounded(source.parse(envelope.payload))
        except Invalid as error:
            named(error)


@pytest.mark.parametrize("kind", KINDS)
@MANY
@given(st.binary(max_size=300))
@example(b"")
@example(b"\xff\xfe")
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b'{"a":1,"a":2,"a":[1,2]}')
@example(b'"' + b"x" * 1_000_000 + b'"')
@example(b"[" + b"0," * 500_000 + b"0]")
@example(b"{" + b",".join(b'"l%d":"v"' % n for n in range(60_000)) + b"}")
@example(b"1e999")
def test_any_bytes(kind: str, body: bytes) -> None:
    check(registry.sources[kind], body)


@pytest.mark.parametrize("kind", KINDS)
@MANY
@given(anything)
def test_any_json(kind: str, value: Any) -> None:
    check(registry.sources[kind], json.dumps(value).encode())


@pytest.mark.parametrize("kind", KINDS)
@MANY
@given(st.data())
def test_what_it_knows_with_something_else_in_one_place(kind: str, data: st.DataObject) -> None:
    body = data.draw(st.sampled_from(bodies(kind)))
    try:
        message = json.loads(body)
    except ValueError:
        check(registry.sources[kind], body + data.draw(st.binary(max_size=30)))
        return
    *path, last = data.draw(st.sampled_from(places(message)[1:] or [(None,)]))
    inner = message
    for step in path:
        inner = inner[step]
    if last is not None:
        if data.draw(st.booleans()):
            inner[last] = data.draw(hard)
        else:
            del inner[last]
    check(registry.sources[kind], json.dumps(message).encode())


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_stored_may_be_anything(kind: str) -> None:
    """The log may hold what another version wrote."""
    for value in HARD:
        try:
            bounded(registry.sources[kind].parse(json.dumps(value).encode()))
        except Invalid as error:
            named(error)
