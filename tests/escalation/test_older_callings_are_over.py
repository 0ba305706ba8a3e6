"""The generation of a call-out's callings: what is said about a page of an older one changes nothing."""

from datetime import timedelta
from typing import Any

import pytest

from tests.escalation.conftest import NOW
from tests.escalation.test_call_outs_live_in_tables import ALICE, BOB, minutes, pages, start, user
from tests.escalation.world import world
from tocsin.apps.escalation import actions, handlers
from tocsin.apps.escalation.models import CallOut
from tocsin.apps.identity.models import User
from tocsin.apps.notify.models import Page
from tocsin.domain.escalation import machine
from tocsin.domain.escalation.model import CallOutStatus, Policy, State, Step
from tocsin.domain.severity import SHIPPED_TABLE, Severity
from tocsin.ports.events import PersonUnreachable

HOUR = timedelta(hours=1)


def deeds() -> dict[str, Any]:
    return {
        "restart": lambda it: machine.restart(it.snapshot, it.current, it.resolve, it.now, "again"),
        "reassign": lambda it: machine.reassign(it.snapshot, it.current, it.resolve, it.now, (), "x"),
        "snooze": lambda it: machine.snooze(it.snapshot, it.current, "alice", it.now + HOUR, it.now),
        "end": lambda it: machine.end(it.snapshot, it.current, "over", it.now),
        "acknowledge": lambda it: machine.acknowledge(it.snapshot, it.current, "alice", it.now).outcome,
    }


@pytest.mark.parametrize("deed", deeds())
def test_what_ends_or_restarts_the_callings_raises_it(deed: str) -> None:
    it = world().at(1)
    assert it.current.generation == 1
    it.take(deeds()[deed](it))
    assert it.current.generation == 2


def test_a_raise_and_the_end_of_a_snooze_raise_it_too() -> None:
    it = world(Severity.SEV3).severity(Severity.SEV1)
    assert it.current.generation == 2
    it.take(machine.snooze(it.snapshot, it.current, "alice", it.now + HOUR, it.now))
    assert it.at(61).current.generation == 4


@pytest.mark.parametrize("deed", ["touch", "step", "counted"])
def test_what_leaves_the_callings_alone_does_not(deed: str) -> None:
    it = world()
    if deed == "step":
        it.at(16)
    elif deed == "touch":
        it.take(machine.touch(it.snapshot, it.current, it.now))
    else:
        it.fail("alice")
    assert it.current.generation == 1


def news(generation: int, number: int, email: str = ALICE) -> PersonUnreachable:
    return PersonUnreachable(number, 7, NOW + minutes(2), email, "bounced", generation)


@pytest.mark.django_db
def test_a_late_failure_from_before_a_raise_skips_no_step_of_the_new_ladder(people: dict[str, User]) -> None:
    number = start(Severity.SEV3)
    row = SHIPPED_TABLE[Severity.SEV2]
    actions.change_severity(incident_id=7, row=row, urgency=row.urgency, now=NOW + minutes(1))
    assert [page.generation for page in Page.objects.order_by("id")] == [1, 2]
    assert CallOut.objects.get().generation == 2
    handlers.on_person_unreachable(news(1, number))
    assert pages() == [ALICE, ALICE]
    handlers.on_person_unreachable(news(2, number))
    assert pages() == [ALICE, ALICE, BOB]


@pytest.mark.django_db
def test_a_late_failure_after_a_reassignment_does_not_hurry_the_new_one(people: dict[str, User]) -> None:
    number = start()
    actions.reassign(incident_id=7, targets=[user(ALICE)], by="Bob", now=NOW + minutes(1))
    handlers.on_person_unreachable(news(1, number))
    assert pages() == [ALICE, ALICE]


@pytest.mark.django_db
def test_a_page_from_before_generations_were_counted_is_heard(people: dict[str, User]) -> None:
    number = start()
    handlers.on_person_unreachable(news(0, number))
    assert pages() == [ALICE, BOB]


@pytest.mark.django_db
def test_a_call_out_of_an_older_version_goes_on(people: dict[str, User]) -> None:
    """Its state and its snapshot lack every field that came since."""
    number = start()
    row = CallOut.objects.get(pk=number)
    new = ("policy", "acks", "declined", "posted", "generation")
    row.state = {key: value for key, value in row.state.items() if key not in new}
    row.snapshot = {k: v for k, v in row.snapshot.items() if k not in {"support", "fallbacks"}}
    row.snapshot["policy"].pop("fallback")
    for step in row.snapshot["policy"]["steps"]:
        for key in ("strategy", "ack", "on_empty", "when"):
            step.pop(key)
    row.save()
    assert actions.advance_due(now=NOW + minutes(5)) == 1
    assert pages() == [ALICE, BOB]


def test_the_state_of_an_older_version_has_its_defaults() -> None:
    assert State(CallOutStatus.RUNNING, NOW).generation == 0
    assert Policy("p", (Step((), HOUR),)).steps[0].strategy == "all"
