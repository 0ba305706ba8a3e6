"""`ack: each`: what somebody who acknowledges reads while the others are awaited, at each door."""

from datetime import timedelta

import pytest

from tests.incidents.conftest import Company
from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.escalation import actions as escalation
from tocsin.apps.escalation import settings
from tocsin.apps.incidents import actions
from tocsin.domain.escalation.model import AckMode, Policy, Step, Target, TargetKind
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.severity import Severity

NOTED = "Noted: 1 of 2 have acknowledged; owner is still called."


@pytest.fixture
def ref(company: Company) -> str:
    """An incident that waits for the mate and for the owner."""
    both = tuple(Target(TargetKind.USER, f"{name}@example.com") for name in ("mate", "owner"))
    steps = (Step(both, timedelta(minutes=5), ack=AckMode.EACH),)
    settings.save_policy(actor=SYSTEM, policy=Policy("payments", steps), now=company.now)
    return company.trigger().ref


def test_it_says_how_many_have_and_who_is_still_called(company: Company, ref: str) -> None:
    made = actions.acknowledge(actor=company.mate, ref=ref, now=company.now)
    assert (made.noted, made.acknowledged_at) == (NOTED, None)
    assert company.show(ref).noted == ""  # the owner has said nothing
    done = actions.acknowledge(actor=company.owner, ref=ref, now=company.now)
    assert (done.noted, done.acknowledged_by) == ("", "owner@example.com")


def test_it_is_recorded_once(company: Company, ref: str) -> None:
    first = actions.acknowledge(actor=company.mate, ref=ref, now=company.now)
    again = actions.acknowledge(actor=company.mate, ref=ref, now=company.now)
    assert (again.version, again.noted) == (first.version, NOTED)
    assert company.kinds(ref).count("counted") == 1
    assert AuditEntry.objects.filter(action="incident.acknowledgement_noted").count() == 1


def test_of_several_at_once_it_is_neither_theirs_nor_a_problem(company: Company, ref: str) -> None:
    number = company.show(ref).id
    (answered,) = actions.acknowledge_all(actor=company.mate, incident_ids=[number], now=company.now)
    assert (answered.mine, answered.noted, answered.problem) == (False, NOTED, "")


def test_responding_takes_it_from_those_who_are_awaited(company: Company, ref: str) -> None:
    actions.acknowledge(actor=company.mate, ref=ref, now=company.now)
    done = actions.respond(actor=company.mate, ref=ref, now=company.now)
    assert (done.noted, done.acknowledged_by) == ("", "mate@example.com")


def test_lowered_it_is_theirs_once_nobody_else_is_called(company: Company) -> None:
    first, second = (Target(TargetKind.USER, f"{name}@example.com") for name in ("mate", "owner"))
    steps = (Step((first,), timedelta(minutes=5)), Step((second,), timedelta(minutes=5), ack=AckMode.EACH))
    settings.save_policy(actor=SYSTEM, policy=Policy("payments", steps), now=company.now)
    ref = company.trigger().ref
    company.wait(minutes=5)
    escalation.advance_due(now=company.now)
    assert actions.acknowledge(actor=company.mate, ref=ref, now=company.now).noted == NOTED
    lowered = actions.set_severity(actor=company.owner, ref=ref, severity=Severity.SEV3, now=company.now)
    assert (lowered.acknowledged_by, lowered.severity) == ("mate@example.com", Severity.SEV3)
