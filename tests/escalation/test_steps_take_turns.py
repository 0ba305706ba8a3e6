"""Round robin: of the people of a step, the one whom it called longest ago."""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from tests.escalation.world import PEOPLE, T0, World, minutes, policy, schedule, snapshot, step, team, user
from tocsin.domain.escalation.model import AckMode, Policy, Strategy, Took
from tocsin.domain.escalation.rehearsal import Cursor
from tocsin.domain.severity import Severity

TEAM = team("payments")
RING = step(TEAM, strategy=Strategy.ROUND_ROBIN)


def took(email: str, before: float, number: int = 1) -> Took:
    return Took("payments", number, email, T0 - minutes(before))


def ring(
    of: Policy | None = None,
    *before: Took,
    turns: Cursor | None = None,
    unreachable: Iterable[str] = (),
    shadows: Iterable[str] = (),
) -> World:
    it = World(
        snapshot(Severity.SEV2, of or policy(RING), escalate=()),
        dict(PEOPLE),
        unreachable=set(unreachable),
        shadows=set(shadows),
        turns=turns or Cursor(),
    )
    it.turns.took(before)
    return it.begin()


@pytest.mark.parametrize(
    ("before", "turn"),
    [
        ((), "alice"),  # nobody was ever called: the order of the targets
        ((took("alice", 5),), "bob"),
        ((took("alice", 5), took("bob", 9)), "carol"),  # never called comes first
        ((took("alice", 5), took("bob", 9), took("carol", 7)), "bob"),
        ((took("alice", 9), took("bob", 9), took("carol", 9)), "alice"),
        ((took("alice", 5, number=2),), "alice"),  # the cursor is the step's own
    ],
)
def test_it_calls_whom_the_step_called_longest_ago(before: tuple[Took, ...], turn: str) -> None:
    assert ring(None, *before).calls == [(0, turn)]


def test_it_says_whose_turn_it_is_and_since_when() -> None:
    reasons = [e.reason for _, e in ring(None).log if hasattr(e, "person")]
    assert reasons == [
        "Step 1 of “payments”: on call for payments; round robin: paged longest ago (never yet)"
    ]
    it = ring(None, took("alice", 5), took("bob", 150), took("carol", 7))
    assert "paged longest ago (2h30m ago)" in next(e.reason for _, e in it.log if hasattr(e, "person"))


def test_three_incidents_in_one_second_call_three_people() -> None:
    cursor = Cursor()
    called = [ring(turns=cursor).calls[0][1] for _ in range(4)]
    assert called == ["alice", "bob", "carol", "alice"]


def test_the_turns_of_one_instant_have_an_order_of_their_own() -> None:
    cursor = Cursor()
    for _ in range(3):
        ring(turns=cursor)
    last = cursor("payments", 1)
    assert last["alice"] < last["bob"] < last["carol"] < T0 + timedelta(seconds=1)


def test_somebody_without_a_way_loses_the_turn_to_the_next() -> None:
    it = ring(None, took("bob", 5), unreachable={"alice"})
    assert it.calls == [(0, "carol")]
    assert [e.email for _, e in it.log if isinstance(e, Took)] == ["carol"]


def test_each_pass_calls_the_next_person() -> None:
    assert ring(policy(RING, repeat=3)).at(16).calls == [
        (0, "alice"),
        (5, "bob"),
        (10, "carol"),
        (15, "alice"),
    ]


def test_two_such_steps_call_two_people_in_one_pass() -> None:
    it = ring(policy(RING, step(TEAM, strategy=Strategy.ROUND_ROBIN)))
    assert it.at(9).calls == [(0, "alice"), (5, "bob")]


def test_shadows_get_copies_and_never_have_the_turn() -> None:
    it = ring(shadows={"alice"})
    assert it.calls == [(0, "bob"), (0, "alice")]
    assert it.ack("alice") == "seen"


@pytest.mark.parametrize("how", ["fail", "decline"])
def test_when_the_one_whose_turn_it_is_does_not_answer_the_next_has_it(how: str) -> None:
    it = ring(policy(RING, step(user("dora")))).at(1)
    getattr(it, how)("alice")
    assert it.calls == [(0, "alice"), (1, "bob")]
    assert it.at(5.9).calls[-1] == (1, "bob")
    assert it.at(6).calls[-1] == (6, "dora")


def test_when_none_is_left_the_next_step_begins() -> None:
    it = ring(policy(RING, step(user("dora")))).at(1)
    for email in ("alice", "bob", "carol"):
        it.fail(email)
    assert it.calls == [(0, "alice"), (1, "bob"), (1, "carol"), (1, "dora")]


def test_nobody_who_can_be_reached_is_a_step_that_reached_nobody() -> None:
    it = ring(policy(RING, step(user("dora"))), unreachable={"alice", "bob", "carol"})
    assert it.calls == [(0, "dora")]
    assert not [e for _, e in it.log if isinstance(e, Took)]


def test_a_hand_off_calls_nobody_while_the_one_whose_turn_it_was_is_on_call() -> None:
    primary, other = schedule("primary"), schedule("other")
    of = policy(step(primary, other, wait=60, strategy=Strategy.ROUND_ROBIN))
    hand_offs = {other: (T0 + minutes(5), ("oscar",)), primary: (T0 + minutes(9), ("pia",))}
    it = World(
        snapshot(Severity.SEV2, of, escalate=()), {primary: ("alice",), other: ("bob",)}, hand_offs
    ).begin()
    assert it.at(8).calls == [(0, "alice")]
    # Oscar was never called by it, nor was Pia: the order of the targets decides.
    assert it.at(10).calls == [(0, "alice"), (9, "pia")]


def test_the_one_whose_turn_it_is_is_enough_where_each_must_acknowledge() -> None:
    it = ring(policy(step(TEAM, strategy=Strategy.ROUND_ROBIN, ack=AckMode.EACH)))
    assert it.ack("alice") == "acknowledged"
