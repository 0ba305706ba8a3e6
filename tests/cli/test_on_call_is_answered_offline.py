import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tocsin.config.main import run
from tocsin.entrypoints.cli import client

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


def _rows(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, start: str, end: str
) -> list[tuple[str | None, str, str]]:
    arguments = ["--schedule", name, "--from", start, "--until", end, "--json"]
    assert run(["oncall", "-f", str(folder), *arguments]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert all(list(row) == ["user", "rotation", "role", "start", "end", "origin"] for row in rows)
    return [(row["user"] and row["user"].split("@")[0], row["start"][:16], row["end"][:16]) for row in rows]


def test_the_users_own_rotations_give_alice_bob_and_charlie_by_week(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mondays = [
        f"{day}T09:00" for day in ("2024-01-01", "2024-01-08", "2024-01-15", "2024-01-22", "2024-01-29")
    ]
    weeks = list(pairwise(mondays))
    primary = _rows(folder, capsys, "primary-oncall", "2024-01-01T09:00", "2024-01-29T09:00")
    assert primary == [
        (who, *week) for who, week in zip(("alice", "bob", "charlie", "alice"), weeks, strict=True)
    ]
    secondary = _rows(folder, capsys, "secondary-oncall", "2024-01-08T09:00", "2024-01-29T09:00")
    assert secondary == [
        (who, *week) for who, week in zip(("alice", "bob", "charlie"), weeks[1:], strict=True)
    ]


def test_rows_come_by_start_then_user_and_are_clipped(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "more.yaml").write_text(
        "schedules: [{name: both, layers: [secondary-oncall, primary-oncall], fallback: zoe@example.com, "
        "overrides: [{start: 2024-01-15T08:00, end: 2024-01-15T10:00, user: dee@example.com}]}]"
    )
    assert _rows(folder, capsys, "both", "2024-01-14T00:00", "2024-01-15T12:00") == [
        ("alice", "2024-01-14T00:00", "2024-01-15T08:00"),
        ("bob", "2024-01-14T00:00", "2024-01-15T08:00"),
        ("dee", "2024-01-15T08:00", "2024-01-15T10:00"),
        ("bob", "2024-01-15T10:00", "2024-01-15T12:00"),
        ("charlie", "2024-01-15T10:00", "2024-01-15T12:00"),
    ]
    assert _rows(folder, capsys, "both", "2024-01-01T08:00", "2024-01-01T10:00") == [
        ("zoe", "2024-01-01T08:00", "2024-01-01T09:00"),
        ("alice", "2024-01-01T09:00", "2024-01-01T10:00"),
    ]


@pytest.mark.parametrize(
    ("start", "end", "rows"),
    [
        # Times that come twice are the first of the two, and ones that do not come the first after.
        ("2024-11-03T01:30", "2024-11-03T02:30", [("bob", "2024-11-03T01:30", "2024-11-03T02:30")]),
        ("2024-03-10T02:30", "2024-03-10T03:30", [("alice", "2024-03-10T03:00", "2024-03-10T03:30")]),
        ("2024-03-04T13:59Z", "2024-03-04T14:01Z", [("charlie", "2024-03-04T08:59", "2024-03-04T09:00"),
                                                  ("alice", "2024-03-04T09:00", "2024-03-04T09:01")]),
        ("2024-01-01 09:00", "2024-01-01 09:00:30", [("alice", "2024-01-01T09:00", "2024-01-01T09:00")]),
        ("2099-12-31", "2100-01-01", [("charlie", "2099-12-31T00:00", "2100-01-01T00:00")]),
    ],
)  # fmt: skip
def test_a_stretch_may_begin_and_end_at_any_time(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    start: str,
    end: str,
    rows: list[tuple[str | None, str, str]],
) -> None:
    assert _rows(folder, capsys, "primary-oncall", start, end) == rows


def test_without_a_schedule_it_answers_for_all(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["oncall", "-f", str(folder), "--at", "2024-02-01"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["schedule"] for row in rows] == ["primary-oncall", "secondary-oncall"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--schedule", "primary-on-call"], "did you mean 'primary-oncall'?"),
        (["--schedule", "primary-oncall", "--at", "yesterday"], "--at: expected a time such as"),
        (["--schedule", "primary-oncall", "--at", "2024-13-01"], "--at: expected a time such as"),
        (["--at", "0001-01-01T00:00"], "--at: expected a year from 1970 to 2200"),
        (["--from", "2024-01-01", "--until", "9999-12-31T23:59Z"], "--until: expected a year from"),
        (["--schedule", "primary-oncall", "--from", "2024-01-01"], "go together"),
        (["--schedule", "primary-oncall", "--until", "2024-01-01"], "go together"),
        (["--schedule", "primary-oncall", "--from", "2024-01-01", "--until", "2024-01-01"], "not after"),
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


def test_the_server_is_asked_in_the_time_of_the_schedule(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[dict[str, str]] = []

    def answer(_method: str, path: str, *, params: dict[str, str] | None = None) -> dict[str, object]:
        if path == "/api/v1/schedules/web%20ops":
            return {"timezone": "Europe/Berlin"}
        asked.append(params or {})
        return {"items": []}

    monkeypatch.setattr(client, "call", answer)
    naive = ["--schedule", "web ops", "--from", "2026-07-01T09:00", "--until", "2026-07-02T09:00Z"]
    assert run(["oncall", *naive, "--json"]) == 0
    assert asked.pop() == {
        "schedule": "web ops",
        "from": "2026-07-01T07:00:00+00:00",
        "until": "2026-07-02T09:00:00+00:00",
    }
    assert run(["oncall", "--at", "2026-07-01T09:00+02:00", "--json"]) == 0
    assert asked.pop() == {"at": "2026-07-01T09:00:00+02:00"}
    capsys.readouterr()
    assert run(["oncall", "--at", "2026-07-01T09:00"]) != 0
    assert "Without --schedule, times need an offset" in capsys.readouterr().err
