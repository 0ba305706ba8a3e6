"""Each minute an event of our own goes the whole way, and nobody sees it."""

import threading
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from django.db import connection

from tests.ingest.conftest import Options, database_url
from tests.ingest.test_a_real_server import served
from tests.notify.fakes import FakeChannel
from tocsin.adapters.canary.channel import CanaryChannel
from tocsin.apps.alerts import queries as alerts
from tocsin.apps.alerts.models import Alert
from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.catalog import actions as catalog
from tocsin.apps.catalog import queries as services
from tocsin.apps.catalog.types import ServiceSpec
from tocsin.apps.configuration import queries as configuration
from tocsin.apps.escalation.models import CallOut
from tocsin.apps.identity import actions as identity
from tocsin.apps.incidents import canary, jobs
from tocsin.apps.incidents import queries as incidents
from tocsin.apps.incidents.models import CanaryRun, Incident, TimelineEntry
from tocsin.apps.integrations import actions as integrations
from tocsin.apps.integrations import queries as ways_in
from tocsin.apps.integrations.models import Event, Integration
from tocsin.apps.notify import delivery
from tocsin.apps.notify.models import Attempt, Notification, Page
from tocsin.apps.oncall.models import ShiftUse
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.routing import Route
from tocsin.domain.severity import Severity
from tocsin.entrypoints.worker.canary import Canary
from tocsin.lib import clock
from tocsin.ports import registry

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def twin(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = CanaryChannel(lambda name: canary.arrived(name, clock.now()))
    monkeypatch.setattr(registry, "channels", {"email": FakeChannel()})
    monkeypatch.setattr(registry, "twins", {"canary": channel})


def send(now: datetime | None = None) -> None:
    with TemporaryDirectory() as folder, served(Options(database_url(), Path(folder))) as url:
        Canary(url, threading.Event()).step()


def work() -> int:
    """What a worker's loops do, once; how many messages left."""
    now = clock.now()
    while jobs.process_waiting(now):
        pass
    delivery.beat("w1", "here", 1)
    claimed = delivery.claim("w1", now + timedelta(seconds=1), 10)
    for job in claimed:
        delivery.deliver_one(job, "w1")
    return len(claimed)


def left() -> dict[str, int]:
    tables = (Event, Alert, TimelineEntry, CallOut, Page, Notification, Attempt)
    return {table.__name__: table.objects.count() for table in tables} | {
        "Incident": Incident.everything.count()
    }


def test_it_walks_from_the_door_to_its_channel() -> None:
    send()
    assert canary.standing(clock.now()).good_at is None
    assert work() == 1
    run = CanaryRun.objects.get()
    assert run.accepted_at is not None
    standing = canary.standing(clock.now())
    assert standing.good_at == run.begun_at
    assert standing.seconds is not None
    assert standing.seconds < 30
    assert standing.stuck == ""


def test_nobody_sees_it() -> None:
    owner = identity.invite_user(
        actor=SYSTEM, email="owner@example.com", name="", role="owner", now=clock.now()
    )
    assert owner
    send()
    work()
    assert Incident.everything.count() == 1  # it was there
    assert incidents.incidents(actor=SYSTEM).items == ()
    assert incidents.counts().total == 0
    assert alerts.alerts(actor=SYSTEM).items == ()
    assert services.services() == ()
    assert ways_in.integrations() == ()
    assert "canary" not in str(configuration.organisation())
    assert TimelineEntry.objects.count() == 0
    assert ShiftUse.objects.count() == 0
    assert Page.objects.exclude(user=None).count() == 0
    assert list(AuditEntry.objects.values_list("action", flat=True)).count("canary.set_up") == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT is_called FROM incidents_number")
        before = cursor.fetchone()
    send()
    with connection.cursor() as cursor:
        cursor.execute("SELECT is_called FROM incidents_number")
        assert cursor.fetchone() == before


def test_no_route_sends_it_to_people() -> None:
    catalog.save_service(actor=SYSTEM, spec=ServiceSpec("checkout"), now=clock.now())
    everything = Route(routes=(Route(service="checkout", severity=Severity.SEV1),))
    integrations.save_routes(actor=SYSTEM, tree=everything, now=clock.now())
    send()
    work()
    assert Incident.objects.count() == 0
    assert Incident.everything.get().service.canary


def test_it_leaves_nothing_behind() -> None:
    send()
    work()
    assert left()["Notification"] == 1
    canary.tidy(clock.now() + timedelta(seconds=20))  # its sender may still be writing
    assert left()["Notification"] == 1
    canary.tidy(clock.now() + timedelta(minutes=1))
    assert set(left().values()) == {0}
    canary.tidy(clock.now() + timedelta(hours=2))
    assert CanaryRun.objects.count() == 0


def test_what_is_left_of_it_goes_though_it_was_turned_off() -> None:
    send()
    work()
    jobs.tidy(clock.now() + timedelta(minutes=5))
    assert set(left().values()) == {0}


def test_what_an_old_backup_holds_of_it_goes_too() -> None:
    send()
    work()
    CanaryRun.objects.all().delete()
    canary.tidy(clock.now())
    assert set(left().values()) == {0}


def test_one_of_many_workers_sends_it() -> None:
    now = clock.now()
    assert canary.begin(now) is not None
    assert canary.begin(now) is None
    assert canary.begin(now + timedelta(minutes=1)) is not None
    assert Integration.everything.filter(canary=True).count() == 1


def test_it_is_set_up_again_when_it_is_gone() -> None:
    now = clock.now()
    first = canary.begin(now)
    Integration.everything.all().delete()
    second = canary.begin(now + timedelta(minutes=1))
    assert first
    assert second
    assert first.key != second.key


def test_it_says_where_it_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    later = timedelta(seconds=40)

    def stuck() -> str:
        return canary.standing(clock.now() + later).stuck

    flight = canary.begin(clock.now())
    assert flight
    assert "never sent" in stuck()
    canary.refused(flight.name, "the door answered 503")
    assert stuck() == "the door answered 503"
    CanaryRun.objects.all().delete()

    send()
    assert "no worker took it in" in stuck()
    with monkeypatch.context() as broken:
        broken.setattr("tocsin.apps.incidents.pipeline.carry_out", lambda *_a, **_k: None)
        jobs.process_waiting(clock.now())
    assert "no incident was opened" in stuck()
    Event.objects.update(processed_at=None)
    Alert.objects.all().delete()
    jobs.process_waiting(clock.now())
    assert "its page did not leave" in stuck()
    Page.objects.all().delete()
    assert "nobody was called" in stuck()


def test_a_door_that_is_away_is_told_apart_and_keeps_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.entrypoints.worker.canary._INSIST_S", 0.0)
    Canary("http://127.0.0.1:9", threading.Event()).step()
    run = CanaryRun.objects.get()
    assert "the door cannot be reached" in run.problem
    assert Integration.everything.get(canary=True).key not in run.problem


def test_a_late_one_did_not_arrive() -> None:
    now = clock.now()
    flight = canary.begin(now)
    assert flight
    canary.arrived(flight.name, now + timedelta(seconds=31))
    standing = canary.standing(now + timedelta(seconds=40))
    assert standing.good_at is None
    assert "arrived after 31 s" in standing.stuck
