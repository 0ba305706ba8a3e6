import json
from pathlib import Path

import pytest

from tocsin.config.main import run

EXAMPLE = Path(__file__).parents[2] / "examples/org"


def test_the_example_is_without_fault(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "-f", str(EXAMPLE), "--strict"]) == 0
    assert "0 errors, 0 warnings" in capsys.readouterr().out


def test_warnings_count_only_when_strict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("rotations: [{name: r, participants: [a@example.com]}]")
    assert run(["validate", "-f", str(tmp_path)]) == 0
    assert run(["validate", "-f", str(file), "--strict"]) == 1
    assert f"{file}:1: warning: rotations[r]: a@example.com is not among the users" in capsys.readouterr().out


def test_errors_name_file_line_and_field(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "teams.yaml"
    file.write_text("teams:\n  - name: web\n    leed: a@example.com\n")
    assert run(["validate", "-f", str(tmp_path)]) == 2
    expected = f"{file}:3: error: teams[0].leed: unknown key (did you mean 'lead'?)"
    assert expected in capsys.readouterr().out
    assert run(["validate", "-f", str(tmp_path), "--json"]) == 2
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is False
    assert answer["problems"] == [
        {
            "file": str(file),
            "line": 3,
            "field": "teams[0].leed",
            "level": "error",
            "message": "unknown key (did you mean 'lead'?)",
        }
    ]


@pytest.mark.parametrize("what", ["missing", "empty", "binary"])
def test_a_folder_without_files_is_wrong_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    if what == "binary":
        (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    folder = tmp_path / "missing" if what == "missing" else tmp_path
    assert run(["validate", "-f", str(folder)]) == 2
    assert capsys.readouterr().err.startswith("Error: ")


def test_secrets_come_from_beside_the_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOL_KEY", "ab" * 16)
    (tmp_path / "tool.key").write_text("cd" * 16 + "\n")
    (tmp_path / "a.yaml").write_text(
        "integrations:\n  - {name: a, kind: generic, key: {env: TOOL_KEY}}\n"
        "  - {name: b, kind: generic, key: {file: tool.key}}\n"
        "  - {name: c, kind: generic, key: {env: NO_SUCH}}\n"
    )
    assert run(["validate", "-f", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "no environment variable 'NO_SUCH' here" in said
    assert "abab" not in said


def test_what_holds_nothing_any_more_is_doubtful(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    over = "{name: old, match: ['a=\"b\"'], start: 2020-01-01T00:00, for: 1h}"
    weekly = (
        "{name: sundays, match: ['a=\"b\"'], start: 2020-01-01T00:00, for: 1h, rrule: FREQ=WEEKLY;BYDAY=SU}"
    )
    (tmp_path / "a.yaml").write_text(f"silences:\n  - {over}\n  - {weekly}\n")
    assert run(["validate", "-f", str(tmp_path), "--strict"]) == 1
    said = capsys.readouterr().out
    assert "a.yaml:2: warning: silences[old].end: it is over" in said
    assert "sundays" not in said
