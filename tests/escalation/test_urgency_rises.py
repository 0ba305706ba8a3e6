from tests.escalation.world import LADDER, minutes, policy, schedule, step, world
from tocsin.domain.escalation.model import Call, CallOutStatus, StopCalling, Via
from tocsin.domain.severity import Severity, Urgency

SOFT = {"urgency": Urgency.LOW}


def test_whoever_this_pass_called_is_called_again_loudly() -> None:
    it = world(Severity.SEV2, **SOFT).at(6).severity(Severity.SEV2, Urgency.HIGH)
    assert it.calls == [(0, "alice"), (5, "bob"), (6, "alice"), (6, "bob")]
    loud = [e for _, e in it.log if isinstance(e, Call) and e.via is Via.AGAIN]
    assert [(call.urgency, call.again) for call in loud] == [(Urgency.HIGH, True)] * 2
    assert [stop.email for stop in it.stops] == ["alice", "bob"]
    effects = [e for _, e in it.log]
    assert effects.index(StopCalling("called again, urgently", "alice")) < effects.index(loud[0])
    assert it.at(15).calls[-1][0] == 15  # the ladder goes on where it was
    assert it.ack("alice") == "acknowledged"


def test_the_first_step_alone_is_called_again_too() -> None:
    it = world(Severity.SEV3).at(200).severity(Severity.SEV3, Urgency.HIGH)
    assert it.calls == [(0, "alice"), (200, "alice")]
    assert it.current.status is CallOutStatus.RUNNING


def test_who_is_called_at_that_moment_is_called_once() -> None:
    it = world(Severity.SEV2, **SOFT)
    it.now += minutes(5)  # the second step is due now, too
    it.people[schedule("secondary")] = ("alice",)
    assert it.severity(Severity.SEV2, Urgency.HIGH).calls.count((5, "alice")) == 1


def test_what_is_acknowledged_or_snoozed_stays_quiet() -> None:
    it = world(Severity.SEV2, **SOFT)
    it.ack("alice")
    assert it.severity(Severity.SEV2, Urgency.HIGH).calls == [(0, "alice")]
    assert it.snapshot.urgency is Urgency.HIGH


def test_when_none_of_them_is_left_the_ladder_starts_again() -> None:
    it = world(Severity.SEV3, policy(step(schedule("primary"))))
    it.at(60).unreachable.add("alice")
    it.people[schedule("primary")] = ("bob",)
    assert it.severity(Severity.SEV3, Urgency.HIGH).calls == [(0, "alice"), (60, "bob")]


def test_high_urgency_that_stays_high_calls_nobody() -> None:
    assert world(Severity.SEV2, LADDER).at(1).severity(Severity.SEV2).calls == [(0, "alice")]
