from datetime import timedelta
from typing import Any

import pytest

from tests.escalation.conftest import NOW
from tests.notify.fakes import FakeChannel
from tocsin.apps.escalation import actions, queries
from tocsin.apps.escalation.models import CallOut
from tocsin.apps.identity.models import Team, User
from tocsin.apps.notify import queries as notify
from tocsin.apps.notify.models import Page
from tocsin.domain.errors import Invalid
from tocsin.domain.escalation.model import (
    CallOutKind,
    CallOutStatus,
    Policy,
    Step,
    Target,
    TargetKind,
    TeamWho,
)
from tocsin.domain.notification.model import Subject
from tocsin.domain.severity import SHIPPED_TABLE, Severity
from tocsin.lib import bus
from tocsin.ports.events import CallOutAcknowledged, CallOutReopened, TimelineNews

pytestmark = pytest.mark.django_db

ALICE, BOB, LENA, MONA = (f"{n}@example.com" for n in ("alice", "bob", "lena", "mona"))
SUBJECT = Subject(7, "INC-7", "Checkout is down", Severity.SEV2, "checkout")


def user(email: str) -> Target:
    return Target(TargetKind.USER, email)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def start(severity: Severity = Severity.SEV2, **fields: Any) -> int:
    row = SHIPPED_TABLE[severity]
    steps = (Step((user(ALICE),), minutes(5)), Step((user(BOB),), minutes(10)))
    values: dict[str, Any] = {
        "incident_id": 7,
        "subject": SUBJECT,
        "kind": CallOutKind.SERVICE,
        "label": "checkout",
        "policy": Policy("payments", steps),
        "severity_row": row,
        "urgency": row.urgency,
        "lead": (Target(TargetKind.TEAM, "payments", TeamWho.LEAD),),
        "management": (Target(TargetKind.TEAM, "payments", TeamWho.MANAGER),),
        "now": NOW,
    }
    return actions.start(**{**values, **fields})


def pages() -> list[str]:
    return [page.email for page in notify.pages_of_incident(7)]


def test_starting_calls_the_first_step_and_says_why(people: dict[str, User]) -> None:
    start()
    (page,) = notify.pages_of_incident(7)
    assert page.email == ALICE
    assert page.reason == "Step 1 of “payments”: named by address"
    assert [(n.via, n.state) for n in page.notifications] == [("email", "planned")]
    (info,) = queries.call_outs(7)
    assert info.status is CallOutStatus.RUNNING
    assert info.due_at == NOW + minutes(5)
    assert [(step.state, step.called) for step in info.steps] == [("current", (ALICE,)), ("next", ())]
    assert info.decisions[0].kind == "called"


def test_what_is_due_is_advanced_and_only_then(people: dict[str, User]) -> None:
    start()
    assert actions.advance_due(now=NOW + minutes(4)) == 0
    assert actions.advance_due(now=NOW + minutes(5)) == 1
    assert pages() == [ALICE, BOB]
    assert actions.advance_due(now=NOW + minutes(5)) == 0


def test_many_due_call_outs_are_advanced_in_one_batch(
    people: dict[str, User], django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        start(incident_id=number + 100)
    with django_assert_max_num_queries(60):
        assert actions.advance_due(now=NOW + minutes(5)) == 30
    assert CallOut.objects.filter(due_at=NOW + minutes(15)).count() == 30


def test_acknowledging_stops_the_messages_and_is_told(people: dict[str, User]) -> None:
    start()
    heard: list[CallOutAcknowledged] = []
    with bus.listening(CallOutAcknowledged, heard.append):
        outcome = actions.acknowledge(incident_id=7, email=ALICE.upper(), via="link", now=NOW + minutes(1))
    assert (outcome.kind, outcome.by_whom, outcome.call_out_kind) == ("acknowledged", ALICE, "service")
    assert heard == [CallOutAcknowledged(7, NOW + minutes(1), ALICE, service=True, label="checkout")]
    (page,) = notify.pages_of_incident(7)
    assert page.ended_at == NOW + minutes(1)
    assert page.notifications[0].state == "cancelled"
    assert actions.advance_due(now=NOW + minutes(29)) == 0
    assert actions.acknowledge(incident_id=7, email=ALICE, via="web", now=NOW + minutes(2)).kind == "already"


def test_somebody_who_was_not_called_is_told_so(people: dict[str, User]) -> None:
    start()
    assert actions.acknowledge(incident_id=7, email=BOB, via="web", now=NOW).kind == "not_called"
    assert actions.acknowledge(incident_id=7, email=BOB, via="web", now=NOW, responding=True).by_whom == BOB


def test_management_has_seen_it(people: dict[str, User]) -> None:
    start(Severity.SEV1)
    assert pages() == [ALICE, MONA]
    assert actions.acknowledge(incident_id=7, email=MONA, via="link", now=NOW).kind == "seen"
    ended = {page.email: page.ended_at for page in notify.pages_of_incident(7)}
    assert ended == {ALICE: None, MONA: NOW}


def test_a_call_for_help_is_its_own_call_out(people: dict[str, User]) -> None:
    start()
    row = SHIPPED_TABLE[Severity.SEV2]
    for _ in range(2):
        actions.ask_help(
            incident_id=7, target=user(BOB), label=BOB, subject=SUBJECT, severity_row=row, now=NOW
        )
    assert pages() == [ALICE, BOB]
    outcome = actions.acknowledge(incident_id=7, email=BOB, via="web", now=NOW)
    assert (outcome.kind, outcome.call_out_kind) == ("acknowledged", "help")
    service, helped = queries.call_outs(7)
    assert service.status is CallOutStatus.RUNNING
    assert helped.status is CallOutStatus.ACKNOWLEDGED


def test_an_acknowledgement_that_runs_out_is_news(people: dict[str, User]) -> None:
    start()
    actions.acknowledge(incident_id=7, email=ALICE, via="web", now=NOW)
    assert actions.advance_due(now=NOW + minutes(30)) == 1
    assert [p.kind for p in notify.pages_of_incident(7)] == ["page", "nudge"]
    heard: list[CallOutReopened] = []
    with bus.listening(CallOutReopened, heard.append):
        assert actions.advance_due(now=NOW + minutes(35)) == 1
    assert heard == [CallOutReopened(7, NOW + minutes(35), f"The acknowledgement by {ALICE} ran out")]
    assert [p.kind for p in notify.pages_of_incident(7)] == ["page", "nudge", "page"]


def test_touching_restarts_the_time_out(people: dict[str, User]) -> None:
    start()
    actions.acknowledge(incident_id=7, email=ALICE, via="web", now=NOW)
    actions.touch(incident_id=7, now=NOW + minutes(20))
    assert actions.advance_due(now=NOW + minutes(30)) == 0
    assert actions.advance_due(now=NOW + minutes(50)) == 1


def test_a_raise_ends_the_old_pages_and_makes_new_ones(people: dict[str, User]) -> None:
    start(Severity.SEV3)
    row = SHIPPED_TABLE[Severity.SEV1]
    actions.change_severity(incident_id=7, row=row, urgency=row.urgency, now=NOW + minutes(1))
    rows = notify.pages_of_incident(7)
    assert [(p.email, p.urgency, p.ended_at is None) for p in rows] == [
        (ALICE, "low", False),
        (ALICE, "high", True),
        (MONA, "high", True),
    ]
    assert CallOut.objects.get().subject["severity"] == "SEV1"


def test_sev1_cannot_be_snoozed_for_longer_than_an_hour(people: dict[str, User]) -> None:
    start(Severity.SEV1)
    with pytest.raises(Invalid):
        actions.snooze(incident_id=7, email=ALICE, until=NOW + minutes(61), now=NOW)
    actions.snooze(incident_id=7, email=ALICE, until=NOW + minutes(60), now=NOW)
    assert actions.advance_due(now=NOW + minutes(59)) == 0
    actions.unsnooze(incident_id=7, reason="Bob ended the snooze", now=NOW + minutes(10))
    assert pages().count(ALICE) == 2


def test_reassign_escalate_end_and_restart(people: dict[str, User]) -> None:
    start()
    actions.reassign(incident_id=7, targets=[user(BOB)], by="Alice", now=NOW)
    actions.escalate_now(incident_id=7, by="Bob", now=NOW + minutes(1))
    assert pages() == [ALICE, BOB, ALICE]
    actions.end(incident_id=7, reason="Resolved", now=NOW + minutes(2))
    assert all(p.ended_at for p in notify.pages_of_incident(7))
    assert CallOut.objects.get().due_at is None
    actions.restart(incident_id=7, subject=SUBJECT, reason="Reopened", now=NOW + minutes(3))
    assert pages() == [ALICE, BOB, ALICE, ALICE]


def test_an_unreachable_person_is_passed_at_once(people: dict[str, User]) -> None:
    number = start()
    actions.unreachable(call_out_id=number, email=ALICE, now=NOW + minutes(1))
    assert pages() == [ALICE, BOB]


def test_without_a_channel_that_counts_everybody_is_tried_and_nobody_is_reached(
    people: dict[str, User], mail: FakeChannel
) -> None:
    mail.counts = False
    start()
    assert pages() == [ALICE, BOB, LENA, MONA]
    kinds = [d.kind for d in queries.call_outs(7)[0].decisions]
    assert kinds[-1] == "nobody"
    assert notify.can_reach_anybody() != ""


def test_decisions_become_news_for_the_timeline(people: dict[str, User]) -> None:
    heard: list[TimelineNews] = []
    with bus.listening(TimelineNews, heard.append):
        start()
        actions.advance_due(now=NOW + minutes(16))
    assert [news.kind for news in heard] == ["called", "resumed", "called", "breach"]


def test_the_ladder_can_be_asked_without_calling_anybody(people: dict[str, User]) -> None:
    team = Target(TargetKind.TEAM, "payments", TeamWho.LEAD)
    policy = Policy("p", (Step((team, user(ALICE)), minutes(1)), Step((), minutes(1))))
    assert queries.ladder(policy, NOW) == [(LENA, ALICE), ()]


def test_one_call_out_that_cannot_be_advanced_holds_up_no_other(people: dict[str, User]) -> None:
    broken = start()
    fine = start(incident_id=8)
    CallOut.objects.filter(pk=broken).update(snapshot={"not": "a snapshot"})
    with pytest.raises(ValueError, match="missing required field"):
        actions.advance_due(now=NOW + minutes(5))
    assert actions.advance_apart(now=NOW + minutes(5)) == 2
    assert CallOut.objects.get(pk=fine).due_at == NOW + minutes(15)
    assert CallOut.objects.get(pk=broken).due_at == NOW + minutes(6)


def test_what_runs_out_does_not_wait_until_nothing_else_is_due(people: dict[str, User]) -> None:
    start()
    start(incident_id=8)
    actions.acknowledge(incident_id=7, email=ALICE, via="web", now=NOW)
    assert actions.advance_held(now=NOW + minutes(30)) == 1
    assert [p.kind for p in notify.pages_of_incident(7)] == ["page", "nudge"]
    assert [p.kind for p in notify.pages_of_incident(8)] == ["page"]


def test_a_step_that_reached_nobody_does_not_look_as_if_it_had(
    people: dict[str, User], mail: FakeChannel
) -> None:
    mail.counts = False
    start()
    (info,) = queries.call_outs(7)
    assert [(step.called, step.reached) for step in info.steps] == [((ALICE,), False), ((BOB,), False)]
    mail.counts = True
    start(incident_id=8)
    assert [step.reached for step in queries.call_outs(8)[0].steps] == [True, False]


@pytest.mark.django_db
def test_a_large_team_is_read_at_once_rather_than_one_by_one(
    people: dict[str, User], django_assert_max_num_queries: Any
) -> None:
    team = Team.objects.create(name="everybody")
    names = [f"v{number:02}@example.com" for number in range(60)]
    for user in User.objects.bulk_create(User(email=name, name=name, created_at=NOW) for name in names):
        team.memberships.create(user=user)
    step = Step((Target(TargetKind.TEAM, "everybody", "members"),), minutes(5))
    with django_assert_max_num_queries(100):  # one for each line of the timeline; it was 300
        start(policy=Policy("everybody", (step,)))
    assert set(Page.objects.values_list("user__email", flat=True)) == set(names)
