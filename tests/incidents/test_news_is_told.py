from datetime import timedelta

import pytest

from tests.incidents.conftest import Company
from tocsin.apps.escalation import actions as escalation
from tocsin.apps.incidents import actions
from tocsin.apps.notify.models import Page
from tocsin.domain.lifecycle import Status
from tocsin.lib import bus
from tocsin.ports.events import NotificationFailed


def texts(company: Company, kind: str) -> list[str]:
    return [entry.text for entry in company.show("INC-1").timeline if entry.kind == kind]


@pytest.mark.parametrize(
    ("email", "said"),
    [
        ("mate@example.com", "Could not reach mate@example.com by sms: no such number"),
        ("", "Could not post to sms: no such number"),
    ],
)
def test_a_message_that_failed_is_on_the_timeline_in_words(company: Company, email: str, said: str) -> None:
    incident = company.trigger()
    bus.publish(NotificationFailed(incident.id, company.now, email, "sms", "no such number"))
    assert texts(company, "notification_failed") == [said]


def test_who_cannot_take_it_is_passed_at_once_and_the_timeline_says_why(company: Company) -> None:
    company.trigger()
    actions.decline_help(actor=company.mate, ref="INC-1", reason="Asleep", now=company.now)
    escalation.advance_due(now=company.now)
    assert texts(company, "help_declined") == ["mate cannot take it: Asleep"]
    called = [page.email for page in company.show("INC-1").pages if page.kind == "page"]
    assert called == ["mate@example.com", "owner@example.com"]
    assert company.show("INC-1").acknowledged_at is None


def test_whoever_is_unreachable_is_passed_and_the_timeline_says_so(company: Company) -> None:
    incident = company.trigger()
    (page,) = Page.objects.filter(incident_id=incident.id)
    assert page.call_out_id is not None
    escalation.unreachable(call_out_id=page.call_out_id, email="mate@example.com", now=company.now)
    assert texts(company, "undeliverable") == ["Every way to reach them failed"]
    assert company.show("INC-1").assigned[-1] == "owner@example.com"


def test_a_published_update_leaves_the_closing_to_a_person(company: Company) -> None:
    company.trigger()
    actions.note(actor=company.mate, ref="INC-1", text="Half works", update=True, now=company.now)
    company.wait(minutes=1)
    assert company.resolve().status is Status.MONITORING
    company.now += timedelta(minutes=1)
    closed = actions.resolve(actor=company.mate, ref="INC-1", now=company.now)
    assert closed.status is Status.RESOLVED
