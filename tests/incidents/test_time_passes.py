from dataclasses import replace

import pytest

from tests.incidents.conftest import START, Company
from tocsin.apps.catalog import actions as catalog
from tocsin.apps.catalog.models import Service
from tocsin.apps.catalog.types import ServiceSpec
from tocsin.apps.incidents import actions, jobs, pipeline
from tocsin.apps.incidents.models import Incident
from tocsin.apps.integrations import actions as integrations
from tocsin.apps.integrations.models import Event
from tocsin.apps.integrations.types import IntegrationSpec
from tocsin.apps.notify.models import Page
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.routing import Route, parse_matcher
from tocsin.domain.severity import Severity, Urgency

OFFICE = {"timezone": "UTC", "days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00"}
SPEC = ServiceSpec("checkout", team="payments", escalation_policy="payments")


def test_low_urgency_is_raised_when_support_hours_open(company: Company) -> None:
    spec = replace(SPEC, support_hours=OFFICE, outside="low", raise_at_opening=True)
    catalog.save_service(actor=SYSTEM, spec=spec, now=START)
    company.now = START.replace(hour=20)
    assert company.trigger("a").urgency is Urgency.LOW
    company.trigger("b")
    actions.acknowledge(actor=company.mate, ref="INC-2", now=company.now)
    company.now = START.replace(day=24, hour=9)
    jobs.sweep(company.now)
    assert company.show("INC-1").urgency is Urgency.HIGH
    mine = Page.objects.filter(incident_id=company.show("INC-1").id, user__email="mate@example.com")
    (page,) = mine.filter(ended_at=None)  # in place of the soft one
    assert page.urgency == Urgency.HIGH
    assert page.notifications.filter(state="planned", due_at__lte=company.now).exists()
    assert all(page.urgency is Urgency.LOW for page in company.show("INC-2").pages)
    assert company.show("INC-2").urgency is Urgency.LOW
    assert "urgency_changed" in company.kinds("INC-1")
    assert jobs.sweep(company.now) == 0


def test_what_is_raised_keeps_the_urgency_of_its_route_and_its_opening(company: Company) -> None:
    spec = replace(SPEC, support_hours=OFFICE, outside="low", raise_at_opening=True)
    catalog.save_service(actor=SYSTEM, spec=spec, now=START)
    loud = Route((parse_matcher("tier=1"),), service="checkout", urgency=Urgency.HIGH)
    integrations.save_routes(actor=SYSTEM, tree=Route(routes=(loud,)), now=START)
    company.now = START.replace(hour=20)
    group = {"group_key": "g"}
    company.trigger("a", severity="info", **group)
    raised = company.trigger("b", severity="warning", **group)
    assert (raised.severity, raised.urgency) == (Severity.SEV3, Urgency.LOW)
    opening = START.replace(day=24, hour=9)
    assert Incident.objects.get().raise_at == opening
    actions.set_severity(actor=company.mate, ref="INC-1", severity=Severity.SEV2, now=company.now)
    assert Incident.objects.get().raise_at == opening
    raised = company.trigger("c", severity="SEV1", labels={"tier": "1"}, **group)
    assert (raised.severity, raised.urgency) == (Severity.SEV1, Urgency.HIGH)
    assert Incident.objects.get().raise_at is None


def test_what_reopens_is_as_urgent_as_the_hour_asks_for(company: Company) -> None:
    spec = replace(SPEC, support_hours=OFFICE, outside="low", raise_at_opening=True)
    catalog.save_service(actor=SYSTEM, spec=spec, now=START)
    company.now = START.replace(hour=20)
    company.trigger()
    company.resolve()
    company.wait(minutes=1)
    assert company.trigger().urgency is Urgency.LOW
    assert Incident.objects.get().raise_at == START.replace(day=24, hour=9)
    company.now = START.replace(day=24, hour=8, minute=58)
    company.resolve()
    company.wait(minutes=3)
    reopened = company.trigger()
    assert (reopened.ref, reopened.reopen_count, reopened.urgency) == ("INC-1", 2, Urgency.HIGH)
    called = [page.urgency for page in reopened.pages if page.kind == "page" and page.ended_at is None]
    assert called == [Urgency.HIGH]


def test_routes_send_to_services_and_set_severity(company: Company) -> None:
    for name in ("database", "nosuch"):
        catalog.save_service(actor=SYSTEM, spec=replace(SPEC, name=name), now=START)
    tree = Route(
        group_by=("host",),
        routes=(
            Route((parse_matcher("tier=1"),), service="database", severity=Severity.SEV1, continue_=True),
            Route((parse_matcher("tier=1"),), service="checkout"),
            Route((parse_matcher("tier=lost"),), service="nosuch"),
        ),
    )
    integrations.save_routes(actor=SYSTEM, tree=tree, now=START)
    Service.objects.filter(name="nosuch").delete()  # which no action allows while a route names it
    company.trigger("a", labels={"tier": "1", "host": "db1"})
    assert {(row.service, row.severity) for row in company.rows()} == {
        ("database", "SEV1"),
        ("checkout", "SEV2"),
    }
    company.trigger("b", labels={"tier": "1", "host": "db1"})
    assert {row.alert_count for row in company.rows()} == {2}
    company.resolve("a")
    company.resolve("b")
    assert {row.status for row in company.rows()} == {"resolved"}
    lost = company.trigger("c", labels={"tier": "lost", "host": "x"})
    assert lost.service == "unrouted"
    assert "there is no such service" in lost.alerts[0].decisions[0].reason


def test_what_nobody_routes_is_not_lost(company: Company) -> None:
    spec = IntegrationSpec("loose", "generic")
    integrations.save_integration(actor=SYSTEM, spec=spec, now=START)
    company.send({"action": "trigger", "dedup_key": "x", "summary": "s"}, "loose")
    incident = company.newest()
    assert incident.service == "unrouted"
    assert incident.pages  # the last resort is called


def test_the_integrations_map_comes_before_the_payload(company: Company) -> None:
    spec = IntegrationSpec("tools", "generic", service="checkout", severity_map={"p1": Severity.SEV1})
    integrations.save_integration(actor=SYSTEM, spec=spec, now=START)
    assert company.trigger("a", severity="P1").severity is Severity.SEV1
    assert company.trigger("b", severity="critical").severity is Severity.SEV2


def test_an_event_that_breaks_us_is_set_aside_and_the_others_are_worked(
    company: Company, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = pipeline.carry_out

    def fragile(happenings: object, *args: object, **more: object) -> None:
        if any(each.alert.dedup_key == "bad" for each in happenings):  # type: ignore[attr-defined]  # a sequence
            raise AttributeError("a fault of ours")
        real(happenings, *args, **more)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(pipeline, "carry_out", fragile)
    company.send([{"action": "trigger", "dedup_key": key, "summary": "s"} for key in ("a", "bad", "b")])
    assert [row.title for row in reversed(company.rows())] == ["s", "s"]
    (event,) = Event.objects.exclude(set_aside="")
    assert (event.dedup_key, event.set_aside) == ("bad", "AttributeError: a fault of ours")
    assert jobs.process_waiting(company.now) == 0
    assert "set aside" in caplog.text
