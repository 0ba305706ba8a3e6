"""Somebody who was called says that they cannot."""

from typing import Any

import pytest

from tests.escalation.conftest import NOW
from tests.escalation.test_call_outs_live_in_tables import ALICE, BOB, SUBJECT, minutes, start
from tests.escalation.test_call_outs_live_in_tables import user as person
from tests.escalation.world import PEOPLE, World, policy, snapshot, step, team, user, world
from tocsin.apps.escalation import actions, queries
from tocsin.apps.identity.models import User
from tocsin.apps.notify import queries as notify
from tocsin.domain.escalation.model import CallOutKind, CallOutStatus, Step, Target, TargetKind
from tocsin.domain.severity import SHIPPED_TABLE, Severity
from tocsin.lib import bus
from tocsin.ports.events import HelpDeclined


def climb(*steps: Step, **fields: Any) -> World:
    of = policy(*steps)
    return World(snapshot(Severity.SEV2, of, escalate=(), **fields), dict(PEOPLE)).begin()


def test_their_messages_end_and_the_next_step_begins_at_once() -> None:
    it = climb(step(user("alice")), step(user("bob"))).at(2).decline("alice", "in a train")
    assert it.calls == [(0, "alice"), (2, "bob")]
    assert [(stop.email, stop.reason) for stop in it.stops] == [("alice", "declined")]
    assert it.notes("declined") == ["Cannot: in a train"]


def test_while_somebody_else_of_the_step_may_answer_it_waits() -> None:
    it = climb(step(user("alice"), user("bob")), step(user("carol"))).at(2).decline("alice")
    assert it.at(4.9).calls == [(0, "alice"), (0, "bob")]
    assert it.decline("bob").calls[-1] == (4.9, "carol")


def test_a_later_step_leaves_them_alone() -> None:
    it = climb(step(user("alice")), step(team("payments"))).at(2).decline("alice")
    assert it.calls == [(0, "alice"), (2, "bob"), (2, "carol")]
    assert "they have said that they cannot" in it.notes("merged")[0]


def test_when_everybody_declined_the_last_line_is_called() -> None:
    assert climb(step(user("alice"))).at(2).decline("alice").calls == [(0, "alice"), (2, "lena")]


def test_after_half_an_hour_in_which_nobody_was_called_they_are_asked_once_more() -> None:
    it = climb(step(user("alice")), lead=(), management=(), last_resort=()).at(2).decline("alice")
    assert it.at(33).calls == [(0, "alice"), (32, "alice")]


@pytest.mark.parametrize("who", ["bob", "nobody"])
def test_who_was_not_called_declines_nothing(who: str) -> None:
    it = climb(step(user("alice")), step(user("bob"))).at(2)
    state = it.current
    assert it.decline(who).current == state


def test_twice_is_once() -> None:
    it = climb(step(user("alice"), user("bob"))).at(2).decline("alice").decline("alice")
    assert len(it.notes("declined")) == 1


def test_a_stakeholder_has_nothing_to_decline() -> None:
    it = world(Severity.SEV1).at(1)
    assert it.decline("mona").notes("declined") == []


def test_what_is_acknowledged_stays_so() -> None:
    it = climb(step(user("alice"), user("bob"))).at(1)
    it.ack("bob")
    assert it.decline("alice").current.status is CallOutStatus.ACKNOWLEDGED
    assert it.notes("declined") == []


def test_who_declined_may_think_better_of_it() -> None:
    it = climb(step(user("alice")), step(user("bob"))).at(2).decline("alice")
    assert it.ack("alice") == "acknowledged"


def test_a_raise_calls_them_again() -> None:
    it = climb(step(user("alice")), step(user("bob"))).at(2).decline("alice").at(3).severity(Severity.SEV1)
    assert (3, "alice") in it.calls


def test_a_call_for_help_that_is_declined_goes_to_the_next_or_ends_its_ladder() -> None:
    it = climb(step(user("dora")), step(user("erik")), kind=CallOutKind.HELP, lead=(), management=())
    assert it.at(1).decline("dora").calls == [(0, "dora"), (1, "erik")]
    it = climb(step(user("dora")), kind=CallOutKind.HELP, lead=(), management=(), last_resort=())
    assert it.at(1).decline("dora").current.status is CallOutStatus.EXHAUSTED


# ---- in the tables ----


@pytest.mark.django_db
def test_it_is_news_and_only_of_the_call_outs_that_called_them(people: dict[str, User]) -> None:
    start()
    row = SHIPPED_TABLE[Severity.SEV2]
    actions.ask_help(
        incident_id=7, target=person(BOB), label="help: bob", subject=SUBJECT, severity_row=row, now=NOW
    )
    heard: list[HelpDeclined] = []
    later = NOW + minutes(1)
    with bus.listening(HelpDeclined, heard.append):
        assert actions.decline(incident_id=7, email=BOB.upper(), reason="asleep", now=later)
        assert not actions.decline(incident_id=7, email=BOB, reason="asleep", now=later)
    assert heard == [HelpDeclined(7, later, BOB, "help: bob", "asleep")]
    ended = {page.email: page.end_reason for page in notify.pages_of_incident(7)}
    assert ended == {ALICE: "", BOB: "declined"}
    service, helped = queries.call_outs(7)
    assert service.status is CallOutStatus.RUNNING
    assert [d.text for d in helped.decisions if d.kind == "declined"] == ["Cannot: asleep"]


@pytest.mark.django_db
def test_a_team_whose_members_declined_goes_to_its_lead(people: dict[str, User]) -> None:
    target = Target(TargetKind.TEAM, "payments", "members")
    row = SHIPPED_TABLE[Severity.SEV2]
    actions.ask_help(incident_id=7, target=target, label="help", subject=SUBJECT, severity_row=row, now=NOW)
    for name in ("alice", "bob", "carol"):
        actions.decline(incident_id=7, email=f"{name}@example.com", now=NOW + minutes(1))
    pages = [page.email for page in notify.pages_of_incident(7) if page.ended_at is None]
    assert pages == ["lena@example.com"]
