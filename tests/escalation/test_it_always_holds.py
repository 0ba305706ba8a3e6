"""Whatever happens in whatever order: no page after an acknowledgement, no double call, never a stopped
clock.
"""

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.escalation.world import (
    PEOPLE,
    T0,
    World,
    chat,
    minutes,
    policy,
    schedule,
    snapshot,
    step,
    team,
    user,
)
from tocsin.domain.escalation import machine
from tocsin.domain.escalation.model import (
    AckMode,
    Call,
    CallOutStatus,
    Condition,
    During,
    Effect,
    Note,
    OnEmpty,
    Outcome,
    Policy,
    StopCalling,
    Strategy,
)
from tocsin.domain.severity import Severity

NAMES = ("alice", "bob", "carol", "lena", "mona", "owner")
TARGETS = (
    schedule("primary"), schedule("secondary"), schedule("void"), team("payments"),
    team("payments", "lead"), team("payments", "manager"), *map(user, NAMES),
)  # fmt: skip

steps = st.builds(
    lambda targets, wait, strategy, ack, on_empty, when: step(
        *targets, wait=wait, strategy=strategy, ack=ack, on_empty=on_empty, when=when
    ),
    st.lists(st.sampled_from((*TARGETS, chat())), max_size=3),
    st.sampled_from([0, 1, 5, 30, 90]),
    st.sampled_from(list(Strategy)),
    st.sampled_from(list(AckMode)),
    st.sampled_from(list(OnEmpty)),
    st.sampled_from([Condition(), Condition(), Condition((Severity.SEV1,)), Condition(during=During.LOCAL)]),
)
policies: st.SearchStrategy[Policy] = st.builds(
    lambda s, repeat, final: policy(*s, repeat=repeat, final=tuple(final)),
    st.lists(steps, max_size=4),
    st.integers(0, 3),
    st.lists(st.sampled_from(TARGETS), max_size=1),
)
severities = st.sampled_from(list(Severity))


class CallOut(RuleBasedStateMachine):
    @initialize(
        severity=severities,
        of=policies,
        behind=st.lists(policies, max_size=2),
        unreachable=st.sets(st.sampled_from(NAMES)),
    )
    def begins(self, severity: Severity, of: Policy, behind: list[Policy], unreachable: set[str]) -> None:
        frozen = snapshot(severity, of, fallbacks=tuple(behind))
        self.it = World(frozen, dict(PEOPLE), unreachable=unreachable)
        self.batch(self.it.begin)

    def batch(self, act) -> None:  # noqa: ANN001
        """Check everything that one deed or one instant asks for."""
        before = len(self.it.log)
        act()
        self.check(self.it.log[before:])

    def check(self, log: list[tuple[object, Effect]]) -> None:
        since_stop: list[tuple[object, str]] = []
        for at, effect in log:
            if isinstance(effect, StopCalling) and effect.email is None and not effect.repeats_only:
                since_stop.clear()  # a restart may call the same people anew
            elif isinstance(effect, Call):
                since_stop.append((at, effect.person.email))
                assert effect.reason
        assert max(Counter(since_stop).values(), default=0) <= 1, "one person was called twice at one instant"
        assert all(effect.text for _, effect in log if isinstance(effect, Note))

    @rule(by=st.sampled_from([0, 0.5, 1, 5, 29, 30, 35, 240, 2000]))
    def time_passes(self, by: float) -> None:
        at = (self.it.now - T0) / minutes(1) + by
        self.batch(lambda: self.it.at(at))

    @rule(by=st.sampled_from([1, 40, 500]))
    def we_are_away(self, by: float) -> None:
        at = (self.it.now - T0) / minutes(1) + by
        self.batch(lambda: self.it.outage_until(at))

    @rule(who=st.sampled_from(NAMES), responding=st.booleans())
    def somebody_acknowledges(self, who: str, responding: bool) -> None:  # noqa: FBT001
        called = {c.email for c in self.it.current.called if not c.stakeholder}
        ended = self.it.current.status is CallOutStatus.ENDED
        self.batch(lambda: self.it.ack(who, responding=responding))
        state = self.it.current
        if (who in called or responding) and not ended:
            counted = who in state.acks and not responding  # others of an `each` step are awaited
            assert state.status is CallOutStatus.ACKNOWLEDGED or counted

    @rule(severity=severities)
    def severity_changes(self, severity: Severity) -> None:
        self.batch(lambda: self.it.severity(severity))

    @rule(who=st.sampled_from(NAMES), for_=st.integers(1, 300))
    def somebody_snoozes(self, who: str, for_: int) -> None:
        it = self.it
        self.take(machine.snooze(it.snapshot, it.current, who, it.now + minutes(for_), it.now))

    @rule(who=st.sampled_from(NAMES))
    def it_is_reassigned(self, who: str) -> None:
        it = self.it
        if it.current.status is not CallOutStatus.ENDED:
            self.take(machine.reassign(it.snapshot, it.current, it.resolve, it.now, (user(who),), "x"))

    @rule()
    def it_is_escalated(self) -> None:
        it = self.it
        if it.current.status is not CallOutStatus.ENDED:
            self.take(machine.escalate_now(it.snapshot, it.current, it.resolve, it.now, "x"))

    @rule(who=st.sampled_from(NAMES))
    def every_way_to_somebody_fails(self, who: str) -> None:
        it = self.it
        self.take(machine.undeliverable(it.snapshot, it.current, who, it.resolve, it.now))

    @rule(who=st.sampled_from(NAMES))
    def somebody_declines(self, who: str) -> None:
        before = len(self.it.log)
        self.batch(lambda: self.it.decline(who))
        mine = [e for _, e in self.it.log[before:] if isinstance(e, Call) and e.person.email == who]
        assert not mine, "who declines is not called by that"

    @rule()
    def it_ends(self) -> None:
        self.take(machine.end(self.it.snapshot, self.it.current, "resolved", self.it.now))

    @rule()
    def it_reopens(self) -> None:
        it = self.it
        if it.current.status is CallOutStatus.ENDED:
            self.take(machine.restart(it.snapshot, it.current, it.resolve, it.now, "reopened"))

    def take(self, outcome: Outcome) -> None:
        self.batch(lambda: self.it.take(outcome))

    @invariant()
    def the_clock_never_stops_while_it_runs(self) -> None:
        state = getattr(self, "it", None) and self.it.current
        if not state:
            return
        if state.status is CallOutStatus.RUNNING:
            assert state.due_at is not None
        if state.status is CallOutStatus.SNOOZED:
            assert state.due_at == state.snoozed_until
        if state.status is CallOutStatus.ENDED:
            assert state.due_at is None
        if state.status is CallOutStatus.EXHAUSTED and self.it.snapshot.severity.rank <= 2:
            assert state.due_at is not None, "an urgent incident nobody took is never left alone"

    @invariant()
    def nothing_is_left_undone(self) -> None:
        state = getattr(self, "it", None) and self.it.current
        if state and state.due_at is not None and state.status is not CallOutStatus.ACKNOWLEDGED:
            assert state.due_at >= self.it.now or state.status is CallOutStatus.SNOOZED

    @invariant()
    def nobody_is_called_while_acknowledged_snoozed_or_ended(self) -> None:
        """The last thing that happened to everybody was a stop, or the call-out is open."""
        it = getattr(self, "it", None)
        if not it or it.current.status in {CallOutStatus.RUNNING, CallOutStatus.EXHAUSTED}:
            return
        for _, effect in reversed(it.log):
            assert not isinstance(effect, Call)
            if isinstance(effect, StopCalling) and effect.email is None and not effect.repeats_only:
                break

    @invariant()
    def it_stays_small(self) -> None:
        it = getattr(self, "it", None)
        if it:
            assert len(it.current.called) < 150


TestCallOut = CallOut.TestCase
TestCallOut.settings = settings(max_examples=120, stateful_step_count=25, deadline=None)
