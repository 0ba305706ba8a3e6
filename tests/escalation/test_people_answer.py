from datetime import timedelta

from tests.escalation.world import LADDER, T0, minutes, policy, schedule, step, user, world
from tocsin.domain.escalation import machine
from tocsin.domain.escalation.model import CallOutStatus, Policy, TargetKind
from tocsin.domain.severity import Ladder, Severity, Urgency


def test_someone_it_called_ends_the_call_out() -> None:
    it = world().at(3)
    assert it.ack("alice") == "acknowledged"
    assert it.current.acknowledged_at == T0 + minutes(3)
    assert [stop.reason for stop in it.stops] == ["acknowledged by alice"]
    assert it.at(29).calls == [(0, "alice")]


def test_someone_it_did_not_call_cannot_end_it() -> None:
    it = world()
    assert it.ack("carol") == "not_called"
    assert it.at(5).calls[-1] == (5, "bob")


def test_anybody_who_is_responding_takes_it() -> None:
    it = world()
    assert it.ack("carol", responding=True) == "acknowledged"
    assert it.current.acknowledged_by == "carol"


def test_management_has_seen_it_and_the_ladder_goes_on() -> None:
    it = world(Severity.SEV1).at(1)
    assert it.ack("mona") == "seen"
    assert [stop.email for stop in it.stops] == ["mona"]
    assert it.at(5).calls[-1] == (5, "bob")


def test_the_second_acknowledgement_changes_nothing() -> None:
    it = world().at(6)
    it.ack("alice")
    assert it.ack("bob") == "already"
    assert it.ack("alice") == "already"
    assert it.current.acknowledged_by == "alice"
    assert len(it.notes("acknowledged")) == 1


def test_an_exhausted_ladder_can_still_be_acknowledged() -> None:
    it = world(Severity.SEV4).at(60 * 24)
    assert it.current.status is CallOutStatus.EXHAUSTED
    assert it.ack("alice") == "acknowledged"


def test_after_thirty_idle_minutes_the_acker_is_asked_and_five_later_called_again() -> None:
    it = world().at(4)
    it.ack("alice")
    it.people[schedule("primary")] = ("anna",)
    it.at(38.9)
    assert it.nudges == [(34, "alice")]
    assert it.calls == [(0, "alice")]
    it.at(39)
    assert it.calls == [(0, "alice"), (39, "anna"), (39, "alice")]
    assert it.current.acknowledged_by is None
    # From here the ladder goes on as ever.
    assert it.at(44).calls[-1] == (44, "bob")


def test_the_acker_who_is_still_on_call_is_called_once_and_the_step_waits() -> None:
    it = world().at(4)
    it.ack("alice")
    assert it.at(43).calls == [(0, "alice"), (39, "alice")]
    assert it.at(44).calls[-1] == (44, "bob")


def test_any_human_action_restarts_the_time_out() -> None:
    it = world()
    it.ack("alice")
    it.at(31)
    assert it.nudges == [(30, "alice")]
    it.take(machine.touch(it.snapshot, it.current, it.now))
    assert it.at(60.9).nudges == [(30, "alice")]
    assert it.at(61).nudges == [(30, "alice"), (61, "alice")]
    assert it.calls == [(0, "alice")]


def test_low_severities_keep_an_acknowledgement_for_ever() -> None:
    it = world(Severity.SEV3)
    it.ack("alice")
    assert it.current.due_at is None


def test_a_service_may_set_its_own_time_out() -> None:
    it = world(Severity.SEV3, ack_timeout=minutes(10))
    it.ack("alice")
    assert it.at(15).calls == [(0, "alice"), (15, "alice")]
    it = world(Severity.SEV1, ack_timeout=timedelta(0))
    it.ack("alice")
    assert it.current.due_at is None


# ---- severity ----


def test_a_raise_starts_the_ladder_again_with_the_new_row() -> None:
    it = world(Severity.SEV3).at(7).severity(Severity.SEV1)
    assert it.calls == [(0, "alice"), (7, "alice"), (7, "mona")]
    assert it.at(12).calls[-1] == (12, "bob")
    assert it.notes("breach") == []
    assert len(it.at(12.1).notes("breach")) == 1


def test_a_raise_voids_an_acknowledgement() -> None:
    it = world(Severity.SEV2).at(2)
    it.ack("alice")
    it.at(4).severity(Severity.SEV1)
    assert it.current.status is CallOutStatus.RUNNING
    assert it.current.acknowledged_by is None
    assert it.calls[1:] == [(4, "alice"), (4, "mona")]
    assert "is void" in it.notes("restarted")[0]


def test_lowering_keeps_an_acknowledgement() -> None:
    it = world(Severity.SEV1).at(2)
    it.ack("alice")
    it.severity(Severity.SEV3)
    assert it.current.status is CallOutStatus.ACKNOWLEDGED
    assert it.current.due_at is None  # the time-out of SEV1 no longer applies


def test_lowering_cancels_management_and_keeps_the_ladder() -> None:
    it = world(Severity.SEV1).at(3).severity(Severity.SEV2)
    assert [stop.email for stop in it.stops] == ["mona"]
    assert it.at(30).calls[2:] == [(5, "bob"), (15, "alice"), (15, "bob"), (15, "carol"), (30, "lena")]


def test_lowering_to_a_first_step_severity_cancels_the_later_steps() -> None:
    it = world(Severity.SEV2).at(7).severity(Severity.SEV4)
    assert [(stop.email, stop.repeats_only) for stop in it.stops] == [("bob", False), (None, True)]
    assert it.at(60 * 24).calls == [(0, "alice"), (5, "bob")]


def test_the_same_severity_again_does_nothing() -> None:
    it = world(Severity.SEV2).at(3)
    state = it.current
    it.severity(Severity.SEV2)
    assert it.current == state
    assert it.stops == []


# ---- snooze, reassign, escalate, end ----


def test_a_snooze_ends_by_waking_the_snoozer_who_is_on_call() -> None:
    it = world().at(2)
    it.ack("alice")
    it.take(machine.snooze(it.snapshot, it.current, "alice", T0 + minutes(60), it.now))
    assert it.at(59.9).calls == [(0, "alice")]
    assert it.at(60).calls == [(0, "alice"), (60, "alice")]
    assert it.current.status is CallOutStatus.RUNNING


def test_a_snooze_ends_by_waking_whoever_is_on_call_when_the_snoozer_is_not() -> None:
    it = world().at(2)
    it.ack("carol", responding=True)
    it.take(machine.snooze(it.snapshot, it.current, "carol", T0 + minutes(60), it.now))
    assert it.at(60).calls[1:] == [(60, "alice")]


def test_a_raise_ends_a_snooze() -> None:
    it = world(Severity.SEV3)
    it.take(machine.snooze(it.snapshot, it.current, "alice", T0 + minutes(60), it.now))
    it.at(9).severity(Severity.SEV2)
    assert it.calls[1:] == [(9, "alice")]
    assert it.current.snoozed_until is None


def test_a_snooze_may_be_ended_by_hand() -> None:
    it = world()
    it.take(machine.snooze(it.snapshot, it.current, "alice", T0 + minutes(60), it.now))
    it.at(10)
    it.take(machine.wake(it.snapshot, it.current, it.resolve, it.now, "Snooze ended by bob"))
    assert it.calls == [(0, "alice"), (10, "alice")]


def test_reassigned_to_a_person_who_is_step_zero_before_the_policy() -> None:
    it = world().at(2)
    it.ack("alice")
    it.take(machine.reassign(it.snapshot, it.current, it.resolve, it.now, (user("dora"),), "alice"))
    assert it.current.acknowledged_by is None
    assert it.at(7).calls == [(0, "alice"), (2, "dora"), (7, "alice")]
    assert it.ack("dora") == "acknowledged"


def test_reassigned_to_somebody_unreachable_goes_to_the_policy_at_once() -> None:
    it = world()
    it.unreachable.add("dora")
    it.at(1).take(machine.reassign(it.snapshot, it.current, it.resolve, it.now, (user("dora"),), "alice"))
    assert it.calls == [(0, "alice"), (1, "alice")]


def test_escalating_calls_the_next_step_now() -> None:
    it = world().at(1)
    it.take(machine.escalate_now(it.snapshot, it.current, it.resolve, it.now, "alice"))
    assert it.calls == [(0, "alice"), (1, "bob")]
    assert it.at(11).calls[-1][0] == 11


def test_escalating_an_acknowledged_incident_calls_the_next_step_and_gives_the_acknowledgement_up() -> None:
    it = world().at(1)
    it.ack("alice")
    it.take(machine.escalate_now(it.snapshot, it.current, it.resolve, it.now, "alice"))
    assert it.calls == [(0, "alice"), (1, "bob")]
    assert it.current.status is CallOutStatus.RUNNING


def test_escalating_a_low_severity_calls_exactly_one_more_step() -> None:
    it = world(Severity.SEV4).at(1)
    it.take(machine.escalate_now(it.snapshot, it.current, it.resolve, it.now, "alice"))
    assert it.at(600).calls == [(0, "alice"), (1, "bob")]


def test_nothing_follows_an_end() -> None:
    it = world().at(1)
    it.take(machine.end(it.snapshot, it.current, "resolved", it.now))
    assert it.current.due_at is None
    assert it.at(600).calls == [(0, "alice")]
    assert it.ack("alice") == "ended"
    assert [stop.reason for stop in it.stops] == ["resolved"]


def test_a_reopened_call_out_starts_from_step_one() -> None:
    it = world().at(1)
    it.take(machine.end(it.snapshot, it.current, "resolved", it.now))
    it.at(4)
    it.take(machine.restart(it.snapshot, it.current, it.resolve, it.now, "reopened"))
    assert it.at(9).calls == [(0, "alice"), (4, "alice"), (9, "bob")]


def test_a_policy_that_names_nothing_but_users_needs_no_schedule() -> None:
    it = world(of=policy(step(user("alice"))))
    assert it.snapshot.policy.steps[0].targets[0].kind is TargetKind.USER
    assert it.calls == [(0, "alice")]
    assert isinstance(LADDER, Policy)
    assert it.snapshot.ladder is Ladder.FULL
    assert it.snapshot.urgency is Urgency.HIGH
