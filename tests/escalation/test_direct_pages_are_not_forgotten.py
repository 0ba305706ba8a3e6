"""Somebody paged directly, in an incident that calls nobody else: the call does not fade away."""

from datetime import timedelta

import pytest

from tests.escalation.conftest import NOW
from tests.escalation.test_call_outs_live_in_tables import ALICE, BOB, MONA, SUBJECT, pages, start, user
from tests.notify.fakes import FakeChannel
from tocsin.apps.escalation import actions, queries
from tocsin.apps.escalation.models import CallOut
from tocsin.apps.identity.models import User
from tocsin.apps.notify.models import ContactMethod
from tocsin.domain.escalation.model import CallOutStatus, Target, TargetKind
from tocsin.domain.severity import SHIPPED_TABLE, Severity

pytestmark = pytest.mark.django_db

LENA, OWNER, CAROL = "lena@example.com", "owner@example.com", "carol@example.com"


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def ask(target: Target | None = None, after: float = 0, severity: Severity = Severity.SEV2) -> int:
    return actions.ask_help(
        incident_id=7,
        target=target or user(BOB),
        label="help",
        subject=SUBJECT,
        severity_row=SHIPPED_TABLE[severity],
        now=NOW + minutes(after),
    )


def climb(until: int, since: int = 0) -> None:
    for minute in range(since, until + 1):
        actions.advance_due(now=NOW + minutes(minute))


def mute(people: dict[str, User], *names: str) -> None:
    for name in names:
        ContactMethod.objects.create(user=people[name], type="sms", address="+1555", verified_at=NOW)


@pytest.mark.parametrize(("severity", "calls"), [(Severity.SEV1, 3), (Severity.SEV2, 3), (Severity.SEV3, 1)])
def test_who_was_paged_directly_is_called_again_every_half_hour(
    people: dict[str, User], severity: Severity, calls: int
) -> None:
    ask(severity=severity)
    climb(61)
    assert pages() == [BOB] * calls


def test_an_answer_ends_it(people: dict[str, User]) -> None:
    ask()
    actions.acknowledge(incident_id=7, email=BOB, via="web", now=NOW + minutes(1))
    climb(61)
    assert pages() == [BOB]


def test_somebody_elses_i_am_responding_ends_it(people: dict[str, User]) -> None:
    ask()
    outcome = actions.acknowledge(incident_id=7, email=CAROL, via="web", now=NOW, responding=True)
    assert (outcome.kind, outcome.by_whom) == ("acknowledged", CAROL)
    climb(61)
    assert pages() == [BOB]


def test_a_paged_person_without_a_way_passes_on_to_lead_and_manager(people: dict[str, User]) -> None:
    mute(people, "bob", "lena")
    ask()
    climb(1)
    assert pages()[-1] == MONA


def test_the_last_resort_is_called_when_nobody_else_can_be(people: dict[str, User]) -> None:
    mute(people, "alice", "bob", "carol", "lena", "mona")
    ask(Target(TargetKind.TEAM, "payments", "members"))
    climb(1)
    assert pages()[-1] == OWNER


def test_beside_a_service_that_calls_help_is_asked_once(people: dict[str, User]) -> None:
    start()
    actions.acknowledge(incident_id=7, email=ALICE, via="web", now=NOW)
    ask()
    mute(people, "carol")
    ask(user(CAROL), after=1)
    climb(29)
    assert pages().count(BOB) == 1
    assert OWNER not in pages()


def test_once_the_services_own_call_out_is_answered_the_direct_one_calls_no_further(
    people: dict[str, User],
) -> None:
    ask()
    start()
    actions.acknowledge(incident_id=7, email=ALICE, via="web", now=NOW)
    climb(29)
    actions.touch(incident_id=7, now=NOW + minutes(29))
    climb(50, since=30)
    assert pages() == [BOB, ALICE]


def test_asking_again_replaces_what_was_called_to_its_end(people: dict[str, User], mail: FakeChannel) -> None:
    first = ask()
    climb(20)
    assert CallOut.objects.get(pk=first).status == CallOutStatus.EXHAUSTED
    ask(after=20)
    assert pages() == [BOB, BOB]
    climb(51, since=21)
    assert pages() == [BOB] * 3
    assert queries.call_outs(7)[0].status is CallOutStatus.ENDED
