"""Sentences of the rules of paging that no other file here asks about."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.escalation.world import (
    PEOPLE,
    T0,
    World,
    minutes,
    policy,
    schedule,
    snapshot,
    step,
    team,
    user,
    world,
)
from tocsin.domain.escalation import machine
from tocsin.domain.escalation.model import CallOutKind, CallOutStatus
from tocsin.domain.severity import Severity

INSTANT = timedelta(microseconds=1)
DEADLINES = {Severity.SEV1: 5, Severity.SEV2: 15, Severity.SEV3: 60, Severity.SEV4: 240}


@pytest.mark.parametrize(("severity", "deadline"), DEADLINES.items())
@pytest.mark.parametrize(("late", "breached"), [(-INSTANT, False), (timedelta(0), False), (INSTANT, True)])
@pytest.mark.parametrize("deed", ["acknowledge", "snooze"])
def test_every_deadline_is_inclusive(
    severity: Severity,
    deadline: int,
    late: timedelta,
    breached: bool,  # noqa: FBT001
    deed: str,
) -> None:
    it = world(severity, policy(step(user("alice"), wait=300)))
    it.now = T0 + minutes(deadline) + late
    if deed == "acknowledge":
        it.ack("alice")
    else:
        it.take(machine.snooze(it.snapshot, it.current, "alice", it.now + minutes(9), it.now))
    assert bool(it.notes("breach")) is breached
    assert it.current.breached is breached


@pytest.mark.parametrize(("severity", "deadline"), DEADLINES.items())
def test_a_missed_deadline_is_recorded_at_that_instant_though_nobody_does_anything(
    severity: Severity, deadline: int
) -> None:
    it = world(severity, policy(step(user("alice"), wait=300)), lead=(), management=())
    assert it.at(deadline).notes("breach") == []
    assert it.at(deadline + 0.1).notes("breach") != []


def test_an_acknowledgement_of_one_call_out_is_none_of_another() -> None:
    service, helped = world(), world(of=policy(step(user("dora"))), kind=CallOutKind.HELP)
    assert helped.ack("alice") == "not_called"
    assert service.ack("dora") == "not_called"
    assert helped.ack("dora") == "acknowledged"


def test_lowering_never_starts_the_ladder_again() -> None:
    it = world(Severity.SEV1).at(7)
    before = it.current.generation
    it.severity(Severity.SEV2)
    assert it.current.generation == before
    assert it.at(15).calls[-1][0] == 15


def test_a_raise_after_an_acknowledgement_calls_the_table_of_the_new_severity() -> None:
    it = world(Severity.SEV3).at(2)
    it.ack("alice")
    it.at(10).severity(Severity.SEV2)
    assert it.at(41).calls[1:] == [
        (10, "alice"), (15, "bob"), (25, "alice"), (25, "bob"), (25, "carol"), (40, "lena"),
    ]  # fmt: skip


def test_a_schedule_that_hands_over_twice_while_nobody_answers_calls_both() -> None:
    primary = schedule("primary")
    of = policy(step(primary, wait=60))
    it = World(snapshot(of=of, escalate=()), {primary: ("alice",)}, {primary: (T0 + minutes(5), ("anna",))})
    it.begin().at(6)
    it.hand_offs = {primary: (T0 + minutes(9), ("ann",))}
    it.people[primary] = ("anna",)
    it.state = replace(it.current, handoff_at=T0 + minutes(9), due_at=T0 + minutes(9))
    assert it.at(20).calls == [(0, "alice"), (5, "anna"), (9, "ann")]
    assert it.stops == [], "everybody's reminders run until one accepts"


def test_a_snooze_that_is_over_wakes_the_snoozer_once_though_they_are_step_one() -> None:
    it = world().at(2)
    it.take(machine.snooze(it.snapshot, it.current, "alice", T0 + minutes(30), it.now))
    assert it.at(34).calls == [(0, "alice"), (30, "alice")]
    # Then the policy: its first step calls them again and waits for nothing.
    assert it.at(35).calls[2:] == [(35, "alice"), (35, "bob")]


def test_after_an_outage_table_times_already_past_fire_at_once_and_once() -> None:
    it = world(Severity.SEV2, policy(step(user("alice"), wait=600))).at(1)
    it.outage_until(500)
    assert it.calls.count((500, "lena")) == 1
    assert it.at(529).calls.count((500, "lena")) == 1


def test_after_an_outage_one_missed_silence_is_made_good_and_not_all_of_them() -> None:
    it = world(Severity.SEV1, policy(step(user("alice"), wait=600)), management=()).at(1)
    it.outage_until(300)
    assert it.calls == [(0, "alice"), (300, "alice")]


def test_ends_for_good_after_what_was_exhausted_too() -> None:
    it = world(Severity.SEV4).at(60 * 24)
    it.take(machine.end(it.snapshot, it.current, "resolved", it.now))
    assert it.current.status is CallOutStatus.ENDED


@pytest.mark.parametrize("missing", ["lead", "management"])
def test_a_table_row_without_anybody_says_so(missing: str) -> None:
    severity = Severity.SEV2 if missing == "lead" else Severity.SEV1
    it = World(snapshot(severity, policy(step(user("alice"), wait=90))), {team("x"): ()}).begin().at(31)
    assert any("there is nobody to call" in text for text in it.notes("nobody"))


def test_nobody_is_called_between_the_acknowledgement_and_its_time_out() -> None:
    it = World(snapshot(Severity.SEV1), dict(PEOPLE)).begin().at(4)
    it.ack("alice")
    calls = len(it.calls)
    assert len(it.at(38.9).calls) == calls
    assert len(it.at(39).calls) > calls
