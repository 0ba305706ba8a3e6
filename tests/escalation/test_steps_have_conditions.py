"""A step whose condition does not hold is passed at once, and says why; what an empty one does is its own
choice.
"""

from datetime import UTC, datetime, time

import pytest

from tests.escalation.world import PEOPLE, T0, World, chat, minutes, policy, schedule, snapshot, step, user
from tocsin.domain.escalation.model import Condition, During, OnEmpty
from tocsin.domain.severity import Severity, Urgency
from tocsin.domain.time import BusinessHours, parse_zone

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # a Monday; T0 is two in the night before it
BERLIN = BusinessHours(parse_zone("Europe/Berlin"), frozenset(range(5)), time(9), time(17))
SUPPORT, OUTSIDE = Condition(during=During.SUPPORT), Condition(during=During.OUTSIDE_SUPPORT)


def climb(when: Condition, severity: Severity = Severity.SEV2, now: datetime = T0, **fields: object) -> World:
    of = policy(step(user("alice"), when=when), step(user("bob"), wait=10))
    frozen = snapshot(severity, of, escalate=(), **fields)
    return World(frozen, dict(PEOPLE), now=now).begin()


@pytest.mark.parametrize(
    ("when", "severity", "now", "holds"),
    [
        (Condition((Severity.SEV1,)), Severity.SEV1, T0, True),
        (Condition((Severity.SEV1,)), Severity.SEV2, T0, False),
        (Condition((Severity.SEV1, Severity.SEV2)), Severity.SEV2, T0, True),
        (Condition(urgency=Urgency.HIGH), Severity.SEV2, T0, True),
        (Condition(urgency=Urgency.LOW), Severity.SEV2, T0, False),
        (SUPPORT, Severity.SEV2, T0, False),
        (SUPPORT, Severity.SEV2, NOON, True),
        (OUTSIDE, Severity.SEV2, T0, True),
        (OUTSIDE, Severity.SEV2, NOON, False),
        (SUPPORT, Severity.SEV2, datetime(2026, 11, 23, 9, 0, tzinfo=UTC), True),  # the opening counts
        (SUPPORT, Severity.SEV2, datetime(2026, 11, 23, 17, 0, tzinfo=UTC), False),  # the closing does not
        (SUPPORT, Severity.SEV2, datetime(2026, 11, 28, 12, 0, tzinfo=UTC), False),  # a Saturday
        (Condition((Severity.SEV2,), Urgency.HIGH, During.SUPPORT), Severity.SEV2, NOON, True),
        (Condition((Severity.SEV2,), Urgency.HIGH, During.SUPPORT), Severity.SEV2, T0, False),  # all of it
    ],
)
def test_all_that_it_asks_must_hold(when: Condition, severity: Severity, now: datetime, holds: bool) -> None:  # noqa: FBT001
    assert climb(when, severity, now).calls[0][1] == ("alice" if holds else "bob")


def test_the_services_own_support_hours_come_before_its_teams_business_hours() -> None:
    eight = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)  # half past nine in Berlin, before nine in London
    assert climb(SUPPORT, now=eight).calls[0][1] == "bob"
    assert climb(SUPPORT, now=eight, support=BERLIN).calls[0][1] == "alice"


@pytest.mark.parametrize(
    ("when", "why"),
    [
        (Condition((Severity.SEV1,)), "it is for SEV1, and this is SEV2"),
        (Condition(urgency=Urgency.LOW), "it is for low urgency, and this is high"),
        (SUPPORT, "it is for support hours, and they are over now"),
    ],
)
def test_it_says_why_it_is_passed(when: Condition, why: str) -> None:
    assert climb(when).notes("skipped") == [f"Step 1 of “payments” is skipped: {why}"]


LOCAL = Condition(during=During.LOCAL)


def by_clock(when: Condition, now: datetime, **zones: str) -> World:
    of = policy(step(user("alice"), user("bob"), when=when), step(user("carol")))
    it = World(snapshot(Severity.SEV2, of, escalate=()), dict(PEOPLE), now=now, zones=zones)
    return it.begin()


@pytest.mark.parametrize(
    ("when", "now", "called"),
    [
        (LOCAL, datetime(2026, 11, 23, 1, 0, tzinfo=UTC), ["alice"]),  # ten in the morning in Tokyo
        (LOCAL, NOON, ["bob"]),  # nine in the evening there
        (LOCAL, datetime(2026, 11, 23, 22, 0, tzinfo=UTC), ["carol"]),  # nobody's day
        (Condition(during=During.OUTSIDE_LOCAL), NOON, ["alice"]),
        (Condition(during=During.OUTSIDE_LOCAL), datetime(2026, 11, 23, 22, 0, tzinfo=UTC), ["alice", "bob"]),
    ],
)
def test_local_hours_are_asked_of_each_person(when: Condition, now: datetime, called: list[str]) -> None:
    assert [who for _, who in by_clock(when, now, alice="Asia/Tokyo").calls] == called


def test_a_clock_that_nobody_knows_any_more_is_taken_as_utc() -> None:
    assert [who for _, who in by_clock(LOCAL, NOON, alice="Mars/Olympus").calls] == ["alice", "bob"]


def test_when_the_clocks_leave_nobody_it_says_so() -> None:
    it = by_clock(LOCAL, datetime(2026, 11, 23, 22, 0, tzinfo=UTC))
    (why,) = it.notes("skipped")
    assert why.endswith("it is for support hours, and they are over now, for everybody on their own clock")


def test_a_whole_pass_passed_by_conditions_asks_the_last_line() -> None:
    of = policy(step(user("alice"), when=SUPPORT), step(user("bob"), when=SUPPORT), repeat=3)
    assert World(snapshot(Severity.SEV2, of, escalate=()), dict(PEOPLE)).begin().calls == [(0, "lena")]


def test_a_raise_asks_the_conditions_anew() -> None:
    of = policy(step(user("zoe"), when=Condition((Severity.SEV1,))), step(user("alice")))
    it = World(snapshot(Severity.SEV3, of), dict(PEOPLE)).begin()
    assert it.calls == [(0, "alice")]
    it.at(3).severity(Severity.SEV1)
    assert it.calls[1:] == [(3, "zoe"), (3, "mona")]


def test_whoever_comes_on_call_for_a_step_that_was_passed_is_left_alone() -> None:
    primary = schedule("primary")
    of = policy(step(primary, when=SUPPORT), step(user("bob"), wait=60))
    hand_offs = {primary: (T0 + minutes(7), ("anna",))}
    it = World(snapshot(Severity.SEV2, of, escalate=()), {primary: ("alice",)}, hand_offs).begin()
    assert it.at(29).calls == [(0, "bob")]


@pytest.mark.parametrize(
    ("on_empty", "when", "unreachable", "second"),
    [
        (OnEmpty.SKIP, Condition(), False, 0),
        (OnEmpty.WAIT, Condition(), False, 20),
        (OnEmpty.WAIT, SUPPORT, False, 0),  # the condition comes first
        (OnEmpty.WAIT, Condition(), True, 0),  # somebody is there, and is passed at once
    ],
)
def test_an_empty_step_waits_only_when_it_says_so(
    on_empty: OnEmpty,
    when: Condition,
    unreachable: bool,  # noqa: FBT001
    second: float,
) -> None:
    first = user("alice") if unreachable else schedule("void")
    of = policy(step(first, wait=20, on_empty=on_empty, when=when), step(user("bob")))
    it = World(snapshot(Severity.SEV2, of, escalate=()), unreachable={"alice"}).begin()
    assert it.at(21).calls == [(second, "bob")]


def test_a_pass_of_empty_steps_that_wait_still_asks_the_last_line() -> None:
    of = policy(step(schedule("void"), wait=10, on_empty=OnEmpty.WAIT), repeat=5)
    it = World(snapshot(Severity.SEV2, of, escalate=()), dict(PEOPLE)).begin()
    assert it.at(25).calls == [(10, "lena")]
    assert it.notes("skipped") == [
        "Step 1 of “payments” reached nobody and waits 10m all the same (nobody for void)"
    ]


def test_a_room_alone_is_asked_by_the_services_clock() -> None:
    of = policy(step(chat(), when=LOCAL), step(user("alice")))
    for now, told in ((NOON, ["#ops"]), (T0, [])):
        it = World(snapshot(Severity.SEV2, of, escalate=()), now=now).begin()
        assert [name for _, name in it.posts] == told
