from datetime import UTC, datetime, timedelta

import pytest

from tocsin.domain.grouping import group_of
from tocsin.domain.joining import Candidate, Ending, Join, all_over, decide
from tocsin.domain.lifecycle import Status
from tocsin.domain.severity import SHIPPED_TABLE, Severity, Urgency, choose
from tocsin.domain.signal import EventAction, Signal
from tocsin.domain.time.business import BusinessHours
from tocsin.domain.urgency import UrgencyRule
from tocsin.domain.urgency import choose as choose_urgency

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WINDOW = timedelta(minutes=5)


def candidate(**changes: object) -> Candidate:
    plain: dict[str, object] = {
        "ref": "INC-1",
        "status": Status.INVESTIGATING,
        "severity": Severity.SEV3,
        "declared_at": NOW - timedelta(hours=1),
        "acknowledged": False,
        "snoozed_until": None,
        "resolved_at": None,
        "resolved_by_alert": False,
    }
    return Candidate(**{**plain, **changes})  # type: ignore[arg-type]  # by name


def resolved(ago: timedelta, *, by_alert: bool = True) -> Candidate:
    return candidate(status=Status.RESOLVED, resolved_at=NOW - ago, resolved_by_alert=by_alert)


@pytest.mark.parametrize(
    ("severity", "given", "join", "raised", "tell"),
    [
        (Severity.SEV3, None, Join.OPEN, None, False),
        (None, None, Join.NOTHING, None, False),
        (None, candidate(), Join.NOTHING, None, False),
        (Severity.SEV3, candidate(), Join.JOIN, None, False),
        (Severity.SEV4, candidate(), Join.JOIN, None, False),
        (Severity.SEV2, candidate(), Join.JOIN, Severity.SEV2, False),
        (Severity.SEV3, candidate(acknowledged=True), Join.JOIN, None, True),
        (Severity.SEV1, candidate(acknowledged=True), Join.JOIN, Severity.SEV1, False),
        (Severity.SEV3, candidate(status=Status.MONITORING), Join.JOIN, None, False),
        (Severity.SEV3, candidate(declared_at=NOW - timedelta(hours=24)), Join.JOIN, None, False),
        (
            Severity.SEV3,
            candidate(declared_at=NOW - timedelta(hours=24, seconds=1)),
            Join.OPEN_LINKED,
            None,
            False,
        ),
        (Severity.SEV3, candidate(snoozed_until=NOW + WINDOW), Join.OPEN_LINKED, None, False),
        (Severity.SEV1, candidate(snoozed_until=NOW + WINDOW), Join.OPEN_LINKED, None, False),
        (Severity.SEV3, candidate(snoozed_until=NOW), Join.JOIN, None, False),
        (Severity.SEV3, candidate(same_team=False), Join.OPEN_LINKED, None, False),
        (Severity.SEV3, resolved(WINDOW), Join.REOPEN, None, False),
        (Severity.SEV1, resolved(WINDOW), Join.REOPEN, Severity.SEV1, False),
        (Severity.SEV3, resolved(WINDOW + timedelta(seconds=1)), Join.OPEN_LINKED, None, False),
        (Severity.SEV3, resolved(timedelta(0), by_alert=False), Join.OPEN_LINKED, None, False),
        (Severity.SEV3, candidate(status=Status.CLOSED), Join.OPEN_LINKED, None, False),
        (Severity.SEV3, candidate(status=Status.CANCELED), Join.OPEN_LINKED, None, False),
    ],
)
def test_what_becomes_of_a_new_alert(
    *, severity: Severity | None, given: Candidate | None, join: Join, raised: Severity | None, tell: bool
) -> None:
    decision = decide(severity, given, reopen_window=WINDOW, now=NOW)
    assert (decision.join, decision.raise_to, decision.tell_acker) == (join, raised, tell)
    assert decision.reason


@pytest.mark.parametrize(
    ("changes", "ending"),
    [
        ({}, Ending.RESOLVE),
        ({"touched": True}, Ending.RESOLVE),
        ({"by_hand": True}, Ending.MONITOR),
        ({"commander": True}, Ending.MONITOR),
        ({"moved": True}, Ending.MONITOR),
        ({"severity": Severity.SEV1}, Ending.RESOLVE),
        ({"severity": Severity.SEV1, "touched": True}, Ending.MONITOR),
        ({"status": Status.RESOLVED}, Ending.STAY),
        ({"status": Status.MERGED}, Ending.STAY),
    ],
)
def test_what_the_end_of_all_alerts_does(changes: dict[str, object], ending: Ending) -> None:
    plain = {
        "status": Status.INVESTIGATING,
        "severity": Severity.SEV2,
        "by_hand": False,
        "commander": False,
        "moved": False,
        "touched": False,
    }
    assert all_over(**{**plain, **changes}).ending is ending  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("SEV1", Severity.SEV1),
        ("sev4", Severity.SEV4),
        ("critical", Severity.SEV2),
        ("Error", Severity.SEV2),
        ("warning", Severity.SEV3),
        ("info", Severity.SEV4),
        ("none", None),
        ("banana", Severity.SEV2),
        ("", Severity.SEV2),
        (None, Severity.SEV2),
    ],
)
def test_the_payloads_word_gives_a_severity(word: str | None, severity: Severity | None) -> None:
    assert choose(payload=word).severity is severity


def test_severity_comes_from_the_first_who_speaks() -> None:
    everything = {
        "person": Severity.SEV4,
        "route": Severity.SEV3,
        "mapped": Severity.SEV1,
        "payload": "critical",
    }
    for name in ("person", "route", "mapped"):
        assert choose(**everything).severity is everything[name]  # type: ignore[arg-type]  # by name
        del everything[name]
    assert choose(payload="banana", service=Severity.SEV4).severity is Severity.SEV4


def signal(**changes: object) -> Signal:
    return Signal(EventAction.TRIGGER, "k1", **changes)  # type: ignore[arg-type]  # by name


def key(given: Signal, group_by: tuple[str, ...] = (), integration: str = "am", **labels: str) -> str:
    return group_of(given, integration=integration, group_by=group_by, labels=labels).key


def test_groups_are_by_label_by_the_tool_or_by_key() -> None:
    assert key(signal()) != key(signal(), integration="other")
    assert key(signal(group_key="g")) != key(signal())
    assert key(signal(group_key="g")) != key(signal(group_key="h"))
    by_label = key(signal(group_key="g"), ("alertname", "cluster"), alertname="Down")
    assert by_label == key(signal(), ("alertname", "cluster"), "other", alertname="Down", instance="w2")
    assert by_label != key(signal(), ("alertname", "cluster"), alertname="Down", cluster="eu1")
    assert key(signal(labels={"a": "1"}), ("...",), a="1") != key(signal(labels={"a": "2"}), ("...",), a="2")
    assert len(key(signal(group_key="x" * 4000))) <= 1000
    assert key(signal(group_key="x" * 4000 + "a")) != key(signal(group_key="x" * 4000 + "b"))


def test_urgency_is_softer_outside_support_hours() -> None:
    office = BusinessHours()
    night = NOW.replace(hour=2)
    rule = UrgencyRule(support_hours=office, outside=Urgency.LOW, raise_at_opening=True)

    def chosen(rule: UrgencyRule, severity: Severity, now: datetime, route: Urgency | None = None) -> Urgency:
        return choose_urgency(route=route, rule=rule, severity=severity, table=SHIPPED_TABLE, now=now).urgency

    assert chosen(UrgencyRule(), Severity.SEV2, night) is Urgency.HIGH
    assert chosen(UrgencyRule(), Severity.SEV3, NOW) is Urgency.LOW
    assert chosen(UrgencyRule(fixed=Urgency.HIGH), Severity.SEV4, NOW) is Urgency.HIGH
    assert chosen(rule, Severity.SEV2, NOW) is Urgency.HIGH
    assert chosen(rule, Severity.SEV2, night) is Urgency.LOW
    assert chosen(rule, Severity.SEV2, night, Urgency.HIGH) is Urgency.HIGH
    found = choose_urgency(route=None, rule=rule, severity=Severity.SEV2, table=SHIPPED_TABLE, now=night)
    assert found.raise_at == NOW.replace(hour=9)
