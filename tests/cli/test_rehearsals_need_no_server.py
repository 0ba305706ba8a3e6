import json
from pathlib import Path
from typing import Any

import pytest

from tocsin.config.main import run

EXAMPLE = Path(__file__).parents[2] / "examples/org"
ORG = """\
users:
  - email: alice@example.com
    contact_methods: [{type: email, address: alice@example.com}, {type: sms, address: "+15550100"}]
    notification_rules: {high: [{after: 0m, via: email}, {after: 3m, via: sms}]}
teams: [{name: payments, members: [alice@example.com, bob@example.com], lead: bob@example.com}]
services: [{name: checkout, team: payments, escalation_policy: payments}]
integrations: [{name: tool, kind: generic, service: checkout}]
escalation_policies:
  - name: payments
    steps:
      - {notify: [{user: alice@example.com}], wait: 5m}
      - {notify: [{team: payments, who: lead}], wait: 10m}
"""


@pytest.fixture
def org(tmp_path: Path) -> Path:
    (tmp_path / "org.yaml").write_text(ORG)
    return tmp_path


def _lines(*rows: dict[str, Any]) -> str:
    return "\n".join(json.dumps(row) for row in rows)


def test_a_replay_lists_every_page_until_somebody_answers(
    org: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = org / "events.jsonl"
    trigger = {"dedup_key": "db", "summary": "Down", "severity": "critical", "labels": {"x": "y"}}
    events.write_text(
        _lines(
            {"at": "2026-11-23T12:00:00Z", "integration": "tool", "trigger": trigger},
            {"at": "2026-11-23T12:04:00Z", "acknowledge": "db", "by": "Alice@example.com"},
            {"at": "2026-11-23T12:20:00Z", "integration": "tool", "resolve": "db"},
        )
    )
    span = ["--from", "2026-11-23T00:00Z", "--until", "2026-11-24T00:00Z"]
    assert run(["simulate", "-f", str(org), "--events", str(events), *span]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [(page["at"], page["user"], page["contact"], page["step"]) for page in answer["pages"]] == [
        ("2026-11-23T12:00:00Z", "alice@example.com", "email", 1),
        ("2026-11-23T12:03:00Z", "alice@example.com", "sms", 1),
    ]
    assert set(answer["pages"][0]) == {"at", "dedup_key", "user", "contact", "urgency", "step", "reason"}
    assert answer["incidents"] == [
        {
            "dedup_key": "db",
            "service": "checkout",
            "severity": "SEV2",
            "opened_at": "2026-11-23T12:00:00Z",
            "acknowledged_at": "2026-11-23T12:04:00Z",
            "resolved_at": "2026-11-23T12:20:00Z",
        }
    ]


def test_a_person_may_change_the_severity_on_the_way(org: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = org / "events.jsonl"
    trigger = {"dedup_key": "db", "summary": "Slow", "severity": "info"}
    events.write_text(
        _lines(
            {"at": "2026-11-23T12:00:00Z", "integration": "tool", "trigger": trigger},
            {"at": "2026-11-23T12:30:00Z", "severity": "SEV1", "of": "db"},
        )
    )
    span = ["--from", "2026-11-23T12:29Z", "--until", "2026-11-23T12:36Z"]
    assert run(["simulate", "-f", str(org), "--events", str(events), *span]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["incidents"][0]["severity"] == "SEV1"
    assert [(page["at"][11:16], page["user"][:5]) for page in answer["pages"]] == [
        ("12:30", "alice"),
        ("12:33", "alice"),
        ("12:35", "bob@e"),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "events.jsonl:1: not JSON"),
        ("[]", "events.jsonl:1: expected an object"),
        ("{}", "expected one of `trigger`, `resolve`, `acknowledge` and `severity`"),
        ('{"at": "soon", "acknowledge": "x", "by": "a@x.y"}', "at: expected a time such as"),
        ('{"at": "2026-11-23", "acknowledge": "x"}', "by: is missing"),
        ('{"at": "2026-11-23", "severity": "SEV9", "of": "x"}', "severity: expected one of SEV1"),
        ('{"at": "2026-11-23", "resolve": 5, "integration": "tool"}', "resolve: expected text"),
        ('{"at": "2026-11-23", "resolve": "x", "integrations": "tool"}', "did you mean 'integration'?"),
        (
            '{"at": "2026-11-23", "integration": "tool", "trigger": {"dedup_key": "x", "labels": []}}',
            "labels",
        ),
        (
            '{"at": "2026-11-23", "integration": "no", "trigger": {"dedup_key": "x"}}',
            "there is no integration",
        ),
    ],
)
def test_what_is_wrong_with_an_event_is_named(
    org: Path, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    events = org / "events.jsonl"
    events.write_text(line)
    span = ["--from", "2026-11-23T00:00Z", "--until", "2026-11-24T00:00Z"]
    assert run(["simulate", "-f", str(org), "--events", str(events), *span]) == 2
    assert said in capsys.readouterr().err


def test_an_event_is_explained_with_every_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    event = tmp_path / "event.json"
    alert = {
        "status": "firing",
        "labels": {"alertname": "Errors", "team": "payments", "severity": "page", "tier": "1"},
        "annotations": {"summary": "Many errors"},
        "startsAt": "2026-11-23T11:59:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": "0123456789abcdef",
    }
    body = {
        "version": "4",
        "status": "firing",
        "receiver": "tocsin",
        "groupKey": "{}:{}",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "",
        "truncatedAlerts": 0,
        "alerts": [alert],
    }
    event.write_text(json.dumps(body))
    arguments = ["explain", "-f", str(EXAMPLE), "--event", str(event), "--at", "2026-11-23T12:00Z"]
    assert run([*arguments, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["integration"], row["service"], row["severity"], row["urgency"]) == (
        "prometheus",
        "checkout",
        "SEV1",
        "high",
    )
    holds = ["silence", "maintenance", "inhibition", "flapping", "pause"]
    stages = ["route", "severity", "urgency", "group", *holds]
    assert [reason["stage"] for reason in row["reasons"]] == stages
    assert all(reason["reason"] for reason in row["reasons"])
    assert [route["matched"] for route in row["routes"]] == [True, True, True]
    first, second = row["pages"][:2]
    assert (first["minute"], first["user"], first["step"]) == (0, "alice@example.com", 1)
    assert second["minute"] <= 5
    assert "charlie@example.com" in {page["user"] for page in row["pages"] if page["minute"] == 0}
    assert run(arguments) == 0
    assert "if nobody answers:" in capsys.readouterr().out


def test_an_event_that_cannot_be_understood_is_bad_input(
    org: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    event = org / "event.json"
    event.write_text('{"action": "explode", "dedup_key": "x"}')
    assert run(["explain", "-f", str(org), "--event", str(event)]) == 2
    assert "action" in capsys.readouterr().err
    assert run(["explain", "-f", str(org), "--event", str(event), "--integration", "carrier-pigeon"]) == 2
    assert "there is" in capsys.readouterr().err.lower()
