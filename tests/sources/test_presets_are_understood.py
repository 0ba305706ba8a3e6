"""Each message that a preset's tool sends gives exactly the events that stand in `presets/`.
`GOLDEN=write` writes them anew.
"""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tocsin.adapters.mapper.presets import FIXTURES, presets
from tocsin.adapters.mapper.source import MapperSource, sources
from tocsin.domain.signal import EventAction

GOLDEN = Path(__file__).parent / "presets"
SOURCES = {source.kind: source for source in sources()}
CASES = [(path.parent.name, path.name) for path in sorted(FIXTURES.glob("*/*"))]
NEVER_RESOLVES = {"graylog"}  # its notifications tell of events, which do not end


def understood(source: MapperSource, body: bytes) -> list[dict[str, Any]]:
    events = []
    for envelope in source.envelope(body):
        mapped = source.mapped(envelope.payload)
        assert (mapped.signal.action, mapped.signal.dedup_key) == (envelope.action, envelope.dedup_key)
        assert mapped.problems == ()
        event = {name: value for name, value in asdict(mapped.signal).items() if value and name != "details"}
        events.append(json.loads(json.dumps(event, default=str, sort_keys=True)))
    return events


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_a_message_gives_the_events_that_are_written_down(kind: str, case: str) -> None:
    found = understood(SOURCES[kind], (FIXTURES / kind / case).read_bytes())
    golden = GOLDEN / f"{kind}.{Path(case).stem}.json"
    if os.environ.get("GOLDEN") == "write":
        golden.write_text(
            json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8"
        )
    assert found == json.loads(golden.read_text(encoding="utf-8"))


def test_every_golden_file_belongs_to_a_message() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == {
        f"{kind}.{Path(case).stem}" for kind, case in CASES
    }


@pytest.mark.parametrize("kind", sorted(presets()))
def test_a_preset_opens_and_ends_the_same_thing(kind: str) -> None:
    source = SOURCES[kind]
    (opened,) = source.envelope(source.sample("key-7"))
    (ended,) = source.envelope(source.sample("key-7", resolve=True))
    assert opened.action is EventAction.TRIGGER
    assert "key-7" in opened.dedup_key
    assert opened.dedup_key == ended.dedup_key
    assert (ended.action is EventAction.RESOLVE) is (kind not in NEVER_RESOLVES)
    assert source.parse(opened.payload).summary


@pytest.mark.parametrize("kind", sorted(presets()))
def test_a_preset_says_where_its_fields_are_known_from_and_what_to_paste(kind: str) -> None:
    preset = presets()[kind]
    assert preset.docs.startswith("https://")
    assert preset.checked
    assert any("{url}" in snippet.text for snippet in preset.snippets)


@pytest.mark.parametrize(
    ("options", "case", "expected"),
    [
        ({"successful_build": "change"}, "succeeded.json", [("change", "job/asgard/#19")]),
        ({"successful_build": "change"}, "failed.json", [("trigger", "job/asgard/")]),
        ({"unstable_build": "trigger"}, "unstable.json", [("trigger", "job/asgard/")]),
        ({"phase": "COMPLETED"}, "completed.json", [("trigger", "job/asgard/")]),
        ({"phase": "COMPLETED"}, "failed.json", []),
    ],
)
def test_options_say_what_a_build_of_jenkins_does(
    options: dict[str, str], case: str, expected: list[tuple[str, str]]
) -> None:
    source = SOURCES["jenkins"].configured({"options": options})
    found = source.envelope((FIXTURES / "jenkins" / case).read_bytes())
    assert [(str(each.action), each.dedup_key) for each in found] == expected


@pytest.mark.parametrize("case", ["triggered.json", "resolved.json"])
def test_the_secret_in_a_message_of_honeycomb_is_no_part_of_the_event(case: str) -> None:
    source = SOURCES["honeycomb"]
    (envelope,) = source.envelope((FIXTURES / "honeycomb" / case).read_bytes())
    assert "play a game" not in str(asdict(source.parse(envelope.payload)))
