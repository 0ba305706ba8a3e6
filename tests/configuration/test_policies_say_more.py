"""Everything an escalation policy can say: read, written, checked and applied."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.configuration.conftest import NOW
from tocsin.apps.configuration import actions
from tocsin.apps.escalation import queries
from tocsin.domain.configuration import load
from tocsin.domain.configuration.ladder import policy_form
from tocsin.domain.configuration.lint import lint
from tocsin.domain.configuration.load import Loaded
from tocsin.domain.configuration.references import Checker
from tocsin.domain.permissions import Actor

WHOLE = """
users: [{email: a@example.com, role: owner}, {email: b@example.com, role: owner}]
teams: [{name: payments, members: [a@example.com, b@example.com]}]
escalation_policies:
  - name: payments
    repeat: 20
    steps:
      - notify: [{team: payments}]
        wait: 5m
        strategy: round_robin
      - notify: [owners, {chat: "#ops", via: slack}]
        wait: 10m
        ack: each
        on_empty: wait
        when: {severity: [SEV1, SEV2], urgency: high, during: outside_local_hours}
      - {notify: [{webhook: "https://example.com/x"}, {runbook: drain}], wait: 1m}
    final: [a@example.com]
    fallback: company
  - {name: company, steps: [{notify: [owners]}]}
"""
FORM = {
    "name": "payments",
    "repeat": 20,
    "steps": [
        {"notify": [{"team": "payments"}], "wait": "5m", "strategy": "round_robin"},
        {
            "notify": [{"owners": "all"}, {"chat": "#ops", "via": "slack"}],
            "wait": "10m",
            "ack": "each",
            "on_empty": "wait",
            "when": {"severity": ["SEV1", "SEV2"], "urgency": "high", "during": "outside_local_hours"},
        },
        {"notify": [{"webhook": "https://example.com/x"}, {"runbook": "drain"}], "wait": "1m"},
    ],
    "final": [{"user": "a@example.com"}],
    "fallback": "company",
}


def read(text: str) -> Loaded:
    loaded = load({"policies.yaml": text})
    Checker(loaded.organisation, loaded.report, dict(loaded.places)).check()
    return loaded


def policy(**fields: Any) -> str:
    said = ", ".join(f"{key}: {value}" for key, value in fields.items())
    return f"escalation_policies:\n  - {{name: p, {said}}}\n"


def test_all_of_it_is_read_and_written_alike() -> None:
    loaded = read(WHOLE)
    assert not loaded.report.errors
    assert policy_form(loaded.organisation.escalation_policies["payments"]) == FORM


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            policy(steps="[{notify: [{schedule: nope}]}]"),
            "escalation_policies[p].steps[0].notify: there is no schedule or rotation 'nope'",
        ),
        (
            policy(steps="[{notify: [a@b.example]}, {notify: [{team: nope}]}]"),
            "escalation_policies[p].steps[1].notify: there is no team 'nope'",
        ),
        (
            policy(steps="[{notify: [{chat: x, via: slak}]}]"),
            "escalation_policies[p].steps[0].notify: there is no chat 'slak' (did you mean 'slack'?)",
        ),
        (
            policy(steps="[{notify: [{webhook: 'ftp://x'}]}]"),
            "escalation_policies[p].steps[0].notify: expected an http or https address, not 'ftp://x'",
        ),
        (policy(steps="[]", final="[{team: nope}]"), "escalation_policies[p].final: there is no team 'nope'"),
        (
            policy(steps="[]", fallback="q"),
            "escalation_policies[p].fallback: there is no escalation policy 'q' (known here: p)",
        ),
        (policy(steps="[]", fallback="p"), "escalation_policies[p].fallback: goes round in a circle: p → p"),
        (
            policy(steps="[]", repeat="21"),
            "escalation_policies[0].repeat: expected a whole number from 0 to 20",
        ),
        (
            policy(steps="[{notify: [owners], when: {during: night}}]"),
            "escalation_policies[0].steps[0].when.during: expected one of",
        ),
    ],
)
def test_what_is_wrong_is_told_with_file_line_and_field(text: str, error: str) -> None:
    (problem,) = read(text).report.errors
    assert str(problem).startswith("policies.yaml:2")
    assert error in str(problem)


@pytest.mark.parametrize(
    ("fields", "warning"),
    [
        ({"steps": "[{notify: [owners], wait: 13h}]"}, ".steps[0]: waits 13h before anybody else is called"),
        (
            {"steps": "[{notify: [{chat: x, via: slack}]}]"},
            ".steps: calls no people: lead, manager and last resort are called instead",
        ),
        (
            {"steps": "[{notify: [owners], when: {urgency: high}}]"},
            ".steps: every step has a condition: where none holds, only the last line is left",
        ),
        (
            {"steps": "[{notify: [owners]}, {notify: [{runbook: x}], ack: each}]"},
            ".steps[1]: `strategy` and `ack` are about people, and it tells none",
        ),
    ],
)
def test_what_is_doubtful_is_a_warning(fields: dict[str, str], warning: str) -> None:
    loaded = read(policy(**fields))
    lint(loaded.organisation, loaded.report, loaded.places, datetime(2026, 11, 23, tzinfo=UTC))
    assert any(warning in str(one) for one in loaded.report.warnings), [
        str(w) for w in loaded.report.warnings
    ]


@pytest.mark.django_db
def test_policies_that_fall_back_on_each_other_are_applied_in_any_order(owner: Actor) -> None:
    actions.apply(actor=owner, files={"policies.yaml": WHOLE}, now=NOW)
    stored = queries.policy("payments")
    assert stored is not None
    assert policy_form(stored) == FORM
    # The other way round, in one go.
    turned = WHOLE.replace("    fallback: company\n", "").replace(
        "[owners]}]}", "[owners]}], fallback: payments}"
    )
    actions.apply(actor=owner, files={"policies.yaml": turned}, now=NOW)
    assert {info.policy.name: info.policy.fallback for info in queries.policy_infos()} == {
        "company": "payments",
        "payments": None,
    }
    assert actions.apply(actor=owner, files={"policies.yaml": turned}, now=NOW).changes == ()
