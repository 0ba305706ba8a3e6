"""A step that waits for everybody's own acknowledgement."""

import pytest

from tests.escalation.world import PEOPLE, World, policy, snapshot, step, team, user
from tocsin.domain.escalation.model import AckMode, CallOutStatus, Step
from tocsin.domain.severity import Severity, Urgency

EACH = step(team("payments"), wait=10, ack=AckMode.EACH)


def climb(*steps: Step, severity: Severity = Severity.SEV2, repeat: int = 0) -> World:
    of = policy(*(steps or (EACH, step(user("dora")))), repeat=repeat)
    return World(snapshot(severity, of, escalate=()), dict(PEOPLE)).begin()


def test_it_is_acknowledged_once_everybody_has() -> None:
    it = climb().at(1)
    assert it.ack("alice") == "counted"
    assert it.ack("bob") == "counted"
    assert it.current.status is CallOutStatus.RUNNING
    assert it.ack("carol") == "acknowledged"
    assert it.current.acknowledged_by == "carol"
    assert it.notes("counted") == ["1 of 3 have acknowledged", "2 of 3 have acknowledged"]


def test_who_has_acknowledged_hears_no_more_and_the_others_do() -> None:
    it = climb().at(1)
    it.ack("alice")
    assert [stop.email for stop in it.stops] == ["alice"]
    assert it.at(10).calls[-1] == (10, "dora")


def test_a_second_acknowledgement_of_one_person_counts_once() -> None:
    it = climb().at(1)
    assert [it.ack("alice"), it.ack("alice"), it.ack("alice")] == ["counted"] * 3
    assert it.notes("counted") == ["1 of 3 have acknowledged"]
    assert len(it.stops) == 1


def test_i_am_responding_ends_it_at_once() -> None:
    it = climb().at(1)
    it.ack("alice")
    assert it.ack("bob", responding=True) == "acknowledged"
    assert it.current.acknowledged_by == "bob"


def test_one_is_enough_before_such_a_step_has_fired() -> None:
    it = climb(step(user("dora")), EACH)
    assert it.ack("dora") == "acknowledged"


def test_after_it_has_fired_somebody_elses_is_noted_and_does_not_end_it() -> None:
    it = climb(step(user("dora")), EACH).at(6)
    assert it.ack("dora") == "counted"
    assert it.current.status is CallOutStatus.RUNNING
    assert [it.ack(name) for name in ("alice", "bob", "carol")] == ["counted", "counted", "acknowledged"]


def test_the_next_pass_calls_only_those_who_have_not() -> None:
    it = climb(EACH, repeat=1).at(1)
    it.ack("alice")
    assert it.at(11).calls[3:] == [(10, "bob"), (10, "carol")]
    assert "on call for payments; they have acknowledged; others are awaited" in it.notes("merged")[0]
    assert [it.ack("bob"), it.ack("carol")] == ["counted", "acknowledged"]


@pytest.mark.parametrize("how", ["fail", "decline"])
def test_who_cannot_be_waited_for_is_not_waited_for(how: str) -> None:
    it = climb().at(1)
    it.ack("alice")
    it.ack("bob")
    getattr(it, how)("carol")
    assert it.current.status is CallOutStatus.ACKNOWLEDGED
    assert it.current.acknowledged_by == "bob"
    assert it.at(29).calls == [(0, "alice"), (0, "bob"), (0, "carol")]


def test_when_everybody_left_has_acknowledged_a_later_step_ends_it() -> None:
    it = climb(EACH, repeat=1).at(1)
    it.ack("alice")
    it.people[team("payments")] = ("alice",)
    assert it.at(10).current.acknowledged_by == "alice"
    assert it.calls == [(0, "alice"), (0, "bob"), (0, "carol")]


def test_a_raise_voids_what_was_given() -> None:
    it = climb(severity=Severity.SEV2).at(1)
    it.ack("alice")
    it.severity(Severity.SEV1)
    assert (1, "alice") in it.calls
    assert [it.ack(name) for name in ("bob", "carol", "alice")] == ["counted", "counted", "acknowledged"]


def test_the_deadline_runs_until_the_last_of_them() -> None:
    it = climb().at(1)
    it.ack("alice")
    assert it.at(14).notes("breach") == []
    assert it.at(16).notes("breach") == ["Not acknowledged within 15m (SEV2)"]


def test_called_again_after_half_an_hour_are_those_who_have_not() -> None:
    it = climb(EACH).at(1)
    it.ack("alice")
    assert it.at(31).calls[3:] == [(30, "bob"), (30, "carol")]


def test_louder_means_those_who_have_not() -> None:
    it = climb().at(1)
    it.ack("alice")
    it.severity(Severity.SEV2, Urgency.LOW)
    it.severity(Severity.SEV2)
    assert it.calls[3:] == [(1, "bob"), (1, "carol")]


def test_a_last_step_that_has_acknowledged_does_not_keep_the_others_from_being_called_again() -> None:
    it = climb(EACH, step(user("dora"))).at(11)
    it.ack("dora")
    assert it.at(41).calls[4:] == [(40, "alice"), (40, "bob"), (40, "carol")]


def test_a_step_whose_people_have_acknowledged_is_not_waited_in() -> None:
    it = climb(step(user("dora"), wait=20), EACH, repeat=1).at(21)
    it.ack("dora")
    assert it.at(31).calls == [
        (0, "dora"),
        *((at, who) for at in (20, 30) for who in ("alice", "bob", "carol")),
    ]


def test_lowered_nobody_waits_for_those_who_are_no_longer_called() -> None:
    it = climb(step(user("dora")), EACH).at(6)
    assert it.ack("dora") == "counted"
    it.severity(Severity.SEV3)
    assert {stop.email for stop in it.stops} >= {"alice", "bob", "carol"}
    assert it.current.acknowledged_by == "dora"
