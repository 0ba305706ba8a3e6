import pytest

from tests.escalation.world import (
    LADDER,
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
from tocsin.domain.escalation.model import CallOutStatus
from tocsin.domain.severity import Severity


def test_each_step_is_called_after_the_wait_of_the_one_before() -> None:
    it = world(lead=(), management=()).at(29)
    # Alice and Bob are of the team too: everybody of a step is called, again if need be.
    assert it.calls == [(0, "alice"), (5, "bob"), (15, "alice"), (15, "bob"), (15, "carol")]


def test_people_are_resolved_when_a_step_fires() -> None:
    it = world().at(4)
    it.people[schedule("secondary")] = ("dora",)
    assert it.at(6).calls[-1] == (5, "dora")


def test_a_step_that_resolves_to_nobody_is_skipped_at_once() -> None:
    it = World(snapshot(), {schedule("secondary"): ("bob",)}).begin()
    assert it.calls == [(0, "bob")]
    assert it.notes("skipped") == [
        "Step 1 of “payments” reached nobody and is skipped (nobody for primary)",
    ]


def test_a_person_without_a_deliverable_method_is_passed_at_once() -> None:
    it = world()
    it = World(it.snapshot, it.people, unreachable={"alice"}).begin()
    assert it.calls == [(0, "bob")]
    assert "there is no working way to reach them" in it.notes("undeliverable")[0]


def test_a_step_whose_people_were_all_called_calls_them_again_and_waits_for_nothing() -> None:
    ladder = policy(step(user("alice")), step(user("alice"), wait=60), step(user("bob")))
    it = world(of=ladder).at(9)
    assert it.calls == [(0, "alice"), (5, "alice"), (5, "bob")]


def test_one_new_person_is_enough_for_a_step_to_wait() -> None:
    ladder = policy(step(user("alice")), step(user("alice"), user("bob"), wait=20), step(user("carol")))
    it = world(of=ladder).at(24)
    assert it.calls == [(0, "alice"), (5, "alice"), (5, "bob")]


@pytest.mark.parametrize("repeat", [0, 1, 3])
def test_repeat_walks_the_whole_ladder_that_many_times_more(repeat: int) -> None:
    ladder = policy(step(user("alice")), step(user("bob"), wait=10), repeat=repeat)
    it = world(Severity.SEV2, ladder, escalate=()).at(15 * (repeat + 1) + 1)
    assert it.calls == [call for n in range(repeat + 1) for call in ((15 * n, "alice"), (15 * n + 5, "bob"))]
    assert it.current.status is CallOutStatus.EXHAUSTED


def test_a_pass_that_finds_nobody_does_not_loop() -> None:
    ladder = policy(step(schedule("nobody")), step(schedule("void")), repeat=9)
    it = World(snapshot(Severity.SEV4, ladder, lead=(), management=(), last_resort=())).begin()
    assert it.calls == []
    assert len(it.notes("skipped")) == 2
    assert len(it.notes("nobody")) == 1


def test_first_step_means_the_first_step_that_reaches_somebody() -> None:
    ladder = policy(step(schedule("void")), step(user("alice")), step(user("bob")), repeat=2)
    it = World(snapshot(Severity.SEV4, ladder)).begin().at(60 * 24)
    assert it.calls == [(0, "alice")]
    assert it.notes("breach") == [
        "Not acknowledged within 4h (SEV4); this severity calls the first step only"
    ]


def test_the_final_step_is_called_when_every_pass_was_walked() -> None:
    ladder = policy(step(user("alice")), repeat=1, final=(user("zoe"),))
    assert world(of=ladder).at(11).calls == [(0, "alice"), (5, "alice"), (10, "zoe")]


def test_thirty_minutes_in_which_nobody_was_called_call_the_last_step_again() -> None:
    ladder = policy(step(user("alice")), step(schedule("secondary")))
    it = world(Severity.SEV2, ladder, escalate=()).at(60)
    assert it.calls == [(0, "alice"), (5, "bob"), (35, "bob")]
    it.people[schedule("secondary")] = ("dora",)
    assert it.at(66).calls[-1] == (65, "dora")


def test_thirty_silent_minutes_count_within_a_long_wait_too() -> None:
    ladder = policy(step(user("alice"), wait=45), step(user("bob")))
    assert world(Severity.SEV1, ladder, escalate=()).at(46).calls == [
        (0, "alice"),
        (30, "alice"),
        (45, "bob"),
    ]


@pytest.mark.parametrize("severity", [Severity.SEV3, Severity.SEV4])
def test_low_severities_are_not_called_again(severity: Severity) -> None:
    it = world(severity, escalate=()).at(60 * 24 * 3)
    assert it.calls == [(0, "alice")]
    assert it.current.due_at is None


def test_an_unreachable_step_of_an_urgent_incident_is_tried_again_after_thirty_minutes() -> None:
    it = World(snapshot(Severity.SEV1, management=(), lead=(), last_resort=())).begin()
    assert it.calls == []
    it.people[schedule("secondary")] = ("bob",)
    assert it.at(31).calls == [(30, "bob")]


def test_a_whole_pass_that_reached_nobody_asks_lead_then_manager_then_last_resort() -> None:
    ladder = policy(step(schedule("void")))
    people = {team("payments", "lead"): ("lena",), team("payments", "manager"): ("mona",)}
    assert World(snapshot(Severity.SEV4, ladder), dict(people)).begin().calls == [(0, "lena")]
    it = World(snapshot(Severity.SEV4, ladder), dict(people), unreachable={"lena"}).begin()
    assert it.calls == [(0, "mona")]
    it = World(snapshot(Severity.SEV4, ladder), dict(people), unreachable={"lena", "mona"}).begin()
    assert it.calls == [(0, "owner")]


def test_the_chain_asks_the_final_step_before_the_lead() -> None:
    ladder = policy(step(schedule("void")), final=(user("zoe"),))
    assert World(snapshot(Severity.SEV4, ladder)).begin().calls == [(0, "zoe")]


def test_lead_manager_and_last_resort_are_left_alone_when_one_step_reached_somebody() -> None:
    ladder = policy(step(user("alice")), step(schedule("void")))
    it = world(Severity.SEV4, ladder, escalate=()).at(60 * 12)
    assert it.calls == [(0, "alice")]


def test_a_policy_without_steps_goes_to_the_chain() -> None:
    assert world(Severity.SEV4, policy()).calls == [(0, "lena")]


def test_every_way_to_the_only_person_of_a_step_failed_so_the_next_begins_at_once() -> None:
    it = world().at(1)
    it.take(machine_undeliverable(it, "alice"))
    assert it.calls == [(0, "alice"), (1, "bob")]
    assert it.at(12).calls[-1][0] == 11


def test_one_failed_person_of_two_waits_for_the_other() -> None:
    it = world(of=policy(step(user("alice"), user("bob")), step(user("carol")))).at(1)
    it.take(machine_undeliverable(it, "alice"))
    assert it.calls == [(0, "alice"), (0, "bob")]
    it.take(machine_undeliverable(it, "bob"))
    assert it.calls[-1] == (1, "carol")


def test_a_first_step_that_failed_for_everybody_goes_on() -> None:
    it = world(Severity.SEV3).at(2)
    it.take(machine_undeliverable(it, "alice"))
    assert it.calls == [(0, "alice"), (2, "bob")]
    it.take(machine_undeliverable(it, "bob"))
    # Both are known not to answer to anything: Carol is left.
    assert (2, "carol") in it.calls


def test_when_all_failed_the_chain_is_asked_one_by_one() -> None:
    it = world(Severity.SEV4, policy(step(user("alice")))).at(1)
    for failed, then in (("alice", "lena"), ("lena", "mona"), ("mona", "owner")):
        it.take(machine_undeliverable(it, failed))
        assert it.calls[-1] == (1, then)


def machine_undeliverable(it: World, email: str):  # noqa: ANN201 - the machine's own
    from tocsin.domain.escalation import machine  # noqa: PLC0415

    return machine.undeliverable(it.snapshot, it.current, email, it.resolve, it.now)


def test_a_shadow_gets_a_copy_but_covers_nothing() -> None:
    it = World(snapshot(), {schedule("primary"): ("sam",), schedule("secondary"): ("bob",)}, shadows={"sam"})
    it.begin()
    assert it.calls == [(0, "sam"), (0, "bob")]
    assert it.ack("sam") == "seen"
    assert it.ack("bob") == "acknowledged"


def test_the_incoming_person_is_called_at_the_minute_of_an_unacknowledged_hand_off() -> None:
    primary = schedule("primary")
    it = World(
        snapshot(of=policy(step(primary, wait=20), step(user("bob"))), escalate=()),
        {primary: ("alice",)},
        {primary: (T0 + minutes(7), ("anna",))},
    ).begin()
    assert it.at(19).calls == [(0, "alice"), (7, "anna")]
    assert it.stops == []  # the outgoing one's reminders run on
    assert it.ack("alice") == "acknowledged"


def test_an_acknowledged_hand_off_calls_nobody() -> None:
    primary = schedule("primary")
    it = World(snapshot(), {}, {primary: (T0 + minutes(7), ("anna",))})
    it.people = {primary: ("alice",)}
    it.begin().at(3).ack("alice")
    assert it.at(20).calls == [(0, "alice")]


def test_after_an_outage_it_resumes_at_the_step_that_was_due_without_the_backlog() -> None:
    it = world().at(1)
    it.outage_until(200)
    # Step 2 was due at 5 and the table's lead at 30; steps 3 and the silence calls are not replayed.
    assert it.calls == [(0, "alice"), (200, "bob"), (200, "lena")]
    assert it.notes("resumed") == ["Resumed at step 2, 3h15m after it was due"]
    assert it.at(211).calls[3:] == [(210, "alice"), (210, "bob"), (210, "carol")]


def test_a_second_of_lateness_does_not_shift_the_plan() -> None:
    it = world()
    it.outage_until(5 + 1 / 60)
    assert it.calls[-1][1] == "bob"
    assert it.current.due_at == T0 + minutes(15)


def test_eight_hours_are_played_in_milliseconds() -> None:
    it = world(Severity.SEV1, LADDER).at(8 * 60)
    assert it.calls[0] == (0, "alice")
    assert it.calls[1] == (0, "mona")
    gaps = [b[0] - a[0] for a, b in zip(it.calls, it.calls[1:], strict=False)]
    assert max(gaps) <= 30
    assert it.calls[-1][0] >= 8 * 60 - 30
    assert len(it.current.called) < 20
