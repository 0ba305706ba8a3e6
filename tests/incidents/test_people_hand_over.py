from datetime import timedelta

import pytest

from tests.incidents.conftest import Company
from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.escalation import actions as escalation
from tocsin.apps.incidents import actions
from tocsin.apps.notify.models import Page
from tocsin.domain.errors import Conflict
from tocsin.domain.permissions import Actor, ActorKind, Role

TOKEN = Actor(ActorKind.TOKEN, "ci", Role.RESPONDER)


def acknowledged(company: Company) -> None:
    company.trigger()
    actions.acknowledge(actor=company.mate, ref="INC-1", now=company.now)


def test_what_somebody_has_is_taken_over_and_nobody_is_called(company: Company) -> None:
    acknowledged(company)
    first, pages = company.now, Page.objects.count()
    company.wait(minutes=10)
    incident = actions.take_over(actor=company.owner, ref="INC-1", now=company.now)
    assert (incident.acknowledged_by, incident.acknowledged_at) == ("owner@example.com", first)
    assert Page.objects.count() == pages
    assert AuditEntry.objects.filter(action="incident.handed_over").count() == 1
    actions.take_over(actor=company.owner, ref="INC-1", now=company.now)
    assert company.kinds("INC-1").count("handed_over") == 1


def test_the_acknowledge_time_out_starts_anew_and_asks_whoever_has_it_now(company: Company) -> None:
    acknowledged(company)
    company.wait(minutes=29)
    actions.take_over(actor=company.owner, ref="INC-1", now=company.now)
    company.wait(minutes=29)
    escalation.advance_due(now=company.now)
    assert not Page.objects.filter(kind="nudge").exists()
    company.now += timedelta(minutes=1)
    escalation.advance_due(now=company.now)
    assert [page.user.email for page in Page.objects.filter(kind="nudge")] == ["owner@example.com"]


def test_what_a_token_acknowledged_can_be_taken(company: Company) -> None:
    company.trigger()
    actions.acknowledge(actor=TOKEN, ref="INC-1", now=company.now)
    incident = actions.take_over(actor=company.mate, ref="INC-1", now=company.now)
    assert incident.acknowledged_by == "mate@example.com"


def test_what_nobody_has_cannot_be_taken_over(company: Company) -> None:
    company.trigger()
    with pytest.raises(Conflict) as refused:
        actions.take_over(actor=company.mate, ref="INC-1", now=company.now)
    assert refused.value.allowed == ("respond",)
    actions.acknowledge(actor=company.mate, ref="INC-1", now=company.now)
    with pytest.raises(Conflict):
        actions.take_over(actor=TOKEN, ref="INC-1", now=company.now)
