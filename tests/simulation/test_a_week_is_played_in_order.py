"""The rehearsal over files: who is paged when, by the real deciding code on a virtual clock."""

from datetime import UTC, datetime, timedelta

from tocsin.domain.configuration import load
from tocsin.domain.configuration.model import Organisation
from tocsin.domain.severity import Severity
from tocsin.domain.signal import EventAction, Signal
from tocsin.domain.simulation import Acknowledge, Happening, Resolve, SetSeverity, Trigger, explain, simulate
from tocsin.domain.simulation.model import Result

ORGANISATION = """
users:
  - email: alice@example.com
    contact_methods: [{type: email, address: alice@example.com}, {type: sms, address: "+15550100"}]
    notification_rules:
      high: [{after: 0m, via: email}, {after: 3m, via: sms}]
      low: [{after: 0m, via: email}]
  - {email: bob@example.com}
  - {email: charlie@example.com}
teams:
  - name: payments
    members: [alice@example.com, bob@example.com]
    lead: bob@example.com
    manager: charlie@example.com
escalation_policies:
  - name: payments
    repeat: 1
    steps:
      - {notify: [{user: alice@example.com}], wait: 5m}
      - {notify: [{team: payments}], wait: 10m}
services:
  - {name: checkout, team: payments, escalation_policy: payments}
integrations:
  - {name: tool, kind: generic, service: checkout}
routes:
  routes:
    - {match: ['page="everybody"'], severity: SEV1}
"""
START = datetime(2026, 1, 5, 12, tzinfo=UTC)  # a Monday


def organisation() -> Organisation:
    loaded = load({"org.yaml": ORGANISATION})
    assert not loaded.report.errors, loaded.report
    return loaded.organisation


def fired(minute: float, key: str = "a", severity: str = "critical", **labels: str) -> Trigger:
    signal = Signal(EventAction.TRIGGER, key, summary=key, severity=severity, labels=labels)
    return Trigger(START + timedelta(minutes=minute), "tool", signal)


def play(*events: Happening, hours: float = 12) -> Result:
    return simulate(organisation(), events, START, START + timedelta(hours=hours))


def called(result: Result) -> list[tuple[float, str, str]]:
    return [
        ((page.at - START).total_seconds() / 60, page.user.split("@")[0], page.contact)
        for page in result.pages
    ]


def test_it_climbs_the_ladder_and_repeats_it_while_nobody_answers() -> None:
    pages = called(play(fired(0), hours=0.9))
    assert pages == [
        (0, "alice", "email"),
        (3, "alice", "sms"),
        (5, "alice", "email"),
        (5, "bob", "email"),
        (8, "alice", "sms"),
        (15, "alice", "email"),
        (18, "alice", "sms"),
        (20, "alice", "email"),
        (20, "bob", "email"),
        (23, "alice", "sms"),
        (30, "bob", "email"),  # the table calls the lead of a SEV2
    ]


def test_an_acknowledgement_stops_the_later_methods_too() -> None:
    result = play(fired(0), Acknowledge(START + timedelta(minutes=2), "a", "alice@example.com"), hours=0.5)
    assert called(result) == [(0, "alice", "email")]
    assert result.incidents[0].acknowledged_at == START + timedelta(minutes=2)


def test_an_acknowledgement_by_somebody_who_was_not_called_is_none() -> None:
    result = play(fired(0), Acknowledge(START + timedelta(minutes=2), "a", "charlie@example.com"), hours=0.1)
    assert result.incidents[0].acknowledged_at is None
    assert (3, "alice", "sms") in called(result)


def test_a_raise_to_sev1_starts_again_and_calls_management_at_once() -> None:
    events = (
        fired(0),
        Acknowledge(START + timedelta(minutes=1), "a", "alice@example.com"),
        SetSeverity(START + timedelta(minutes=10), "a", Severity.SEV1),
    )
    result = play(*events, hours=0.2)
    assert called(result)[:1] == [(0, "alice", "email")]
    assert sorted(called(result)[1:]) == [(10, "alice", "email"), (10, "charlie", "email")]


def test_the_first_acknowledgement_is_kept_when_it_times_out_or_is_voided() -> None:
    first = START + timedelta(minutes=2)
    ack = Acknowledge(first, "a", "alice@example.com")
    timed_out = play(fired(0), ack, hours=1)
    assert (37, "alice", "email") in called(timed_out)
    again = Acknowledge(START + timedelta(minutes=38), "a", "alice@example.com")
    raised = SetSeverity(START + timedelta(minutes=10), "a", Severity.SEV1)
    reopened = (Resolve(START + timedelta(minutes=3), "tool", "a"), fired(5))
    for more in ((), (again,), (raised,), reopened):
        result = play(fired(0), ack, *more, hours=1)
        assert [one.acknowledged_at for one in result.incidents] == [first]


def test_a_resolve_ends_it_and_the_same_within_the_window_reopens_it() -> None:
    key = "a"
    events = (fired(0), Resolve(START + timedelta(minutes=1), "tool", key), fired(4), fired(60, "b"))
    result = play(*events, hours=1.01)
    assert called(result)[:2] == [(0, "alice", "email"), (4, "alice", "email")]
    assert [incident.dedup_key for incident in result.incidents] == ["a", "b"]


def test_explaining_one_event_names_route_severity_and_everybody_who_would_be_called() -> None:
    org = organisation()
    signal = fired(0, page="everybody").signal
    (found,) = explain(org, org.integrations["tool"], signal, START)
    assert found.severity is Severity.SEV1
    assert [visit.matched for visit in found.visited] == [True, True]
    first = {(page.user, page.contact) for page in found.pages if page.at == START}
    assert first == {("alice@example.com", "email"), ("charlie@example.com", "email")}
    assert all(page.reason for page in found.pages)


def test_a_repeat_leaves_alone_what_a_person_lowered() -> None:
    lowered = SetSeverity(START + timedelta(minutes=1), "a", Severity.SEV3)
    result = play(fired(0), lowered, fired(2, value="2"), fired(4, value="3"), hours=0.2)
    assert result.incidents[0].severity is Severity.SEV3
    worse = play(fired(0), lowered, fired(2, severity="SEV1"), hours=0.2)
    assert worse.incidents[0].severity is Severity.SEV1


def test_what_waited_softly_is_called_again_when_support_hours_open() -> None:
    hours = "{timezone: UTC, days: [mon, tue], start: '14:00', end: '17:00'}"
    more = f", support_hours: {hours}, outside: low, raise_at_opening: true}}"
    loaded = load({"org.yaml": ORGANISATION.replace("policy: payments}", f"policy: payments{more}")})
    assert not loaded.report.errors, loaded.report
    events = (fired(0, severity="info"), SetSeverity(START + timedelta(minutes=1), "a", Severity.SEV3))
    result = simulate(loaded.organisation, events, START, START + timedelta(hours=2.1))
    assert called(result) == [
        (0, "alice", "email"),
        (1, "alice", "email"),
        (120, "alice", "email"),
        (123, "alice", "sms"),
    ]


def test_a_severity_of_none_opens_nothing() -> None:
    org = organisation()
    (found,) = explain(org, org.integrations["tool"], fired(0, severity="none").signal, START)
    assert found.severity is None
    assert not found.pages
    assert not play(fired(0, severity="none")).incidents


def test_whose_acknowledgement_was_noted_has_it_once_nobody_else_is_awaited() -> None:
    each = ORGANISATION.replace("{team: payments}], wait: 10m", "{team: payments}], wait: 10m, ack: each")
    events = (
        fired(0),
        Acknowledge(START + timedelta(minutes=6), "a", "alice@example.com"),
        SetSeverity(START + timedelta(minutes=7), "a", Severity.SEV3),
    )
    until = START + timedelta(minutes=30)
    loaded = load({"org.yaml": each}).organisation
    (one,) = simulate(loaded, events[:2], START, until).incidents
    assert one.acknowledged_at is None
    (one,) = simulate(loaded, events, START, until).incidents
    assert one.acknowledged_at == START + timedelta(minutes=7)
