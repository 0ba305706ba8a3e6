"""The recorded week in examples/: explained, and replayed through other routes."""

import json
from pathlib import Path
from typing import Any

import pytest

from tocsin.config.main import run

EXAMPLES = Path(__file__).parents[2] / "examples"
WEEK = EXAMPLES / "week/events.jsonl"
CHANGED = EXAMPLES / "week/changed"
NIGHT = ["--from", "2026-11-09", "--until", "2026-11-10"]


def replayed(capsys: pytest.CaptureFixture[str], directory: Path, *span: str) -> dict[str, Any]:
    present = ["--present", str(EXAMPLES / "org")]
    given = ["replay", *present, "-f", str(directory), "--events", str(WEEK), *(span or NIGHT), "--json"]
    assert run(given) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def test_the_same_configuration_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    found = replayed(capsys, EXAMPLES / "org")
    assert found["before"] == found["after"]
    assert found["incidents"] == {"only_before": [], "only_after": [], "changed": []}
    assert found["pages"] == {"only_before": [], "only_after": []}


def test_other_routes_show_what_they_would_have_changed(capsys: pytest.CaptureFixture[str]) -> None:
    found = replayed(capsys, CHANGED)
    assert found["events"] > 4000
    # The batch of the night no longer wakes anybody.
    batch = [each for each in found["incidents"]["changed"] if each["before"]["dedup_key"].startswith("lag-")]
    assert batch
    assert all("severity SEV2 → SEV4" in each["what"] for each in batch)
    assert any(page["dedup_key"].startswith("lag-") for page in found["pages"]["only_before"])
    assert {each["user"] for each in found["people"]}


def test_what_only_one_side_has_is_left_out_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = tmp_path / "events.jsonl"
    row = {"at": "2026-11-09T10:00:00Z", "integration": "unheard-of", "trigger": {"dedup_key": "a"}}
    events.write_text(json.dumps(row))
    org = str(EXAMPLES / "org")
    assert run(["replay", "--present", org, "-f", org, "--events", str(events), *NIGHT, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["left_out"] == ["unheard-of"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--from", "2026-11-10", "--until", "2026-11-09"], "--until must be after --from"),
        (["--from", "2026-01-01", "--until", "2026-11-09"], "at most 62 days"),
    ],
)
def test_a_period_that_is_none_is_refused(
    given: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    org = str(EXAMPLES / "org")
    assert run(["replay", "--present", org, "-f", org, "--events", str(WEEK), *given]) == 2
    assert said in capsys.readouterr().err


def test_an_event_is_explained_with_what_routes_added(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    organisation = tmp_path / "org"
    organisation.mkdir()
    for file in (EXAMPLES / "org").glob("*.yaml"):
        text = file.read_text()
        (organisation / file.name).write_text(text.split("# Only the alerts")[0])
    (organisation / "routes.yaml").write_text((CHANGED / "routes.yaml").read_text())
    event = tmp_path / "event.json"
    summary = "Backup of orders failed: host=db3 code=12"
    event.write_text(
        json.dumps({"action": "trigger", "dedup_key": "b", "summary": summary, "severity": "slow"})
    )
    given = ["explain", "-f", str(organisation), "--event", str(event), "--integration", "scripts"]
    assert run([*given, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["labels"] == {"host": "db3", "component": "backup"}
    assert row["runbook"] == "https://wiki.example.com/runbooks/backup-db3"
    assert row["service"] == "database"
    did = {route["path"]: route["did"] for route in row["routes"]}
    assert "extracted from event.summary: host=db3" in did["1"]
    assert run(given) == 0
    assert "extracted from event.summary: host=db3" in capsys.readouterr().out
