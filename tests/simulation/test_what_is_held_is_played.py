"""Silences, maintenance, inhibitions, pauses and flapping in `explain`, `simulate` and `replay`."""

from datetime import UTC, datetime, timedelta

import pytest

from tocsin.domain.configuration import load
from tocsin.domain.configuration.model import Organisation
from tocsin.domain.signal import EventAction, Signal
from tocsin.domain.simulation import Explanation, Happening, Resolve, Trigger, explain, simulate
from tocsin.domain.simulation.model import Result
from tocsin.domain.simulation.replaying import replay

BASE = """
users:
  - {email: alice@example.com, contact_methods: [{type: email, address: alice@example.com}]}
teams: [{name: payments, members: [alice@example.com]}]
escalation_policies:
  - {name: payments, steps: [{notify: [{user: alice@example.com}], wait: 5m}]}
services: [{name: checkout, team: payments, escalation_policy: payments}]
integrations: [{name: tool, kind: generic, service: checkout}]
"""
SILENCE = """
silences:
  - {name: disks, match: ['what="disk"'], start: "2026-01-05T11:00", for: 2h, comment: new disks}
"""
MAINTENANCE = """
maintenance:
  - {name: nightly, services: [checkout], start: "2026-01-04T12:00", for: 30m, rrule: FREQ=DAILY}
"""
INHIBITION = """
inhibitions:
  - {name: host, source: ['what="host"'], target: ['what="app"'], equal: [host]}
"""
ROUTES = "routes: {pause: 2m, flapping: {changes: 4, within: 10m}}\n"
START = datetime(2026, 1, 5, 12, tzinfo=UTC)


def organisation(*parts: str) -> Organisation:
    loaded = load({"org.yaml": "".join((BASE, *parts))})
    assert not loaded.report.errors, loaded.report
    return loaded.organisation


def fired(minute: float, key: str = "a", severity: str = "warning", **labels: str) -> Trigger:
    signal = Signal(EventAction.TRIGGER, key, summary=key, severity=severity, labels=labels)
    return Trigger(START + timedelta(minutes=minute), "tool", signal)


def over(minute: float, key: str = "a") -> Resolve:
    return Resolve(START + timedelta(minutes=minute), "tool", key)


def play(org: Organisation, *events: Happening) -> Result:
    return simulate(org, events, START, START + timedelta(hours=6))


def told(org: Organisation, event: Trigger) -> tuple[Explanation, dict[str, str]]:
    (found,) = explain(org, org.integrations["tool"], event.signal, event.at)
    return found, {one.stage: f"{one.outcome}: {one.reason}" for one in found.suppression}


def minutes(result: Result) -> list[float]:
    return [(one.opened_at - START).total_seconds() / 60 for one in result.incidents]


def test_explain_says_what_holds_it_until_when_and_who_is_called_then() -> None:
    found, said = told(organisation(SILENCE), fired(0, what="disk"))
    assert said["silence"].startswith("held by the silence “disks”: it ends at 2026-01-05 13:00 UTC")
    assert said["maintenance"] == "not held: there is none"
    assert (found.held, found.held_until) == (True, START + timedelta(hours=1))
    assert found.pages[0].at == START + timedelta(hours=1)


def test_explain_says_of_each_kind_why_it_does_not_hold() -> None:
    found, said = told(
        organisation(SILENCE, MAINTENANCE, INHIBITION, ROUTES),
        fired(60, "b", "critical", what="app"),
    )
    assert set(said) == {"silence", "maintenance", "inhibition", "flapping", "pause"}
    assert all(text.startswith("not held: ") for text in said.values())
    assert "“host” would hold it while one of its sources fires with the same host" in said["inhibition"]
    assert "SEV2 is never held" in said["pause"]
    assert found.pages[0].at == START + timedelta(minutes=60)


def test_a_maintenance_that_recurs_holds_each_day() -> None:
    found, said = told(organisation(MAINTENANCE), fired(10))
    assert "maintenance “nightly”" in said["maintenance"]
    assert found.held_until == START + timedelta(minutes=30)


@pytest.mark.parametrize(("ends", "opened"), [(30, []), (90, [60])])
def test_what_still_fires_when_the_silence_ends_is_told_then(ends: float, opened: list[float]) -> None:
    result = play(organisation(SILENCE), fired(0, what="disk"), over(ends))
    assert minutes(result) == opened
    assert [(one.dedup_key, one.released) for one in result.held] == [("a", bool(opened))]


def test_a_target_is_held_until_its_source_is_over() -> None:
    events = (fired(0, "h", what="host", host="1"), fired(1, "x", what="app", host="1"), over(20, "h"))
    result = play(organisation(INHIBITION), *events, fired(2, "y", what="app", host="2"))
    assert sorted(minutes(result)) == [0, 2, 20]
    (held,) = result.held
    assert held.by == "the inhibition “host”, because “h” fires"


def test_a_pause_lets_the_brief_open_nothing_and_a_sev2_through() -> None:
    org = organisation(ROUTES)
    assert minutes(play(org, fired(0), over(1))) == []
    assert minutes(play(org, fired(0))) == [2]
    assert minutes(play(org, fired(0), fired(1, severity="critical"))) == [1]


def test_what_comes_and_goes_is_held_until_it_is_steady() -> None:
    events = [event for n in range(4) for event in (fired(n), over(n + 0.5))]
    org = organisation("routes: {flapping: {changes: 4, within: 10m}}\n")
    result = play(org, *events, fired(4))
    assert any(one.by.startswith("flapping") and one.released for one in result.held)
    assert result.incidents[-1].opened_at <= START + timedelta(minutes=9)


def test_replay_shows_what_would_be_held() -> None:
    found = replay(
        organisation(), organisation(SILENCE), [fired(0, what="disk"), over(5)], START, START.replace(hour=18)
    )
    assert [one.dedup_key for one in found.only_after_held] == ["a"]
    assert [one.dedup_key for one in found.only_before] == ["a"]
    assert not found.same
