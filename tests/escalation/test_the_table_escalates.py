from datetime import UTC, datetime, timedelta

import pytest

from tests.escalation.world import (
    PEOPLE,
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
from tocsin.domain.escalation.model import Call, CallOutKind
from tocsin.domain.severity import Severity
from tocsin.domain.time import BusinessHours


def test_sev1_calls_management_at_once_as_stakeholders() -> None:
    it = world(Severity.SEV1)
    assert it.calls == [(0, "alice"), (0, "mona")]
    mona = [e for _, e in it.log if isinstance(e, Call)][1]
    assert mona.stakeholder
    assert mona.reason.startswith("SEV1 calls management at once: ")


def test_sev2_calls_the_lead_at_thirty_minutes() -> None:
    it = world(Severity.SEV2).at(29.9)
    assert (30, "lena") not in it.calls
    assert (30, "lena") in it.at(30).calls


@pytest.mark.parametrize(
    ("declared", "opening"),
    [
        (datetime(2026, 11, 23, 2, 0, tzinfo=UTC), datetime(2026, 11, 23, 9, 0, tzinfo=UTC)),
        (datetime(2026, 11, 23, 8, 30, tzinfo=UTC), datetime(2026, 11, 24, 9, 0, tzinfo=UTC)),
        (datetime(2026, 11, 27, 17, 30, tzinfo=UTC), datetime(2026, 11, 30, 9, 0, tzinfo=UTC)),
    ],
)
def test_sev3_calls_the_lead_at_the_next_business_day(declared: datetime, opening: datetime) -> None:
    it = World(snapshot(Severity.SEV3), dict(PEOPLE), now=declared).begin()
    it.at((opening - T0) / minutes(1) - 0.1)
    assert [who for _, who in it.calls] == ["alice"]
    it.at((opening - T0) / minutes(1))
    assert it.calls[-1] == ((opening - T0) / minutes(1), "lena")
    assert it.at(60 * 24 * 14).calls[-1][1] == "lena"
    assert len(it.calls) == 2


def test_holidays_are_no_business_days() -> None:
    hours = BusinessHours(holidays=frozenset({T0.date(), (T0 + timedelta(days=1)).date()}))
    it = world(Severity.SEV3, hours=hours).at(60 * 24 * 7)
    assert it.calls[-1] == (60 * (24 * 2 + 7), "lena")


def test_sev4_calls_nobody_by_the_table() -> None:
    assert world(Severity.SEV4).at(60 * 24 * 14).calls == [(0, "alice")]


def test_an_acknowledgement_ends_the_table_too() -> None:
    it = world(Severity.SEV2, ack_timeout=timedelta(0)).at(3)
    it.ack("alice")
    assert it.at(60 * 24).calls == [(0, "alice")]
    assert it.current.due_at is None


@pytest.mark.parametrize("by_name", [True, False])
def test_a_lead_the_ladder_named_is_not_called_by_the_table_in_the_same_pass(by_name: bool) -> None:  # noqa: FBT001
    lead = user("lena") if by_name else team("payments", "lead")
    ladder = policy(step(user("alice"), wait=10), step(lead, wait=30))
    it = world(Severity.SEV2, ladder).at(39)
    assert it.calls == [(0, "alice"), (10, "lena")]
    assert it.notes("merged") == ["SEV2 calls the lead at 30m: called already in this pass"]


def test_a_lead_the_table_called_is_not_called_by_the_ladder_in_the_same_pass() -> None:
    ladder = policy(step(user("alice"), wait=40), step(team("payments", "lead"), wait=60), step(user("bob")))
    it = world(Severity.SEV2, ladder).at(41)
    assert it.calls == [(0, "alice"), (30, "lena"), (40, "bob")]


def test_the_next_pass_calls_the_lead_again() -> None:
    ladder = policy(step(user("alice"), wait=20), step(team("payments", "lead"), wait=20), repeat=1)
    it = world(Severity.SEV2, ladder).at(61)
    assert it.calls == [(0, "alice"), (20, "lena"), (40, "alice"), (60, "lena")]


def test_a_manager_named_in_the_policy_is_a_responder_when_the_table_calls_first() -> None:
    ladder = policy(step(user("alice")), step(team("payments", "manager")))
    it = world(Severity.SEV1, ladder)
    assert it.calls == [(0, "alice"), (0, "mona")]
    assert it.at(2).ack("mona") == "acknowledged"


def test_the_lead_on_call_is_called_once_at_one_instant() -> None:
    ladder = policy(step(schedule("primary"), wait=30), repeat=1)
    it = World(snapshot(Severity.SEV2, ladder), {**PEOPLE, schedule("primary"): ("lena",)}).begin().at(31)
    assert it.calls == [(0, "lena"), (30, "lena")]


def test_a_call_for_help_has_no_table_and_no_deadline() -> None:
    it = world(Severity.SEV1, policy(step(user("dora"))), kind=CallOutKind.HELP).at(60 * 24)
    assert it.calls == [(0, "dora")]
    assert it.notes("breach") == []


@pytest.mark.parametrize(("late_us", "breached"), [(0, False), (1, True)])
def test_the_ack_deadline_is_inclusive(late_us: int, breached: bool) -> None:  # noqa: FBT001
    it = world(Severity.SEV1).at(5)
    it.now = T0 + minutes(5) + timedelta(microseconds=late_us)
    it.ack("alice")
    assert bool(it.notes("breach")) is breached


def test_a_missed_deadline_is_recorded_once() -> None:
    assert world(Severity.SEV1).at(60 * 5).notes("breach") == ["Not acknowledged within 5m (SEV1)"]
