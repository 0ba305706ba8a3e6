from datetime import UTC, datetime, time, timedelta

import pytest

from tocsin.domain.configuration import load
from tocsin.domain.configuration.forms import dump
from tocsin.domain.configuration.lint import lint
from tocsin.domain.configuration.references import Checker
from tocsin.domain.configuration.secrets import inlined
from tocsin.domain.escalation.model import Target, TargetKind, TeamWho
from tocsin.domain.severity import SHIPPED_TABLE, Severity, Urgency

FULL = """\
users:
  - email: Alice@Example.com
    name: Alice
    timezone: America/New_York
    contact_methods: [{type: email, address: alice@example.com}, {type: sms, address: "+15550100"}]
    notification_rules:
      high: [{after: 0m, via: email}, {after: 3m, via: sms}]
      low: [{after: 0m, via: email}]
teams:
  - name: payments
    members: [alice@example.com, bob@example.com]
    lead: bob@example.com
    manager: charlie@example.com
    holidays: [2026-12-25, DE]
services:
  - name: checkout
    team: payments
    escalation_policy: payments
    severity: SEV3
    urgency: by_severity
    support_hours: {timezone: Europe/Berlin, days: [mon, tue, wed, thu, fri], start: 09:00, end: "17:00"}
    outside: low
    raise_at_opening: true
    ack_timeout: 30m
    reopen_window: 5m
    depends_on: [database]
    tier: 1
    description: Takes the money
    links: {repository: "https://example.com/…", runbook: "https://example.com/runbook"}
  - {name: database, team: payments}
last_resort: [bob@example.com, charlie@example.com]
integrations:
  - {name: prometheus, kind: alertmanager, service: checkout, key: 0123456789abcdef0123456789abcdef}
rotations:
  - name: primary-oncall
    participants: [alice@example.com, bob@example.com]
    handoff_time: 10:00
    timezone: UTC
  - {name: secondary-oncall, start_delay: 7}
schedules:
  - name: both
    layers: [{rotation: primary-oncall, priority: 2}, secondary-oncall]
    fallback: dee@example.com
    overrides:
      - {start: 2026-12-24 18:00, end: "2026-12-26T09:00", user: dee@example.com}
      - {start: 2026-12-27T09:00Z, end: 2026-12-28T09:00+01:00, kind: remove, replaces: bob@example.com}
escalation_policies:
  - name: payments
    repeat: 2
    steps:
      - {notify: [{schedule: primary-oncall}], wait: 5m}
      - {notify: {schedule: both, who: next, role: secondary}, wait: 10m}
      - {notify: [{team: payments}, {team: payments, who: lead}, dee@example.com], wait: 15m}
    final: [{user: charlie@example.com}]
routes:
  group_by: [alertname, cluster]
  routes:
    - {match: ['team="payments"', 'severity=~"critical|page"', 'tier="1"'], service: checkout, severity: SEV1}
    - {match: {job: db}, service: database, urgency: low, group_by: [], continue: true}
severities:
  - {name: SEV3, respond_within: 2h}
notification_rules: {high: [{via: email}], handoff: [{via: email}], moved: [{after: 90s, via: push}]}
"""


SCHEDULE = "schedules: [{name: s, layers: [], overrides: [{%s}]}]"
WITH_R = "schedules: [{name: s, layers: [r], overrides: [{%s}]}]"


def test_everything_has_its_value() -> None:
    loaded = load({"org.yaml": FULL})
    assert loaded.report.problems == []
    org = loaded.organisation
    alice = org.users["alice@example.com"]
    assert [(rule.urgency, rule.after, rule.via) for rule in alice.notification_rules] == [
        (Urgency.HIGH, timedelta(0), "email"),
        (Urgency.HIGH, timedelta(minutes=3), "sms"),
        (Urgency.LOW, timedelta(0), "email"),
    ]
    assert alice.contact_methods[1].address == "+15550100"
    team, checkout = org.teams["payments"], org.services["checkout"]
    assert (team.country, [day.isoformat() for day in team.holidays]) == ("DE", ["2026-12-25"])
    assert checkout.support_hours is not None
    assert checkout.support_hours.hours.start == time(9)  # bare 09:00 is a time, never a number
    assert (checkout.ack_timeout, checkout.severity, checkout.tier) == (
        timedelta(minutes=30),
        Severity.SEV3,
        1,
    )
    policy = org.escalation_policies["payments"]
    assert policy.steps[1].targets == (Target(TargetKind.SCHEDULE, "both", "next", "secondary"),)
    assert [target.who for target in policy.steps[2].targets] == [TeamWho.MEMBERS, TeamWho.LEAD, ""]
    assert org.severity_table[Severity.SEV3].respond_within == timedelta(hours=2)
    assert org.severity_table[Severity.SEV3].escalate == SHIPPED_TABLE[Severity.SEV3].escalate
    assert org.routes.routes[1].group_by == ()
    assert str(org.routes.routes[1].matchers[0]) == 'job="db"'
    assert org.rotations["primary-oncall"].handoff_time == time(10)
    assert org.rules_of("bob@example.com") == org.notification_rules


def test_what_is_read_is_written_and_read_again() -> None:
    org = load({"org.yaml": FULL}).organisation
    text = dump(org)
    again = load({"again.yaml": text})
    assert again.report.problems == []
    assert again.organisation == org
    assert dump(again.organisation) == text


def test_all_documents_of_all_files_are_one() -> None:
    loaded = load(
        {
            "b.yaml": "teams: [{name: b}]\n---\nteams: [{name: c}]\n---\n",
            "a.yml": "# nothing but a comment\n---\nteams: [{name: a}]",
            "empty.yaml": "",
        }
    )
    assert loaded.report.problems == []
    assert list(loaded.organisation.teams) == ["a", "b", "c"]
    assert loaded.place("teams", "c").line == 3


def test_who_is_only_named_is_invited_under_that_address() -> None:
    org = load({"a": "last_resort: [Zed@Example.com]"}).organisation
    user = org.users["zed@example.com"]
    assert not user.declared
    assert [(method.type, method.address) for method in user.methods] == [("email", "zed@example.com")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "teams:\n  - name: a\n    memberz: []",
            "f:3: error: teams[0].memberz: unknown key (did you mean 'members'?)",
        ),
        ("rutes: {}", "f:1: error: rutes: unknown key (did you mean 'routes'?)"),
        ("teams:\n- {name: a}\n- {name: a}", "f:3: error: teams[1]: 'a' is already defined at f:2"),
        ("teams: web", "f:1: error: teams: expected a list of teams"),
        ("teams:\n- web", "f:2: error: teams[0]: expected a mapping, found 'web'"),
        ("teams: [{}]", "f:1: error: teams[0]: 'name' is missing: expected the team's name"),
        (
            "users:\n- email: not an address",
            "f:2: error: users[0].email: expected an e-mail address such as ",
        ),
        (
            "users: [{email: a@b.c, timezone: Mars/X}]",
            "users[0].timezone: expected an IANA time zone such as",
        ),
        (
            "users: [{email: a@b.c, contact_methods: [{type: sms, address: 5}]}]",
            "expected a telephone number such as",
        ),
        (
            "users: [{email: a@b.c, contact_methods: [{type: telegram, address: alice}]}]",
            "contact_methods[0].address: expected a chat ID: the number that the bot answers to /start",
        ),
        (
            "users: [{email: a@b.c, contact_methods: [{type: push, address: Firefox}]}]",
            "a browser is added on the page “How I am reached”",
        ),
        (
            "services: [{name: a, ack_timeout: 10:00}]",
            "ack_timeout: expected a duration such as 30s, 5m, 2h or 1d",
        ),
        (
            "services: [{name: a, severity: SEV9}]",
            "severity: expected one of SEV1, SEV2, SEV3, SEV4, found 'SEV9'",
        ),
        ("services: [{name: a, tier: one}]", "tier: expected a whole number from 0 to 99, found 'one'"),
        ("services: [{name: a, raise_at_opening: maybe}]", "raise_at_opening: expected true or false"),
        (
            "services: [{name: a, links: {x: 'javascript:alert(1)'}}]",
            "links.x: expected a URL that begins with",
        ),
        (
            "integrations: [{name: a, kind: generic, key: 123}]",
            "expected a key of 32 hexadecimal digits, found 3",
        ),
        ("rotations: [{name: a}]", "f:1: error: rotations[a].participants: expected participants, or"),
        ("rotations: [{name: a, participants: []}]", "participants: expected at least one participant"),
        ("rotations: [{name: a, participants: [{who: a@b.c}]}]", "participants[0].who: unknown key"),
        ("rotations: [{name: a, type: yearly}]", "type: expected one of hourly, daily, weekly, monthly"),
        ("rotations: [{name: a, handoff_time: 25:00}]", "handoff_time: expected a time of day such as 09:00"),
        (
            "rotations: [{name: a, start: 2024-01-01T09:00Z}]",
            "start: expected no offset here: the time is in",
        ),
        (
            "rotations: [{name: a, start: '2024-01-01T09:00', handoff_time: '10:00'}]",
            "start: says 09:00 where handoff_time says 10:00",
        ),
        ("rotations: [{name: a, start_delay: soon}]", "start_delay: expected a number of days such as 7"),
        ("rotations: [{name: a, follows: b}]", "rotations[a].follows: there is no rotation 'b'"),
        (
            "rotations: [{name: a, follows: b}, {name: b, follows: a}]",
            "follows: rotations cannot follow each other in a circle",
        ),
        ("schedules: [{name: s, layers: [a]}]", "schedules[s].layers[0].rotation: there is no rotation 'a'"),
        (
            SCHEDULE % "start: 2024-01-02, end: 2024-01-01, user: a@b.c",
            "overrides[0]: `end` is not after `start`",
        ),
        (
            SCHEDULE % "start: 2024-01-01, end: 2024-01-02, kind: remove, user: a@b.c",
            "`remove` puts nobody on call",
        ),
        ("escalation_policies: [{name: p, steps: [{notify: [{team: x}]}]}]", "there is no team 'x'"),
        ("escalation_policies: [{name: p, steps: [{notify: [{}]}]}]", "notify[0]: expected a target such as"),
        (
            "routes: {routes: [{match: ['a b'], service: x}]}",
            "routes.routes[0].match[0]: expected a matcher such as",
        ),
        ("routes: {routes: [{service: x}]}", "routes.routes[0]: there is no service 'x'"),
        ("routes: {}\n---\nroutes: {}", "f:3: error: routes: already said at f:1"),
        ("severities: [{name: SEV1, respond_within: fast}]", "respond_within: expected a duration"),
        ("teams: [{name: a, holidays: XX}]", "no public holidays are known for 'XX'"),
        ("a: [1, 2", "f:2: error: not YAML: "),
        ("\ta: 1", "not YAML"),
        ("teams: [{name: a, name: b}]", "'name' is said twice here"),
        ("teams: [{name: *x}]", "*x stands for nothing"),
        (
            "teams: !!python/object:os.system {}",
            "the tag 'tag:yaml.org,2002:python/object:os.system' means nothing",
        ),
        ("[" * 200, "nested more than 80 deep"),
        ("- just\n- a list", "expected a mapping, found a list"),
        ("teams: [{name: 'a\x00b'}]", "not YAML"),
        (
            "a: &a [x, x]\n"
            + "\n".join(f"a{n}: &a{n} [*a{n - 1 if n else ''}, *a{n - 1 if n else ''}]" for n in range(30)),
            "too much",
        ),
    ],
)
def test_what_is_wrong_is_named_with_file_line_and_field(text: str, expected: str) -> None:
    loaded = load({"f": text})
    if not loaded.report.errors:
        Checker(loaded.organisation, loaded.report, dict(loaded.places)).check()
    assert expected in "\n".join(str(problem) for problem in loaded.report.errors)


def test_a_telephone_number_is_kept_as_replies_name_it() -> None:
    text = "users: [{email: a@b.c, contact_methods: [{type: sms, address: '+49 (151) 23-45.6'}]}]"
    organisation = load({"f": text}).organisation
    assert [method.address for method in organisation.users["a@b.c"].contact_methods] == ["+4915123456"]


def test_all_problems_are_named_at_once() -> None:
    loaded = load({"a": "users: 1\nteams: 2", "b": "services: 3", "c": "{"})
    assert len(loaded.report.errors) == 4


def test_keys_of_parts_yet_to_come_are_no_errors() -> None:
    text = "runbooks: [{x: 1}]\nmonitors: []\nstatus_pages: [{slug: main}]\nmetrics_targets: {mtta: 5m}\n"
    runbook = "name: restart\ntrigger: {alert: X}\nsteps:\n  - {name: a, action: shell}\n"
    loaded = load({"later.yaml": text, "runbook.yaml": runbook})
    assert loaded.report.errors == ()
    assert {problem.message for problem in loaded.report.warnings} == {
        "read, but not yet applied",
        "a runbook: read, but not yet applied",
    }


def test_secrets_are_read_from_elsewhere() -> None:
    text = """\
integrations:
  - name: a
    kind: generic
    key: {env: KEY}
  - name: b
    kind: generic
    key:
      file: b.key  # here
teams: [{name: x}]
"""
    values = {("env", "KEY"): "ab" * 16, ("file", "b.key"): "cd" * 16}

    def secrets(where: str, name: str) -> str | None:
        return values.get((where, name))

    org = load({"a": text}, secrets).organisation
    assert [entry.key for entry in org.integrations.values()] == ["ab" * 16, "cd" * 16]
    sent = inlined(text, secrets)
    assert "env" not in sent
    received = load({"a": sent})
    assert received.organisation == org
    assert received.place("teams", "x").line == 9  # no line has moved
    missing = load({"a": text}, lambda _where, _name: None)
    assert [problem.error for problem in missing.report.problems] == [False, False]
    needed = load({"a": text}, lambda _where, _name: None, needed=True).report.errors
    assert [(error.place.line, error.path) for error in needed] == [
        (4, "integrations[0].key"),
        (8, "integrations[1].key"),
    ]
    assert inlined(text, lambda _where, _name: None) == text
    assert "read where the command runs" in str(load({"a": text}).report.errors[0])


def _lints(text: str) -> list[str]:
    loaded = load({"f": text})
    Checker(loaded.organisation, loaded.report, dict(loaded.places)).check()
    assert loaded.report.errors == ()
    lint(loaded.organisation, loaded.report, loaded.places, datetime(2026, 11, 23, tzinfo=UTC))
    return [str(problem) for problem in loaded.report.warnings]


GOOD = """\
users: [{email: a@x.y, role: owner}, {email: b@x.y, role: owner}]
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            (
                "rotations: [{name: r, type: daily, participants: [a@x.y, b@x.y], "
                "restrictions: [{days: [sat, sun]}], "
                "every: 7}]"
            ),
            "nobody is on call for",
        ),
        (
            (
                "rotations: [{name: r, type: weekly, handoff_day: sat, participants: [a@x.y, b@x.y], "
                "until: 2026-11-28T00:00, every: 60}]"
            ),
            "is never on call within a year",
        ),
        ("rotations: [{name: r, participants: [a@x.y], until: 2025-01-01T00:00}]", "the rotation is over"),
        (
            (
                "rotations: [{name: r, participants: [a@x.y, b@x.y], restrictions: [{days: [mon], "
                "start: '00:00', end: '12:00'}]}]"
            ),
            "(7 % covered)",
        ),
        (
            (
                "rotations: [{name: r, participants: [a@x.y]}, {name: q, participants: [b@x.y]}]\n"
                "schedules: [{name: s, layers: [{rotation: r, priority: 2}, {rotation: q, priority: 1}]}]"
            ),
            "b@x.y is a member but is never on call within a year: others always stand before them",
        ),
        (
            (
                "rotations: [{name: r, participants: [a@x.y]}, "
                "{name: q, participants: [a@x.y], role: secondary}]\n"
                "schedules: [{name: s, layers: [r, q]}]"
            ),
            "schedules[s]: a@x.y is on call twice at once, as primary and as secondary",
        ),
        (
            (
                "rotations: [{name: r, participants: [a@x.y]}, {name: q, participants: [a@x.y]}]\n"
                "schedules: [{name: s, layers: [r]}, {name: t, layers: [q]}]"
            ),
            "schedules[t]: a@x.y is on call twice at once, as primary and in s as primary",
        ),
        (
            "rotations: [{name: r, participants: [a@x.y, a@x.y, a@x.y, a@x.y, b@x.y]}]",
            "unevenly shared, balance 38 of 100; hours in a year: a@x.y 7104, b@x.y 1680",
        ),
        ("rotations: [{name: r, participants: [q@x.y]}]", "q@x.y is not among the users: will be invited"),
        ("schedules: [{name: s, layers: []}]", "no layers: nobody is ever on call"),
        ("services: [{name: s}]", "neither a team nor an escalation policy"),
        ("services: [{name: s, team: t}]\nteams: [{name: t}]", "team 't' has no members"),
        (
            "services: [{name: s, team: t, outside: low}]\nteams: [{name: t, members: [a@x.y]}]",
            "has no effect",
        ),
        ("escalation_policies: [{name: p, steps: []}]", "no steps: nobody is called by it"),
        ("escalation_policies: [{name: p, steps: [{notify: []}]}]", "calls nobody: it is skipped"),
        (
            (
                "routes: {routes: [{service: s}, {match: ['a=b'], service: s}]}\n"
                "services: [{name: s, team: t}]\nteams: [{name: t, members: [a@x.y]}]"
            ),
            "matches everything: the routes after it are never tried",
        ),
        (
            (
                "notification_rules: {high: [{after: 10m, via: email}]}\nescalation_policies:\n"
                "  - {name: p, steps: [{notify: [{user: a@x.y}], wait: 5m}, {notify: [{user: b@x.y}]}]}"
            ),
            "waits 5m, but of the notification rules of a@x.y “email after 10m” comes too late",
        ),
        (
            (
                "rotations: [{name: r, timezone: Europe/Berlin, participants: [a@x.y]}]\n"
                + (WITH_R % "start: 2026-10-25T02:30, end: 2026-10-25T12:00, user: b@x.y")
            ),
            "is ambiguous, the clocks go back then",
        ),
        (
            (
                "rotations: [{name: r, timezone: Europe/Berlin, participants: [a@x.y]}]\n"
                + (WITH_R % "start: 2026-12-01, end: 2026-12-02, user: a@x.y")
            ),
            "changes nothing: nobody goes on or off call by it",
        ),
    ],
)
def test_what_is_doubtful_is_a_warning(text: str, expected: str) -> None:
    assert expected in "\n".join(_lints(GOOD + text))


def test_rules_without_a_contact_method_and_a_thin_last_resort_are_warned_of() -> None:
    found = "\n".join(_lints("users: [{email: a@x.y, notification_rules: {high: [{via: sms}]}}]"))
    assert "no contact method of type 'sms'" in found
    assert "no rule for low urgency" in found
    assert "last_resort: names 0 of the two people it needs" in found


def test_a_tidy_organisation_has_no_warnings(example: dict[str, str]) -> None:
    loaded = load(example)
    Checker(loaded.organisation, loaded.report, dict(loaded.places)).check()
    lint(loaded.organisation, loaded.report, loaded.places, datetime(2026, 11, 23, tzinfo=UTC))
    assert loaded.report.problems == []
