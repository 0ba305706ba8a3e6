from datetime import timedelta

import pytest

from tests.incidents.conftest import Company
from tocsin.apps.catalog import actions as catalog
from tocsin.apps.catalog.types import ServiceSpec
from tocsin.apps.incidents import actions
from tocsin.apps.integrations import actions as integrations
from tocsin.domain.lifecycle import Status
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.routing import Route
from tocsin.domain.severity import Severity

GROUP = {"group_key": "g"}


def test_joining_an_unacknowledged_incident_pages_nobody(company: Company) -> None:
    company.trigger("a", **GROUP)
    incident = company.trigger("b", **GROUP)
    assert (incident.ref, incident.alert_count) == ("INC-1", 2)
    assert [page.email for page in incident.pages] == ["mate@example.com"]
    assert [entry.kind for entry in incident.timeline][-1] == "alert_attached"


def test_joining_an_acknowledged_incident_tells_the_acker_once(company: Company) -> None:
    company.trigger("a", **GROUP)
    actions.acknowledge(actor=company.mate, ref="INC-1", now=company.now)
    for key in "bcd":
        incident = company.trigger(key, **GROUP)
    assert incident.alert_count == 4
    assert [page.email for page in incident.pages if page.kind == "joined"] == ["mate@example.com"]
    assert incident.acknowledged_by == "mate@example.com"


def test_a_worse_alert_raises_the_incident_and_calls_again(company: Company) -> None:
    company.trigger("a", severity="warning", **GROUP)
    actions.acknowledge(actor=company.mate, ref="INC-1", now=company.now)
    incident = company.trigger("b", severity="SEV1", **GROUP)
    assert (incident.severity, incident.acknowledged_at) == (Severity.SEV1, None)
    assert len([page for page in incident.pages if page.kind == "page"]) == 2
    assert [page.email for page in incident.pages if page.kind == "stakeholder"] == ["manager@example.com"]
    assert company.trigger("c", severity="info", **GROUP).severity is Severity.SEV1


def test_an_alert_that_gets_worse_raises_its_incident(company: Company) -> None:
    company.trigger("a", severity="info")
    incident = company.trigger("a", severity="critical")
    assert (incident.severity, incident.alerts[0].count) == (Severity.SEV2, 2)
    assert company.trigger("a", severity="info").severity is Severity.SEV2


def test_a_repeat_leaves_alone_what_a_person_lowered(company: Company) -> None:
    company.trigger("a", labels={"value": "1"})
    actions.acknowledge(actor=company.mate, ref="INC-1", now=company.now)
    actions.set_severity(actor=company.mate, ref="INC-1", severity=Severity.SEV3, now=company.now)
    company.wait(minutes=1)
    incident = company.trigger("a", labels={"value": "2"})
    assert (incident.severity, incident.acknowledged_by) == (Severity.SEV3, "mate@example.com")
    assert len([page for page in incident.pages if page.kind == "page"]) == 1
    company.trigger("a", severity="error", labels={"value": "2"})  # another word for the same
    assert company.show("INC-1").severity is Severity.SEV3
    assert company.trigger("a", severity="SEV1").severity is Severity.SEV1


def test_a_repeat_leaves_alone_what_another_route_made_worse(company: Company) -> None:
    spec = ServiceSpec("database", team="payments", escalation_policy="payments")
    catalog.save_service(actor=SYSTEM, spec=spec, now=company.now)
    tree = Route(
        routes=(
            Route(service="database", severity=Severity.SEV1, continue_=True),
            Route(service="checkout", severity=Severity.SEV3),
        )
    )
    integrations.save_routes(actor=SYSTEM, tree=tree, now=company.now)
    company.trigger("a")
    for row in company.rows():
        actions.set_severity(actor=company.mate, ref=row.ref, severity=Severity.SEV4, now=company.now)
    company.trigger("a", labels={"value": "2"})
    assert {row.severity for row in company.rows()} == {Severity.SEV4}


def test_an_alert_that_becomes_loud_opens_an_incident(company: Company) -> None:
    company.send({"action": "trigger", "dedup_key": "a", "summary": "s", "severity": "none"})
    assert company.trigger("a").severity is Severity.SEV2


def test_a_snoozed_incident_is_not_joined(company: Company) -> None:
    company.trigger("a", **GROUP)
    until = company.now + timedelta(hours=1)
    actions.snooze(actor=company.mate, ref="INC-1", until=until, now=company.now)
    newest = company.trigger("b", **GROUP)
    assert (newest.ref, newest.follows) == ("INC-2", "INC-1")


def test_acknowledging_ends_a_snooze_so_it_is_joined_again(company: Company) -> None:
    company.trigger("a", **GROUP)
    until = company.now + timedelta(hours=1)
    actions.snooze(actor=company.mate, ref="INC-1", until=until, now=company.now)
    incident = actions.acknowledge(actor=company.mate, ref="INC-1", now=company.now)
    assert (incident.snoozed_until, incident.acknowledged_by) == (None, "mate@example.com")
    assert company.trigger("b", **GROUP).ref == "INC-1"


def test_a_merged_group_joins_where_it_went(company: Company) -> None:
    company.trigger("a", **GROUP)
    company.trigger("x")
    actions.merge(actor=company.mate, ref="INC-1", into="INC-2", now=company.now)
    assert company.trigger("b", **GROUP).ref == "INC-2"
    assert company.show("INC-2").alert_count == 3


def test_alertmanagers_own_group_is_one_incident(company: Company) -> None:
    def alert(name: str, status: str) -> dict[str, object]:
        labels = {"alertname": "Down", "instance": name, "severity": "critical"}
        return {"status": status, "labels": labels, "annotations": {"summary": name}, "fingerprint": name}

    def body(first: str, second: str) -> dict[str, object]:
        return {"groupKey": "{}:{x}", "alerts": [alert("w1", first), alert("w2", second)]}

    company.send(body("firing", "firing"), "prometheus")
    assert company.newest().alert_count == 2
    resolved = body("resolved", "firing")
    company.send(resolved, "prometheus")
    assert company.newest().status is Status.INVESTIGATING
    silent = body("resolved", "resolved")
    for each in silent["alerts"]:  # type: ignore[attr-defined]  # a list
        each["annotations"] = {}
    company.send(silent, "prometheus")
    incident = company.newest()
    assert (incident.ref, incident.status) == ("INC-1", Status.RESOLVED)
    assert [alert.summary for alert in incident.alerts] == ["w1", "w2"]


@pytest.mark.parametrize(
    ("severity", "touch", "status"),
    [
        ("critical", "", Status.RESOLVED),
        ("critical", "acknowledge", Status.RESOLVED),
        ("critical", "note", Status.RESOLVED),
        ("critical", "mitigate", Status.MONITORING),
        ("critical", "identify", Status.MONITORING),
        ("SEV1", "", Status.RESOLVED),
        ("SEV1", "acknowledge", Status.MONITORING),
        ("SEV1", "note", Status.MONITORING),
    ],
)
def test_what_the_last_alerts_end_does(company: Company, severity: str, touch: str, status: Status) -> None:
    company.trigger(severity=severity)
    deeds = {
        "acknowledge": lambda: actions.acknowledge(actor=company.mate, ref="INC-1", now=company.now),
        "note": lambda: actions.note(actor=company.mate, ref="INC-1", text="x", now=company.now),
        "mitigate": lambda: actions.mitigate(actor=company.mate, ref="INC-1", now=company.now),
        "identify": lambda: actions.set_status(
            actor=company.mate, ref="INC-1", status=Status.IDENTIFIED, now=company.now
        ),
    }
    if touch:
        deeds[touch]()
    incident = company.resolve()
    assert incident.status is status
    nudges = [page for page in incident.pages if page.kind == "nudge"]
    assert bool(nudges) is (status is Status.MONITORING)


def test_reopening_with_a_worse_alert_calls_each_once(company: Company) -> None:
    company.trigger("a", severity="warning", **GROUP)
    company.resolve("a")
    company.wait(minutes=2)
    incident = company.trigger("b", severity="SEV1", **GROUP)
    assert (incident.ref, incident.severity, incident.reopen_count) == ("INC-1", Severity.SEV1, 1)
    called = [page for page in incident.pages if page.started_at == company.now and page.kind != "resolved"]
    assert sorted(page.email for page in called) == ["manager@example.com", "mate@example.com"]


def test_flapping_while_monitoring_is_told_without_a_new_status(company: Company) -> None:
    company.trigger(severity="SEV1")
    actions.acknowledge(actor=company.mate, ref="INC-1", now=company.now)
    company.resolve()
    company.trigger(severity="SEV1")
    incident = company.resolve()
    assert incident.status is Status.MONITORING
    assert [entry.kind for entry in incident.timeline].count("status_changed") == 1


def test_a_batch_that_gets_worse_calls_each_once(company: Company) -> None:
    company.send(
        [
            {"action": "trigger", "dedup_key": "a", "summary": "a", "severity": "warning", **GROUP},
            {"action": "trigger", "dedup_key": "b", "summary": "b", "severity": "SEV1", **GROUP},
            {"action": "trigger", "dedup_key": "a", "summary": "a", "severity": "critical", **GROUP},
        ]
    )
    incident = company.newest()
    assert (incident.severity, incident.initial_severity) == (Severity.SEV1, Severity.SEV3)
    assert sorted(page.email for page in incident.pages) == ["manager@example.com", "mate@example.com"]
