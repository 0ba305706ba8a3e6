"""`tocsin silence` and `tocsin incident split`, as the server is asked."""

from datetime import timedelta
from typing import Any

import pytest

from tocsin.config.main import run
from tocsin.entrypoints.cli import client, silence
from tocsin.lib import clock

ROW = {
    "id": "0192",
    "state": "active",
    "matchers": ['instance="db1"'],
    "services": [],
    "current": {"start": "2026-11-24T12:00:00Z", "end": "2026-11-24T14:00:00Z"},
    "ends_at": "2026-11-24T14:00:00Z",
    "ended_at": None,
    "holding": 3,
    "author": "alice@example.com",
    "comment": "disk",
}


class _Asked:
    def __init__(self, answer: dict[str, Any]) -> None:
        self.calls: list[tuple[str, str, Any, Any]] = []
        self.answer = answer

    def __call__(self, method: str, path: str, *, body: Any = None, params: Any = None) -> Any:
        self.calls.append((method, path, body, params))
        return self.answer


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> _Asked:
    found = _Asked(ROW)
    monkeypatch.setattr(client, "call", found)
    return found


def test_a_silence_lasts_as_long_as_it_is_said(asked: _Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.now()
    monkeypatch.setattr(silence.clock, "now", lambda: now)
    assert run(["silence", "add", 'instance="db1"', "--for", "2h", "--comment", "disk"]) == 0
    body = {
        "matchers": ['instance="db1"'],
        "services": [],
        "comment": "disk",
        "ends_at": (now + timedelta(hours=2)).isoformat(),
    }
    assert asked.calls == [("POST", "/api/v1/silences", body, None)]


def test_a_silence_may_begin_later(asked: _Asked, capsys: pytest.CaptureFixture[str]) -> None:
    start = ["--start", "2026-12-01T02:00Z"]
    assert run(["silence", "add", "--service", "database", *start, "--for", "2h"]) == 0
    body = asked.calls[0][2]
    assert (body["starts_at"], body["ends_at"]) == ("2026-12-01T02:00:00+00:00", "2026-12-01T04:00:00+00:00")
    assert body["services"] == ["database"]
    assert "0192  active" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", "--for", "2h"], "Give a matcher or --service"),
        (["add", "a=b"], "Give --for or --until"),
        (["add", "a=b", "--for", "2h", "--until", "2026-12-01T09:00Z"], "Give --for or --until"),
        (["add", "a=b", "--until", "2026-12-01T09:00"], "expected an offset"),
        (["add", "a=b", "--until", "soon"], "expected an instant"),
        (["add", "a=b", "--for", "soon"], "--for"),
        (["expire"], "IDS"),
    ],
)
def test_what_cannot_be_is_not_sent(
    asked: _Asked, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert run(["silence", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert asked.calls == []


def test_they_are_listed_with_what_they_hold(asked: _Asked, capsys: pytest.CaptureFixture[str]) -> None:
    asked.answer = {"items": [ROW], "next_cursor": None}
    assert run(["silence", "list", "--state", "active"]) == 0
    assert asked.calls == [
        ("GET", "/api/v1/silences", None, {"state": "active", "service": None, "search": None})
    ]
    printed = capsys.readouterr().out
    assert 'instance="db1"' in printed
    assert "2026-11-24T14:00:00Z" in printed


def test_several_are_ended_at_once(asked: _Asked) -> None:
    assert run(["silence", "expire", "0192", "a/b"]) == 0
    assert [call[:2] for call in asked.calls] == [
        ("POST", "/api/v1/silences/0192/expire"),
        ("POST", "/api/v1/silences/a%2Fb/expire"),
    ]


def test_alerts_are_split_off_an_incident(asked: _Asked, capsys: pytest.CaptureFixture[str]) -> None:
    asked.answer = {"ref": "INC-8", "title": "Disk", "status": "triggered", "severity": "SEV2"}
    assert run(["incident", "split", "INC-7", "4", "5"]) == 0
    assert asked.calls == [("POST", "/api/v1/incidents/INC-7/split", {"alerts": [4, 5]}, None)]
    assert "INC-8" in capsys.readouterr().out
