"""Random policies, worked out twice: by the state machine, and by a naive reading of the rules."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.escalation.oracle import Case, Oracle, Rung
from tests.escalation.world import World, minutes, policy, schedule, snapshot, step, team, user
from tocsin.domain.escalation.model import Target
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


def people(of: list[Target]) -> list[tuple[str, bool]]:
    by_name = [LEAD, MANAGER]
    return [
        (name, target in by_name or target not in GROUPS)
        for target in of
        for name in GROUPS.get(target, (target.name,))
    ]


@settings(max_examples=20000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    severity=st.sampled_from(list(Severity)),
    rungs=st.lists(st.tuples(targets, st.sampled_from([0, 1, 5, 10, 45])), max_size=4),
    repeat=st.integers(0, 3),
    final=st.lists(st.sampled_from(TARGETS), max_size=1),
    unreachable=st.sets(st.sampled_from(NAMES)),
)
def test_who_is_called_at_which_minute(
    severity: Severity,
    rungs: list[tuple[list[Target], int]],
    repeat: int,
    final: list[Target],
    unreachable: set[str],
) -> None:
    row = SHIPPED_TABLE[severity]
    # The next business day is a matter of calendars, not of the ladder: those rows are left out.
    plain = tuple(call for call in row.escalate if call.at is not None)
    at = {str(call.notify): int(call.at / minutes(1)) for call in plain if call.at is not None}
    built = policy(*(step(*t, wait=w) for t, w in rungs), repeat=repeat, final=tuple(final))
    world = World(snapshot(severity, built, escalate=plain), dict(GROUPS), unreachable=set(unreachable))
    world.begin().at(_HOURS * 60)
    oracle = Oracle(
        Case(
            str(severity),
            [Rung(people(t), w) for t, w in rungs],
            repeat,
            row.ladder is Ladder.FIRST_STEP,
            people(final),
            "lena",
            "mona",
            "owner",
            at.get("lead"),
            at.get("management"),
            set(unreachable),
        )
    )
    expected = oracle.run(_HOURS * 60)
    assert sorted(world.calls) == sorted((float(minute), name) for minute, name in expected)
