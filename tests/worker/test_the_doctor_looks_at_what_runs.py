"""`tocsin doctor` says how it stands with workers, the canary and vendors, and what to do."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from tests.ingest.conftest import database_url
from tocsin.apps.incidents.models import CanaryRun
from tocsin.apps.notify import vendors
from tocsin.apps.notify.models import WorkerProcess
from tocsin.config.options import Options, load
from tocsin.config.roles import doctor
from tocsin.config.roles.doctor import Finding
from tocsin.lib import clock

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def line() -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url(), autocommit=True) as connection:
        yield connection


@pytest.fixture
def options() -> Options:
    return replace(load(), canary_url="http://door:8080", database_url=database_url())


def worker(name: str, silent_s: float) -> None:
    now = clock.now()
    WorkerProcess.objects.create(
        id=name, host="one", pid=7, started_at=now, heartbeat_at=now - timedelta(seconds=silent_s)
    )


def test_nobody_is_called_without_a_worker(line: psycopg.Connection) -> None:
    found = doctor._workers(line)
    assert (found.state, "tocsin worker" in found.hint) == ("failed", True)
    worker("w1", 300)
    assert "5m" in doctor._workers(line).detail


def test_a_worker_that_is_silent_is_named(line: psycopg.Connection) -> None:
    worker("w1", 0)
    assert doctor._workers(line) == Finding("workers", "fine", "1 running")
    worker("w2", 120)
    found = doctor._workers(line)
    assert found.state == "warning"
    assert "one (process 7) for 2m" in found.detail


def test_the_canary_is_looked_for(line: psycopg.Connection, options: Options) -> None:
    assert "none has arrived" in doctor._canary(options, line).detail
    now = clock.now()
    run = CanaryRun.objects.create(name="c", begun_at=now, problem="the door answered 503")
    lost = doctor._canary(options, line)
    assert lost.state == "failed"
    assert "the door answered 503" in lost.detail
    assert "http://door:8080" in lost.hint
    CanaryRun.objects.filter(pk=run.pk).update(arrived_at=now + timedelta(seconds=1))
    assert doctor._canary(options, line).state == "fine"
    CanaryRun.objects.update(
        begun_at=now - timedelta(seconds=200), arrived_at=now - timedelta(seconds=199), problem=""
    )
    assert doctor._canary(options, line).state == "failed"
    assert doctor._canary(replace(options, canary_url=""), line).state == "skipped"


def test_vendors_that_take_nothing_are_named(line: psycopg.Connection) -> None:
    vendors._well.clear()
    assert list(doctor._vendors(line)) == []
    vendors.heard("smtp", True, "", clock.now())
    for _ in range(5):
        vendors.heard("twilio", False, "500 from Twilio", clock.now())
    failing, well = doctor._vendors(line)
    assert (failing.check, failing.state) == ("vendor twilio", "failed")
    assert "500 from Twilio" in failing.detail
    assert (well.state, well.detail) == ("fine", "take what they are given: smtp")


def test_everything_is_looked_at_in_turn(options: Options) -> None:
    assert [each.check for each in doctor._running(options)] == ["workers", "canary"]
    away = replace(options, database_url="postgresql://nobody@127.0.0.1:9/none")
    assert list(doctor._running(away)) == []  # what is wrong with the database is said elsewhere
