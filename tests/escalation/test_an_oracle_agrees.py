"""Random policies, worked out twice: by the state machine, and by a naive reading of the rules."""

from datetime import datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.escalation.oracle import Case, Oracle, Rung
from tests.escalation.world import T0, World, minutes, policy, schedule, snapshot, team, user
from tocsin.domain.escalation import machine
from tocsin.domain.escalation.model import Condition, OnEmpty, Outcome, Snapshot, Step, Strategy, Target, Took
from tocsin.domain.severity import SHIPPED_TABLE, Ladder, Severity

NAMES = ("ann", "bea", "cem", "lena", "mona", "owner")
LEAD, MANAGER = team("payments", "lead"), team("payments", "manager")
GROUPS: dict[Target, tuple[str, ...]] = {
    schedule("one"): ("ann",),
    schedule("two"): ("bea", "cem"),
    schedule("void"): (),
    team("payments"): ("ann", "bea", "lena"),
    LEAD: ("lena",),
    MANAGER: ("mona",),
}
TARGETS = (*GROUPS, *map(user, NAMES[:4]))
_HOURS = 4

targets = st.lists(st.sampled_from(TARGETS), max_size=3)
steps = st.builds(
    lambda of, wait, turn, empty, only: Step(
        tuple(of), minutes(wait), strategy=turn, on_empty=empty, when=only
    ),
    targets,
    st.sampled_from([0, 1, 5, 10, 45]),
    st.sampled_from(list(Strategy)),
    st.sampled_from(list(OnEmpty)),
    st.builds(Condition, st.sampled_from([(), (), (Severity.SEV1,), (Severity.SEV2, Severity.SEV3)])),
)


def people(of: tuple[Target, ...]) -> list[tuple[str, bool]]:
    by_name = [LEAD, MANAGER]
    return [
        (name, target in by_name or target not in GROUPS)
        for target in of
        for name in GROUPS.get(target, (target.name,))
    ]


def rung(step: Step) -> Rung:
    return Rung(
        people(step.targets),
        int(step.wait / minutes(1)),
        step.strategy is Strategy.ROUND_ROBIN,
        step.on_empty is OnEmpty.WAIT,
        [str(severity) for severity in step.when.severities],
    )


class Climb(World):
    """The machine left alone until nobody can be awake any more, with a cursor for its turns."""

    def until(self, minute: int) -> list[tuple[float, str]]:
        cursor: dict[tuple[str, int], dict[str, datetime]] = {}

        def keep(outcome: Outcome) -> None:
            self.take(outcome)
            for effect in outcome.effects:
                if isinstance(effect, Took):
                    cursor.setdefault((effect.policy, effect.step), {})[effect.email] = effect.at

        def turns(name: str, step: int) -> dict[str, datetime]:
            return cursor.get((name, step), {})

        keep(machine.begin(self.snapshot, self.resolve, self.now, turns=turns))
        while self.current.due_at is not None and self.current.due_at <= T0 + minutes(minute):
            self.now = self.current.due_at
            keep(machine.advance(self.snapshot, self.current, self.resolve, self.now, turns=turns))
        return sorted(self.calls)


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    severity=st.sampled_from(list(Severity)),
    ladder=st.lists(steps, max_size=4),
    repeat=st.integers(0, 3),
    final=st.lists(st.sampled_from(TARGETS), max_size=1),
    unreachable=st.sets(st.sampled_from(NAMES)),
)
def test_who_is_called_at_which_minute(
    severity: Severity, ladder: list[Step], repeat: int, final: list[Target], unreachable: set[str]
) -> None:
    row = SHIPPED_TABLE[severity]
    # The next business day is a matter of calendars, not of the ladder: those rows are left out.
    plain = tuple(call for call in row.escalate if call.at is not None)
    at = {str(call.notify): int(call.at / minutes(1)) for call in plain if call.at is not None}
    frozen: Snapshot = snapshot(severity, policy(*ladder, repeat=repeat, final=tuple(final)), escalate=plain)
    climb = Climb(frozen, dict(GROUPS), unreachable=unreachable)
    case = Case(
        str(severity),
        [rung(step) for step in ladder],
        repeat,
        row.ladder is Ladder.FIRST_STEP,
        people(tuple(final)),
        "lena",
        "mona",
        "owner",
        at.get("lead"),
        at.get("management"),
        unreachable,
    )
    expected = Oracle(case).run(_HOURS * 60)
    assert climb.until(_HOURS * 60) == sorted((float(minute), name) for minute, name in expected)
