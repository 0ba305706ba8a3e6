from datetime import timedelta

from tests.incidents.conftest import Company
from tocsin.apps.integrations.models import Event, Integration
from tocsin.domain.lifecycle import Status
from tocsin.domain.severity import Severity


def test_it_opens_an_incident_and_calls_the_first_step(company: Company) -> None:
    incident = company.trigger()
    assert (incident.ref, incident.status, incident.severity) == (
        "INC-1",
        Status.INVESTIGATING,
        Severity.SEV2,
    )
    assert incident.service == "checkout"
    assert [page.email for page in incident.pages] == ["mate@example.com"]
    assert incident.assigned == ("mate@example.com",)
    assert [entry.kind for entry in incident.timeline] == ["declared", "called"]


def test_it_stores_the_reason_of_each_decision(company: Company) -> None:
    (alert,) = company.trigger().alerts
    assert [d.stage for d in alert.decisions] == ["route", "severity", "urgency", "group", "incident"]
    assert all(d.reason for d in alert.decisions)
    assert alert.incident == "INC-1"


def test_repeats_count_and_page_nobody(company: Company) -> None:
    company.trigger()
    for _ in range(3):
        company.wait(minutes=1)
        incident = company.trigger()
    assert len(company.rows()) == 1
    assert incident.alerts[0].count == 4
    assert incident.alerts[0].last_seen_at == company.now
    assert len(incident.pages) == 1


def test_severity_none_opens_nothing(company: Company) -> None:
    company.send({"action": "trigger", "dedup_key": "n", "summary": "quiet", "severity": "none"})
    assert company.rows() == ()


def test_an_untouched_incident_resolves_with_its_last_alert(company: Company) -> None:
    company.trigger()
    company.wait(minutes=2)
    incident = company.resolve()
    assert (incident.status, incident.resolved_how) == (Status.RESOLVED, "alert")
    assert incident.resolved_at == company.now
    quiet = [page for page in incident.pages if page.kind == "resolved"]
    assert [page.email for page in quiet] == ["mate@example.com"]


def test_it_reopens_within_the_window_and_opens_a_linked_one_after(company: Company) -> None:
    company.trigger()
    company.wait(minutes=1)
    company.resolve()
    company.wait(minutes=4)
    again = company.trigger()
    assert (again.ref, again.status, again.reopen_count) == ("INC-1", Status.INVESTIGATING, 1)
    assert len([page for page in again.pages if page.kind == "page"]) == 2
    company.wait(minutes=1)
    company.resolve()
    company.wait(minutes=6)
    later = company.trigger()
    assert (later.ref, later.follows) == ("INC-2", "INC-1")


def test_open_and_over_within_one_batch_leaves_it_resolved(company: Company) -> None:
    company.send(
        [
            {"action": "trigger", "dedup_key": "k", "summary": "s"},
            {"action": "resolve", "dedup_key": "k"},
            {"action": "trigger", "dedup_key": "k", "summary": "s"},
            {"action": "resolve", "dedup_key": "k"},
        ]
    )
    (row,) = company.rows()
    assert row.status is Status.RESOLVED
    assert len(company.show(row.ref).alerts) == 2


def test_an_incident_older_than_a_day_is_not_joined(company: Company) -> None:
    group = {"group_key": "g"}
    company.trigger("a", **group)
    company.wait(hours=23)
    assert company.trigger("b", **group).ref == "INC-1"
    company.now += timedelta(hours=1, seconds=1)
    newest = company.trigger("c", **group)
    assert (newest.ref, newest.follows) == ("INC-2", "INC-1")


def test_an_event_that_cannot_be_read_is_set_aside_and_blocks_nothing(company: Company) -> None:
    row = Integration.objects.get(name="tools")
    Event.objects.create(
        event_id="bad",
        integration=row,
        action="trigger",
        dedup_key="x",
        lane=0,
        payload=b"[1",
        received_at=company.now,
    )
    company.trigger()
    assert "expected `object`" in Event.objects.get(event_id="bad").set_aside
    assert len(company.rows()) == 1
