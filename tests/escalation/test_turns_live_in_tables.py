"""The cursor of a round-robin step is kept, shared by every call-out of the policy, and taken one by one."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from tests.escalation.conftest import NOW
from tests.escalation.test_call_outs_live_in_tables import minutes, start
from tocsin.apps.escalation import actions, queries
from tocsin.apps.escalation.models import Turn
from tocsin.apps.escalation.turns import Turns
from tocsin.apps.identity.models import User
from tocsin.apps.notify.models import Page
from tocsin.domain.escalation.model import Policy, Step, Strategy, Target, TargetKind, Took

TEAM = Target(TargetKind.TEAM, "payments", "members")
RING = Policy("payments", (Step((TEAM,), minutes(5), Strategy.ROUND_ROBIN),), repeat=2)
THREE = ["alice@example.com", "bob@example.com", "carol@example.com"]


def called() -> list[str]:
    return list(Page.objects.order_by("id").values_list("user__email", flat=True))


@pytest.mark.django_db
def test_one_incident_after_another_calls_one_person_after_another(people: dict[str, User]) -> None:
    for number in range(4):
        start(incident_id=number, policy=RING)
    assert called() == [*THREE, THREE[0]]
    assert sorted(Turn.objects.values_list("policy", "step", "email")) == [("payments", 1, e) for e in THREE]


@pytest.mark.django_db
def test_the_call_outs_of_one_batch_take_turns_too(
    people: dict[str, User], django_assert_max_num_queries: Any
) -> None:
    for number in range(6):
        start(incident_id=number, policy=RING)
    Page.objects.all().delete()
    with django_assert_max_num_queries(60):
        assert actions.advance_due(now=NOW + minutes(5)) == 6
    assert sorted(called()) == sorted(THREE * 2)


@pytest.mark.django_db
def test_a_preview_takes_no_turn(people: dict[str, User]) -> None:
    for _ in range(2):
        info = queries.fire(RING, NOW)
        assert [row.people[0].email for row in info.rows if row.step == 1] == THREE
    assert not Turn.objects.exists()


@pytest.mark.django_db
def test_what_cannot_take_turns_asks_the_database_nothing(
    people: dict[str, User], django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        Turns().prepare([])


@pytest.fixture
def committed(transactional_db: Any) -> Iterator[None]:
    yield
    connection.close()


@pytest.mark.django_db(transaction=True)
def test_of_two_that_fire_at_once_the_second_waits_for_the_first(committed: None) -> None:
    read: list[dict[str, Any]] = []

    def second() -> None:
        try:
            with transaction.atomic():
                read.append(dict(Turns()("payments", 1)))
        finally:
            connection.close()

    other = threading.Thread(target=second)
    with transaction.atomic():
        turns = Turns()
        assert turns("payments", 1) == {}
        other.start()
        other.join(0.3)
        assert other.is_alive(), "it did not wait for the lock"
        Turn.objects.create(policy="payments", step=1, email=THREE[0], at=NOW)
    other.join(5)
    assert read == [{THREE[0]: NOW}]


def test_a_turn_taken_in_this_batch_is_known_to_the_next_of_it() -> None:
    turns = Turns(look=True)
    turns._read.add("payments")
    turns.took([Took("payments", 1, THREE[0], NOW)])
    assert turns("payments", 1) == {THREE[0]: NOW}
