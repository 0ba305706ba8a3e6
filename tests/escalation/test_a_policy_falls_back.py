"""A policy that is over hands over to the one that it names."""

from dataclasses import replace
from typing import Any

import pytest

from tests.escalation.conftest import NOW
from tests.escalation.test_call_outs_live_in_tables import ALICE, BOB, minutes, start
from tests.escalation.test_call_outs_live_in_tables import user as person
from tests.escalation.world import PEOPLE, World, policy, schedule, snapshot, step, user
from tocsin.apps.escalation import actions, queries
from tocsin.apps.escalation.settings import delete_policy, save_policy
from tocsin.apps.identity.models import User
from tocsin.apps.notify import queries as notify
from tocsin.domain.errors import Conflict, Invalid
from tocsin.domain.escalation import machine
from tocsin.domain.escalation.fallbacks import followed, wrong
from tocsin.domain.escalation.model import CallOutStatus, Policy, Step
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.severity import Severity

FIRST = policy(step(user("alice")), repeat=1)
SECOND = replace(policy(step(user("bob")), step(user("carol"))), name="second")
VOID = policy(step(schedule("void")))


def climb(of: Policy, *behind: Policy, severity: Severity = Severity.SEV2, **fields: Any) -> World:
    return World(snapshot(severity, of, escalate=(), fallbacks=behind), dict(PEOPLE), **fields).begin()


def test_after_the_last_pass_the_next_policy_climbs() -> None:
    it = climb(FIRST, SECOND).at(19)
    assert it.calls == [(0, "alice"), (5, "alice"), (10, "bob"), (15, "carol")]
    assert it.notes("fallback") == ["“payments” is over: “second” takes over"]


def test_the_final_line_comes_first_and_the_fallback_after_another_wait() -> None:
    it = climb(replace(FIRST, final=(user("zoe"),)), SECOND).at(16)
    assert it.calls == [(0, "alice"), (5, "alice"), (10, "zoe"), (15, "bob")]


def test_a_final_line_that_reaches_nobody_is_not_waited_for() -> None:
    it = climb(replace(FIRST, final=(user("zoe"),)), SECOND, unreachable={"zoe"}).at(11)
    assert it.calls == [(0, "alice"), (5, "alice"), (10, "bob")]


def test_a_pass_that_reached_nobody_falls_back_before_lead_and_manager_are_asked() -> None:
    assert climb(VOID, SECOND).calls == [(0, "bob")]
    assert climb(replace(VOID, final=(user("zoe"),)), SECOND).calls == [(0, "zoe")]
    assert climb(VOID, replace(VOID, name="second")).calls == [(0, "lena")]


def test_several_follow_one_another() -> None:
    it = climb(VOID, replace(VOID, name="second"), replace(SECOND, name="third")).at(6)
    assert it.calls == [(0, "bob"), (5, "carol")]


def test_a_low_severity_falls_back_only_when_nobody_was_reached() -> None:
    assert climb(FIRST, SECOND, severity=Severity.SEV4).at(600).calls == [(0, "alice")]
    assert climb(VOID, SECOND, severity=Severity.SEV4).at(600).calls == [(0, "bob")]


def test_a_restart_begins_with_the_first_policy() -> None:
    it = climb(FIRST, SECOND).at(12).severity(Severity.SEV1)
    assert it.calls[-2:] == [(12, "alice"), (12, "mona")]


def test_escalating_past_the_last_step_goes_to_the_fallback() -> None:
    it = climb(FIRST, SECOND).at(1)
    it.take(machine.escalate_now(it.snapshot, it.current, it.resolve, it.now, "alice"))
    assert it.calls == [(0, "alice"), (1, "bob")]
    assert it.stops == []


def test_escalated_past_the_last_step_of_the_last_policy_it_begins_with_the_first() -> None:
    it = climb(replace(FIRST, repeat=0), SECOND).at(16)
    assert it.current.status is CallOutStatus.EXHAUSTED
    it.take(machine.escalate_now(it.snapshot, it.current, it.resolve, it.now, "alice"))
    assert it.calls[-1] == (16, "alice")


@pytest.mark.parametrize("minute", [1, 12])
def test_escalating_what_is_acknowledged_takes_up_where_it_was(minute: float) -> None:
    it = climb(FIRST, SECOND).at(minute)
    it.ack("alice", responding=True)
    it.take(machine.escalate_now(it.snapshot, it.current, it.resolve, it.now, "alice"))
    assert it.calls[-1] == (minute, "bob" if minute == 1 else "carol")
    assert it.current.status is CallOutStatus.RUNNING


def test_urgent_ones_are_called_again_after_everything() -> None:
    it = climb(FIRST, SECOND).at(46)
    assert it.calls[-1] == (45, "carol")


# ---- the way, and what is wrong with it ----


def named(*pairs: tuple[str, str | None]) -> dict[str, Policy]:
    return {name: Policy(name, (), fallback=fallback) for name, fallback in pairs}


LONG = named(*((f"p{n}", f"p{n + 1}") for n in range(7)), ("p7", None))


@pytest.mark.parametrize(
    ("policies", "way", "problem"),
    [
        (named(("a", None)), [], ""),
        (named(("a", "b"), ("b", None)), ["b"], ""),
        (named(("a", "b"), ("b", "c"), ("c", None)), ["b", "c"], ""),
        (named(("a", "a")), [], "goes round in a circle: a → a"),
        (named(("a", "b"), ("b", "a")), ["b"], "goes round in a circle: a → b → a"),
        (named(("a", "b"), ("b", "c"), ("c", "b")), ["b", "c"], "goes round in a circle: a → b → c → b"),
        (named(("a", "x")), [], "there is no escalation policy 'x'"),
    ],
)
def test_the_way_is_followed_and_a_circle_is_wrong(
    policies: dict[str, Policy], way: list[str], problem: str
) -> None:
    first = policies["a"]
    assert [one.name for one in followed(first, policies.get)] == way
    assert wrong(first, policies.get) == problem


def test_five_are_followed_and_a_sixth_is_wrong() -> None:
    assert [one.name for one in followed(LONG["p0"], LONG.get)] == ["p1", "p2", "p3", "p4", "p5"]
    assert wrong(LONG["p2"], LONG.get) == ""
    assert wrong(LONG["p1"], LONG.get).startswith("more than 5 policies after another: p1 → p2")


# ---- in the tables ----


def save(name: str, fallback: str | None = None, email: str = BOB) -> None:
    steps = (Step((person(email),), minutes(5)),)
    save_policy(actor=SYSTEM, policy=Policy(name, steps, fallback=fallback), now=NOW)


@pytest.mark.django_db
def test_it_is_frozen_when_the_call_out_begins(people: dict[str, User]) -> None:
    save("behind")
    start(policy=Policy("payments", (Step((person(ALICE),), minutes(5)),), fallback="behind"))
    save("behind", email="carol@example.com")
    actions.advance_due(now=NOW + minutes(5))
    assert [page.email for page in notify.pages_of_incident(7)] == [ALICE, BOB]
    (info,) = queries.call_outs(7)
    assert (info.policy, [step.called for step in info.steps]) == ("behind", [(BOB,)])


@pytest.mark.django_db
def test_a_circle_is_refused_where_it_is_written(people: dict[str, User]) -> None:
    save("a")
    save("b", fallback="a")
    with pytest.raises(Invalid) as caught:
        save("a", fallback="b")
    assert [(e.field, e.message) for e in caught.value.errors] == [
        ("fallback", "goes round in a circle: a → b → a")
    ]
    with pytest.raises(Invalid):
        save("c", fallback="nowhere")


@pytest.mark.django_db
def test_a_policy_that_another_falls_back_on_stays(people: dict[str, User]) -> None:
    save("a")
    save("b", fallback="a")
    with pytest.raises(Conflict, match="still the fallback of: b"):
        delete_policy(actor=SYSTEM, name="a", now=NOW)
