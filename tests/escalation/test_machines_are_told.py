"""Rooms, web hooks and runbooks: told once a pass, and never anybody who was reached."""

from typing import Any

import pytest

from tests.escalation.conftest import NOW
from tests.escalation.test_call_outs_live_in_tables import ALICE, minutes, start
from tests.escalation.test_call_outs_live_in_tables import user as person
from tests.escalation.world import PEOPLE, World, chat, policy, snapshot, step, team, user
from tests.notify.fakes import FakeChannel
from tocsin.apps.escalation import actions, queries
from tocsin.apps.identity.models import User
from tocsin.apps.notify import queries as notify
from tocsin.domain.escalation.model import Policy, Step, Target, TargetKind
from tocsin.domain.severity import Severity
from tocsin.ports import registry
from tocsin.ports.channel import Abilities

HOOK = Target(TargetKind.WEBHOOK, "https://example.com/hook")
RUNBOOK = Target(TargetKind.RUNBOOK, "drain")


def climb(of: Policy, **fields: Any) -> World:
    return World(snapshot(Severity.SEV2, of, escalate=()), dict(PEOPLE), **fields).begin()


def test_they_are_told_beside_the_people_of_their_step() -> None:
    it = climb(policy(step(user("alice"), chat(), HOOK), step(user("bob"))))
    assert it.posts == [(0, "#ops"), (0, "https://example.com/hook")]
    assert it.at(5).calls == [(0, "alice"), (5, "bob")]


def test_a_step_that_tells_only_machines_waits_as_it_says_and_reached_nobody() -> None:
    it = climb(policy(step(chat(), wait=7), step(user("bob"))))
    assert it.at(8).calls == [(7, "bob")]
    assert it.notes("skipped") == ["Step 1 of “payments” calls nobody who could answer"]


def test_when_none_of_them_can_be_told_it_is_passed_at_once() -> None:
    it = climb(policy(step(RUNBOOK, wait=7), step(user("bob"))), missing={RUNBOOK: "runbooks are not set up"})
    assert (it.calls, it.posts) == ([(0, "bob")], [])
    assert it.notes("undeliverable") == [
        "Step 1 of “payments”: runbook drain was not told: runbooks are not set up"
    ]


def test_a_pass_that_told_only_machines_asks_the_last_line() -> None:
    it = climb(policy(step(chat(), wait=7), step(HOOK, wait=3), repeat=4))
    assert it.at(20).calls == [(10, "lena")]


def test_a_machine_is_told_once_a_pass() -> None:
    it = climb(policy(step(user("alice"), chat()), step(user("bob"), chat()), repeat=1))
    assert it.at(14).posts == [(0, "#ops"), (10, "#ops")]


def test_a_restart_tells_it_again() -> None:
    it = climb(policy(step(user("alice"), chat()))).at(2).severity(Severity.SEV1)
    assert it.posts == [(0, "#ops"), (2, "#ops")]


def test_what_they_are_told_acknowledges_nothing() -> None:
    it = climb(policy(step(chat())))
    assert it.ack("#ops") == "not_called"


def test_the_final_line_may_be_a_room() -> None:
    it = climb(policy(step(user("alice")), final=(chat("#last"),))).at(6)
    assert it.posts == [(5, "#last")]


def test_the_owners_are_people_like_any() -> None:
    owners = Target(TargetKind.OWNERS, "all")
    it = climb(policy(step(owners)))
    assert it.calls == [(0, "lena")]  # no owner: the last line
    it = World(snapshot(of=policy(step(owners))), {owners: ("owner",)}).begin()
    assert it.calls == [(0, "owner")]
    assert it.ack("owner") == "acknowledged"


# ---- in the tables ----


@pytest.mark.django_db
def test_a_room_hears_of_it_as_nobodys_page(people: dict[str, User], monkeypatch: pytest.MonkeyPatch) -> None:
    room = FakeChannel(type="slack", title="Slack", abilities=Abilities(rooms=True))
    monkeypatch.setitem(registry.channels, "slack", room)
    start(policy=Policy("payments", (Step((person(ALICE), chat()), minutes(5)),)))
    rooms = [page for page in notify.pages_of_incident(7) if page.kind == "room"]
    assert [(page.email, page.reason, page.step) for page in rooms] == [
        ("", "Step 1 of “payments”: #ops (slack)", 1)
    ]
    assert [(n.via, n.address) for n in rooms[0].notifications] == [("slack", "#ops")]
    (info,) = queries.call_outs(7)
    assert [d.text for d in info.decisions if d.kind == "posted"] == ["Step 1 of “payments”: #ops (slack)"]


@pytest.mark.django_db
def test_a_chat_that_is_not_set_up_is_passed_and_says_so(people: dict[str, User]) -> None:
    steps = (Step((chat(),), minutes(5)), Step((person(ALICE),), minutes(5)))
    start(policy=Policy("payments", steps))
    assert [page.email for page in notify.pages_of_incident(7)] == [ALICE]
    texts = [d.text for d in queries.call_outs(7)[0].decisions if d.kind == "undeliverable"]
    assert texts == ["Step 1 of “payments”: #ops (slack) was not told: there is no channel “slack”"]


@pytest.mark.django_db
def test_a_runbook_is_started_under_a_key_of_its_own_in_each_pass(
    people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[str, int, str]] = []

    def begin(name: str, incident_id: int, key: str) -> str:
        started.append((name, incident_id, key))
        return ""

    monkeypatch.setattr(registry.runbooks, "start", begin)
    monkeypatch.setattr(registry.runbooks, "missing", lambda _name: "")
    start(policy=Policy("payments", (Step((person(ALICE), RUNBOOK), minutes(5)),), repeat=1))
    actions.advance_due(now=NOW + minutes(5))
    assert [(name, incident) for name, incident, _ in started] == [("drain", 7), ("drain", 7)]
    assert len({key for _, _, key in started}) == 2


def test_a_team_and_a_room_are_called_when_the_whole_ladder_begins_again() -> None:
    it = climb(policy(step(team("nobody"), chat()))).at(31)
    assert it.posts[0] == (0, "#ops")
