from datetime import timedelta

import pytest

from tests.incidents.conftest import Company
from tocsin.apps.incidents import actions, jobs, sweep
from tocsin.apps.incidents.models import Incident
from tocsin.domain.escalation.model import Target, TargetKind
from tocsin.domain.lifecycle import Status


def held(company: Company, key: str, ref: str) -> None:
    company.trigger(key)
    actions.resolve(actor=company.mate, ref=ref, now=company.now)


def test_what_was_merged_into_a_direct_page_reopens_and_its_service_is_called(company: Company) -> None:
    company.trigger()
    owner = Target(TargetKind.USER, "owner@example.com")
    actions.page(actor=company.mate, target=owner, title="Come", service="checkout", now=company.now)
    actions.merge(actor=company.mate, ref="INC-1", into="INC-2", now=company.now)
    actions.resolve(actor=company.mate, ref="INC-2", now=company.now)
    company.wait(minutes=15)
    jobs.sweep(company.now)
    incident = company.show("INC-2")
    assert incident.status is Status.INVESTIGATING
    assert [page.email for page in incident.pages if page.started_at == company.now] == [
        "mate@example.com",
        "mate@example.com",  # the one who resolved it is told too
    ]


def test_one_incident_that_cannot_be_moved_stops_no_other(
    company: Company, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = sweep.call_again

    def fragile(incident: Incident, *args: object, **more: object) -> None:
        if incident.ref == "INC-1":
            raise AttributeError("a fault of ours")
        real(incident, *args, **more)  # type: ignore[arg-type]  # handed through

    held(company, "a", "INC-1")
    held(company, "b", "INC-2")
    monkeypatch.setattr(sweep, "call_again", fragile)
    company.wait(minutes=15)
    assert jobs.sweep(company.now) == 2
    assert company.show("INC-1").status is Status.RESOLVED
    assert company.show("INC-2").status is Status.INVESTIGATING
    assert "cannot be moved" in caplog.text
    assert jobs.sweep(company.now) == 0
    monkeypatch.undo()
    company.now += timedelta(minutes=1)
    assert jobs.sweep(company.now) == 1
    assert company.show("INC-1").status is Status.INVESTIGATING


def test_a_kind_that_fails_stops_no_other(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    held(company, "a", "INC-1")

    def broken(_now: object) -> int:
        raise AttributeError("a fault of ours")

    monkeypatch.setattr(sweep, "raise_at_opening", broken)
    company.wait(minutes=15)
    assert jobs.sweep(company.now) == 1
    monkeypatch.setattr(sweep, "end_holds", broken)
    assert jobs.sweep(company.now) == 0
