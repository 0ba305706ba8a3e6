"""Several workers at once, and a process that is killed between two steps: holds lose nothing, and tell
nobody twice.
"""

from datetime import timedelta
from typing import Any

import pytest

from tests.incidents.conftest import Company
from tests.incidents.test_many_workers import fill, together, work_off
from tocsin.apps.alerts.actions import expire_silence, save_silence
from tocsin.apps.alerts.holding import Desk
from tocsin.apps.alerts.models import Alert, Hold
from tocsin.apps.alerts.types import SilenceInfo, SilenceSpec
from tocsin.apps.incidents import holding, jobs, pipeline
from tocsin.apps.incidents.models import Incident
from tocsin.apps.notify.models import Page


class Killed(BaseException):
    """As no `except Exception` sees it."""


def _silence(company: Company, hours: float = 1) -> SilenceInfo:
    end = company.now + timedelta(hours=hours)
    spec = SilenceSpec(('integration="tools"',), company.now, end)
    return save_silence(actor=company.mate, spec=spec, now=company.now)


def _fire(company: Company, number: int = 1) -> None:
    for key in range(number):
        company.send({"action": "trigger", "dedup_key": f"k{key}", "summary": "s"})


def _killed(*_: Any, **__: Any) -> None:
    raise Killed


def test_killed_after_the_batch_it_is_released_by_the_next_worker(company: Company) -> None:
    _silence(company)
    _fire(company)
    # No sweep ran at all: what was committed is all there is.
    company.wait(hours=3)
    jobs.sweep(company.now)
    assert company.newest().detected_at == company.now - timedelta(hours=3)
    assert Page.objects.count() == 1
    jobs.sweep(company.now + timedelta(seconds=1))
    assert (Incident.objects.count(), Page.objects.count()) == (1, 1)


def test_killed_in_the_release_nothing_is_released_and_the_next_one_tells_once(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    _silence(company)
    _fire(company, 3)
    company.wait(hours=1)
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "carry_out", _killed)
        with pytest.raises(Killed):
            holding.release(company.now)
    assert Hold.objects.filter(ended_at=None).count() == 3
    assert Alert.objects.filter(held_since=None).count() == 0
    jobs.sweep(company.now)
    assert (Incident.objects.count(), Page.objects.count()) == (3, 3)
    jobs.sweep(company.now + timedelta(seconds=1))
    assert (Incident.objects.count(), Page.objects.count()) == (3, 3)


def test_killed_before_an_incident_stops_calling_or_goes_on_the_next_worker_does_it(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.trigger()
    made = _silence(company)
    company.wait(seconds=1)
    holding.release(company.now)
    assert Incident.objects.get().suppressed_by == ""
    with monkeypatch.context() as patch:
        patch.setattr(holding.escalation, "end", _killed)
        with pytest.raises(Killed):
            holding.suppress(company.now)
    assert Incident.objects.get().suppressed_by == ""
    holding.suppress(company.now)
    assert Incident.objects.get().suppressed_by != ""
    expire_silence(actor=company.mate, uid=made.uid, now=company.now)
    holding.release(company.now)
    with monkeypatch.context() as patch:
        patch.setattr(holding, "call_again", _killed)
        with pytest.raises(Killed):
            holding.suppress(company.now)
    assert Incident.objects.get().suppressed_by != ""
    jobs.sweep(company.now)
    assert Incident.objects.get().suppressed_by == ""
    assert Page.objects.filter(ended_at=None).count() == 1
    assert company.kinds("INC-1").count("released") == 1


@pytest.mark.django_db(transaction=True)
def test_several_workers_release_each_alert_once(transactional_db: None, company: Company) -> None:
    _silence(company)
    fill(company, [("trigger", f"key{number}") for number in range(40)])
    assert together(*[lambda: work_off(company)] * 3) == []
    assert Alert.objects.exclude(held_since=None).count() == 40
    assert not Incident.objects.exists()
    company.wait(hours=1)
    assert together(*[lambda: jobs.sweep(company.now)] * 3) == []
    jobs.sweep(company.now + timedelta(seconds=1))
    assert not Hold.objects.filter(ended_at=None).exists()
    assert Incident.objects.count() == 10  # ten groups
    assert Page.objects.count() == 10
    assert sum(row.alert_links.count() for row in Incident.objects.all()) == 40


@pytest.mark.django_db(transaction=True)
def test_a_silence_that_ends_while_events_come_in_loses_none(
    transactional_db: None, company: Company
) -> None:
    made = _silence(company)
    fill(company, [("trigger", f"key{number}") for number in range(40)])
    failed = together(
        lambda: work_off(company),
        lambda: expire_silence(actor=company.mate, uid=made.uid, now=company.now),
        lambda: jobs.sweep(company.now),
        lambda: work_off(company),
    )
    assert failed == []
    company.wait(seconds=1)
    jobs.sweep(company.now)
    jobs.sweep(company.now + timedelta(seconds=1))
    assert not Hold.objects.filter(ended_at=None).exists()
    assert sum(row.alert_links.count() for row in Incident.objects.all()) == 40
    assert Page.objects.filter(ended_at=None).count() == Incident.objects.count() == 10


@pytest.mark.parametrize("way", ["ended", "shortened"])
def test_a_batch_that_had_read_a_silence_before_it_ended_holds_no_longer(
    company: Company, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    made = _silence(company, hours=4)
    write = Desk.write

    def end_it_first(desk: Desk) -> None:
        if way == "ended":
            expire_silence(actor=company.mate, uid=made.uid, now=company.now)
        else:
            soon = company.now + timedelta(minutes=1)
            spec = SilenceSpec(('integration="tools"',), company.now, soon, uid=made.uid)
            save_silence(actor=company.mate, spec=spec, now=company.now)
        write(desk)

    with monkeypatch.context() as patch:
        patch.setattr(Desk, "write", end_it_first)
        _fire(company)
    assert Hold.objects.get(ended_at=None).until == made.ends_at
    company.wait(seconds=1 if way == "ended" else 61)
    jobs.sweep(company.now)
    assert not Hold.objects.filter(ended_at=None).exists()
    assert Page.objects.count() == 1
    jobs.sweep(company.now + timedelta(seconds=1))
    assert (Incident.objects.count(), Page.objects.count()) == (1, 1)


def test_a_silence_changed_by_a_host_whose_clock_is_behind_is_read_anew(company: Company) -> None:
    made = _silence(company)
    ahead = SilenceSpec(('service="else"',), company.now, company.now + timedelta(hours=1))
    save_silence(actor=company.mate, spec=ahead, now=company.now + timedelta(seconds=5))
    _fire(company)
    assert not Page.objects.exists()
    other = SilenceSpec(('integration="another"',), company.now, made.ends_at, uid=made.uid)
    save_silence(actor=company.mate, spec=other, now=company.now)
    jobs.sweep(company.now)
    assert Page.objects.count() == 1
