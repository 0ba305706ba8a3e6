import json
import subprocess
import sys
from pathlib import Path

import pytest

from tocsin.config.main import run

ROTATIONS = """\
rotations:
  - name: primary-oncall
    type: weekly
    participants:
      - user: alice@example.com
      - user: bob@example.com
      - user: charlie@example.com
    handoff_time: "09:00"
    timezone: "America/New_York"

  - name: secondary-oncall
    type: weekly
    start_delay: 7  # days after primary
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rotations.yaml").write_text(ROTATIONS)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "other.yaml").write_text("teams: 1")
    return tmp_path


def test_it_lists_the_shifts_of_a_stretch_of_time(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "--schedule",
        "secondary-oncall",
        "--from",
        "2024-01-01T09:00",
        "--until",
        "2024-01-15T00:00",
    ]
    assert run(["oncall", "-f", str(folder), *arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {
            "user": None,
            "rotation": None,
            "role": None,
            "start": "2024-01-01T09:00:00-05:00",
            "end": "2024-01-08T09:00:00-05:00",
            "origin": "gap",
        },
        {
            "user": "alice@example.com",
            "rotation": "secondary-oncall",
            "role": "primary",
            "start": "2024-01-08T09:00:00-05:00",
            "end": "2024-01-15T00:00:00-05:00",
            "origin": "rotation",
        },
    ]


@pytest.mark.parametrize(
    ("at", "user"),
    [
        ("2024-01-01T14:00:00Z", "alice@example.com"),
        ("2024-01-08T13:59:59Z", "alice@example.com"),
        ("2024-01-08T09:00", "bob@example.com"),
        ("2024-07-15T09:00-04:00", "bob@example.com"),
        ("2024-01-01T13:59:00Z", None),
    ],
)
def test_it_names_who_is_on_call_at_an_instant(
    folder: Path, capsys: pytest.CaptureFixture[str], at: str, user: str | None
) -> None:
    assert run(["oncall", "-f", str(folder), "--schedule", "primary-oncall", "--at", at]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["user"] == user


def test_without_a_schedule_it_answers_for_all(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["oncall", "-f", str(folder), "--at", "2024-02-01"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["schedule"] for row in rows] == ["primary-oncall", "secondary-oncall"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--schedule", "primary-on-call"], "did you mean 'primary-oncall'?"),
        (["--schedule", "primary-oncall", "--at", "yesterday"], "--at: expected a time such as"),
        (["--schedule", "primary-oncall", "--from", "2024-01-01"], "go together"),
        (["--schedule", "primary-oncall", "--from", "2024-01-02", "--until", "2024-01-01"], "not after"),
        (
            ["--schedule", "x", "--at", "2024-01-01", "--from", "2024-01-02", "--until", "2024-01-03"],
            "Give --at, or",
        ),
    ],
)
def test_wrong_use_is_named_and_exits_with_2(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert run(["oncall", "-f", str(folder), *arguments]) == 2
    assert said in capsys.readouterr().err


def test_it_needs_neither_the_framework_nor_much_time(folder: Path) -> None:
    code = (
        "import sys; from tocsin.config.main import run; "
        f"code = run(['oncall', '-f', {str(folder)!r}, '--at', '2024-02-01']); "
        "heavy = {'django', 'httpx', 'psycopg', 'procrastinate'} & set(sys.modules); "
        "sys.exit(code or (str(heavy) if heavy else 0))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
