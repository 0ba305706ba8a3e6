import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tocsin.config.main import run

INCIDENT = {
    "ref": "INC-7",
    "title": "Down",
    "status": "investigating",
    "severity": "SEV2",
    "service": "checkout",
    "declared_at": "2026-11-23T12:00:00Z",
    "acknowledged_at": None,
    "timeline": [{"at": "2026-11-23T12:00:00Z", "text": "Declared"}],
}


class _Server:
    """Answers what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any, str]] = []
        self.status, self.answer = 200, {}
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                server.asked.append((self.command, self.path, body, self.headers["authorization"]))
                data = json.dumps(server.answer).encode()
                self.send_response(server.status)
                self.send_header("content-type", "application/problem+json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_DELETE = do_POST  # noqa: N815 - the handler's names
            do_GET = do_POST  # noqa: N815 - the handler's names

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Server]:
    found = _Server()
    thread = Thread(target=found.http.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("TOCSIN_URL", f"http://127.0.0.1:{found.http.server_port}")
    monkeypatch.setenv("TOCSIN_TOKEN", "t" * 20)
    yield found
    found.http.shutdown()
    found.http.server_close()
    thread.join()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOOL_KEY", "ab" * 16)
    (tmp_path / "a.yaml").write_text("integrations: [{name: a, kind: generic, key: {env: TOOL_KEY}}]\n")
    return tmp_path


def test_apply_sends_the_files_with_their_secrets(
    server: _Server, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answer = {
        "changes": [
            {
                "kind": "rotations",
                "name": "r",
                "action": "change",
                "fields": [
                    {"field": "every", "before": 1, "after": 2},
                    {"field": "participants", "before": ["a@x.y", "c@x.y"], "after": ["c@x.y", "b@x.y"]},
                ],
                "turns_before": [
                    {"people": ["a@x.y"], "start": "2026-11-23T09:00Z", "end": "2026-11-30T09:00Z"}
                ],
                "turns_after": [
                    {"people": ["b@x.y"], "start": "2026-11-23T09:00Z", "end": "2026-12-07T09:00Z"}
                ],
            }
        ],
        "warnings": ["something"],
    }
    assert run(["apply", "-f", str(folder), "--prune"]) == 0
    (method, path, body, token) = server.asked[0]
    assert (method, path, token) == ("POST", "/api/v1/configuration/apply", "Bearer " + "t" * 20)
    assert body["prune"] is True
    assert list(body["files"].values()) == [
        f'integrations: [{{name: a, kind: generic, key: "{"ab" * 16}"}}]\n'
    ]
    out = capsys.readouterr()
    assert "~ rotations r" in out.out
    assert "    every: 1 → 2\n" in out.out
    assert (
        "    participants: 1 unchanged\n      - participants[0]: a@x.y\n      + participants[1]: b@x.y\n"
        in out.out
    )
    assert "after   Mon 23 Nov 2026 09:00 → Mon 07 Dec 2026 09:00  b@x.y" in out.out
    assert "warning: something" in out.err


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_missing_secret_is_named_and_nothing_is_sent(
    server: _Server, folder: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    (folder / "b.yaml").write_text(
        "integrations:\n  - {name: b, kind: generic, key: {file: no.key}}\n"
        "users:\n  - email: a@x.y\n    contact_methods:\n"
        "      - {type: webhook, address: 'https://x.y', secret: {env: NO_SUCH}}\n"
    )
    assert run([command, "-f", str(folder)]) == 2
    said = capsys.readouterr().err
    assert "b.yaml:2: error: integrations[0].key: there is no readable file 'no.key' here" in said
    assert "b.yaml:6: error: users[0].contact_methods[0].secret: there is no environment variable" in said
    assert server.asked == []


def test_what_the_server_refuses_is_named_and_exits_with_2(
    server: _Server, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.status = 422
    server.answer = {"title": "Wrong", "errors": [{"field": "a.yaml:3 teams[0].x", "message": "unknown key"}]}
    assert run(["plan", "-f", str(folder)]) == 2
    assert "a.yaml:3 teams[0].x: unknown key" in capsys.readouterr().err
    server.status = 503
    assert run(["plan", "-f", str(folder)]) == 1


def test_export_prints_the_text_alone(server: _Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer = {"text": "teams:\n- name: web\n"}
    assert run(["export"]) == 0
    assert capsys.readouterr().out == "teams:\n- name: web\n"


@pytest.mark.parametrize(
    ("arguments", "path", "body"),
    [
        (["ack", "INC-7"], "INC-7/acknowledge", {}),
        (["resolve", "INC-7"], "INC-7/resolve", {}),
        (["respond", "../x"], "..%2Fx/respond", {}),
        (["take-over", "INC-7"], "INC-7/take-over", {}),
        (["note", "INC-7", "hello"], "INC-7/note", {"text": "hello"}),
        (["severity", "INC-7", "sev1"], "INC-7/severity", {"severity": "SEV1", "reason": ""}),
        (["reassign", "INC-7", "a@x.y", "b@x.y"], "INC-7/reassign", {"emails": ["a@x.y", "b@x.y"]}),
        (["snooze", "INC-7", "--for", "2h"], "INC-7/snooze", {"duration": "2h"}),
        (["help", "INC-7", "--team", "web"], "INC-7/help", {"team": "web", "text": ""}),
        (["merge", "INC-7", "--into", "INC-3"], "INC-7/merge", {"into": "INC-3"}),
    ],
)
def test_work_on_an_incident(server: _Server, arguments: list[str], path: str, body: dict[str, Any]) -> None:
    server.answer = INCIDENT
    assert run(["incident", *arguments]) == 0
    assert server.asked[0][:3] == ("POST", f"/api/v1/incidents/{path}", body)


def test_what_is_noted_is_said(server: _Server, capsys: pytest.CaptureFixture[str]) -> None:
    noted = "Noted: 1 of 2 have acknowledged; Bob is still called."
    server.answer = {**INCIDENT, "noted": noted}
    assert run(["incident", "ack", "INC-7"]) == 0
    assert noted in capsys.readouterr().out


def test_declare_list_show_and_page(server: _Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer = INCIDENT
    assert run(["incident", "declare", "Down", "--service", "checkout", "--severity", "sev2"]) == 0
    assert run(["incident", "show", "INC-7"]) == 0
    assert run(["page", "Look at this", "--user", "a@x.y"]) == 0
    server.answer = {"items": [INCIDENT], "next_cursor": None}
    assert run(["incident", "list", "--status", "open"]) == 0
    server.answer = {"items": [], "next_cursor": None}
    assert run(["alert", "list", "--status", "firing"]) == 0
    assert [path.partition("?")[0] for _, path, _, _ in server.asked] == [
        "/api/v1/incidents",
        "/api/v1/incidents/INC-7",
        "/api/v1/pages",
        "/api/v1/incidents",
        "/api/v1/alerts",
    ]
    assert "INC-7  SEV2" in capsys.readouterr().out


def test_without_a_token_or_a_server_it_says_what_to_do(
    server: _Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOCSIN_URL", "http://127.0.0.1:9")
    assert run(["export"]) == 1
    assert "does not answer" in capsys.readouterr().err
    monkeypatch.delenv("TOCSIN_TOKEN")
    monkeypatch.delenv("TOCSIN_BOOTSTRAP_TOKEN", raising=False)
    assert run(["export"]) == 2
    assert "Set TOCSIN_TOKEN" in capsys.readouterr().err


FOLLOWERS = "/api/v1/incidents/INC-7/followers"
WHO = {"email": "a@x.y"}


@pytest.mark.parametrize(
    ("arguments", "method", "path", "body"),
    [
        (["follow", "INC-7"], "POST", FOLLOWERS, {}),
        (["follow", "INC-7", "--person", "a@x.y"], "POST", FOLLOWERS, WHO),
        (["unfollow", "INC-7"], "DELETE", "/api/v1/me/following/incident/INC-7", None),
        (["unfollow", "INC-7", "--person", "a@x.y"], "DELETE", f"{FOLLOWERS}/a%40x.y", None),
    ],
)
def test_following_is_one_call(
    server: _Server,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    method: str,
    path: str,
    body: object,
) -> None:
    row = {"email": "a@x.y", "of": "incident", "name": "INC-7", "since": "2026-11-23T12:00:00Z"}
    server.answer = {"items": [row], "next_cursor": None}
    assert run(["incident", *arguments]) == 0
    assert server.asked[0][:3] == (method, path, body)
    assert "a@x.y" in capsys.readouterr().out


def test_why_says_it_in_lines(server: _Server, capsys: pytest.CaptureFixture[str]) -> None:
    message = {
        "via": "sms",
        "address": "+1",
        "state": "failed",
        "at": None,
        "text": "no such number",
    }
    server.answer = {
        "items": [
            {
                "name": "Ann",
                "email": "a@x.y",
                "verdict": "Could not be reached: no such number",
                "reasons": ["On call now for: main."],
                "decisions": [{"at": "2026-11-23T12:00:00Z", "kind": "called", "text": "on call"}],
                "calls": [{"messages": [message]}],
            }
        ]
    }
    assert run(["incident", "why", "INC-7", "--person", "a@x.y"]) == 0
    assert server.asked[0][1] == "/api/v1/incidents/INC-7/why?person=a%40x.y"
    assert capsys.readouterr().out.splitlines() == [
        "Ann <a@x.y>: Could not be reached: no such number",
        "  On call now for: main.",
        "  2026-11-23T12:00:00Z  called: on call",
        "    sms  +1  failed  no such number",
    ]


@pytest.mark.parametrize(
    ("arguments", "path", "body"),
    [
        (["accept", "INC-7"], "accept", {"reason": ""}),
        (["decline", "INC-7", "--reason", "Asleep"], "decline", {"reason": "Asleep"}),
        (["note", "INC-7", "It works", "--update"], "note", {"text": "It works", "update": True}),
        (
            ["help", "INC-7", "--team", "t", "--urgency", "low"],
            "help",
            {"team": "t", "text": "", "urgency": "low"},
        ),
    ],
)
def test_answers_and_words_go_to_the_incident(
    server: _Server, arguments: list[str], path: str, body: object
) -> None:
    server.answer = INCIDENT
    assert run(["incident", *arguments]) == 0
    assert server.asked[0][:3] == ("POST", f"/api/v1/incidents/INC-7/{path}", body)


def test_a_page_says_who_is_called(server: _Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer = {**INCIDENT, "assigned": ["a@x.y", "b@x.y"]}
    assert run(["page", "Come", "--team", "t", "--urgency", "low", "--service", "checkout"]) == 0
    body = {"team": "t", "title": "Come", "text": "", "urgency": "low", "service": "checkout"}
    assert server.asked[0][:3] == ("POST", "/api/v1/pages", body)
    assert "called: a@x.y, b@x.y" in capsys.readouterr().out
