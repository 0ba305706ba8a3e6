"""Heartbeats, silent sources, changes and notes through the log, the worker and its sweep."""

from datetime import timedelta
from typing import Any

import pytest

from tests.incidents.conftest import Company
from tests.incidents.conftest import company as company  # noqa: PLC0414 - a fixture
from tocsin.apps.alerts.models import Change
from tocsin.apps.incidents import jobs
from tocsin.apps.integrations import heartbeat_actions as actions
from tocsin.apps.integrations import heartbeat_queries as queries
from tocsin.apps.integrations.heartbeat_queries import HeartbeatInfo, HeartbeatSpec
from tocsin.apps.integrations.models import Event, Integration
from tocsin.domain.errors import PermissionDenied
from tocsin.domain.heartbeat import State
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.signal import lane_of
from tocsin.ports import registry
from tocsin.ports.source import Asked, CompatibleSource


def beat(company: Company, path: str, body: bytes = b"", **query: str) -> None:
    source = registry.source("heartbeat")
    assert isinstance(source, CompatibleSource)
    row = Integration.objects.get(name="tools")
    for envelope in source.read(Asked("POST", f"/ingest/heartbeat/{row.key}{path}", query, {}, body)):
        write(company, row, "heartbeat", envelope)
    work(company)


def write(company: Company, row: Integration, kind: str, envelope: Any) -> None:
    company.numbers += 1
    Event.objects.create(
        event_id=str(company.numbers),
        integration=row,
        kind=kind,
        action=envelope.action,
        dedup_key=envelope.dedup_key,
        lane=lane_of(row.pk, envelope.dedup_key),
        payload=envelope.payload,
        received_at=company.now,
    )


def work(company: Company) -> None:
    jobs.sweep(company.now)
    while jobs.process_waiting(company.now):
        pass


def only(company: Company) -> HeartbeatInfo:
    (found,) = queries.all_heartbeats(company.now)
    return found


def test_one_that_is_missed_opens_one_incident_and_ends_it_when_heard_again(company: Company) -> None:
    beat(company, "/backup", every="1h")
    assert (only(company).state, only(company).every) == (State.UP, timedelta(hours=1))
    company.wait(minutes=65)
    work(company)
    assert (only(company).state, company.rows()) == (State.LATE, ())
    company.wait(minutes=2)
    work(company)
    work(company)  # looked at twice, told once
    assert only(company).state is State.DOWN
    (row,) = company.rows()
    assert row.title.startswith("backup is not heard of: expected every 1h")
    assert len(company.show(row.ref).alerts) == 1
    company.wait(minutes=1)
    beat(company, "/backup")
    work(company)
    assert only(company).state is State.UP
    assert company.newest().status == "resolved"


def test_an_exit_code_is_a_failure_at_once_with_what_the_job_said(company: Company) -> None:
    beat(company, "/backup/start")
    company.wait(seconds=30)
    beat(company, "/backup/3", b"disk full")
    work(company)
    found = only(company)
    assert (found.state, found.exit_code, found.last_run) == (State.DOWN, 3, timedelta(seconds=30))
    assert company.newest().title == "backup failed with exit code 3"
    assert company.newest().alerts[0].annotations["description"] == "disk full"


def test_one_that_was_set_up_and_never_comes_is_missed_too(company: Company) -> None:
    spec = HeartbeatSpec("tools", "nightly", every=timedelta(hours=1), severity="SEV3")
    actions.save_heartbeat(actor=SYSTEM, spec=spec, now=company.now)
    company.wait(hours=1, minutes=7)
    work(company)
    (row,) = company.rows()
    assert (row.severity, "never heard of" in row.title) == ("SEV3", True)


def test_a_paused_one_is_not_awaited_and_its_alert_is_over(company: Company) -> None:
    beat(company, "/backup/fail")
    work(company)
    actions.pause_heartbeat(actor=company.owner, number=only(company).id, now=company.now, on=False)
    work(company)
    assert company.newest().status == "resolved"
    company.wait(days=3)
    work(company)
    assert (only(company).state, len(company.rows())) == (State.PAUSED, 1)


def test_strangers_do_not_change_it(company: Company) -> None:
    beat(company, "/backup")
    with pytest.raises(PermissionDenied):
        actions.delete_heartbeat(actor=company.stranger, number=only(company).id, now=company.now)


def test_a_source_that_falls_silent_is_told_of_once_until_it_speaks(company: Company) -> None:
    Integration.objects.filter(name="tools").update(silent_after=timedelta(minutes=15))
    work(company)
    assert company.rows() == ()  # it never said anything
    company.trigger("k1")
    company.resolve("k1")
    company.wait(minutes=16)
    work(company)
    company.wait(minutes=30)
    work(company)
    titles = [row.title for row in company.rows()]
    assert titles == ["Source silent: nothing from tools for 15m", "k1 is down"]
    company.trigger("k2")
    work(company)
    assert {row.title: row.status for row in company.rows()}[titles[0]] == "resolved"


def test_changes_are_kept_once_and_open_nothing(company: Company) -> None:
    source = registry.source("pagerduty")
    assert isinstance(source, CompatibleSource)
    row = Integration.objects.get(name="tools")
    body = (
        b'{"routing_key": "%b", "payload": {"summary": "deployed v1.42", "source": "ci"}}' % row.key.encode()
    )
    asked = Asked("POST", "/pagerduty/v2/change/enqueue", {}, {}, body)
    for envelope in source.read(asked):
        write(company, row, "pagerduty", envelope)
        write(company, row, "pagerduty", envelope)
    work(company)
    (change,) = Change.objects.all()
    assert (change.summary, change.service and change.service.name) == ("deployed v1.42", "checkout")
    assert company.rows() == ()
    jobs.tidy(company.now + timedelta(days=91))
    assert not Change.objects.exists()
