"""Which events a worker takes: of every integration some, of every lane in turn, of one key in order."""

import threading
from datetime import datetime

import pytest
from django.db import connection, transaction

from tocsin.apps.integrations import claiming
from tocsin.apps.integrations.models import Event, Integration
from tocsin.domain.signal import LANES, lane_of
from tocsin.lib import clock

pytestmark = pytest.mark.django_db


def way(name: str) -> int:
    key = f"{name:0>32}"
    return Integration.objects.create(name=name, kind="generic", key=key, created_at=clock.now()).pk


def wait(integration: int, keys: list[str], now: datetime) -> None:
    Event.objects.bulk_create(
        Event(
            event_id=f"{integration}-{number}", integration_id=integration, action="trigger", dedup_key=key,
            lane=lane_of(integration, key), payload=b"{}", received_at=now,
        )
        for number, key in enumerate(keys)
    )  # fmt: skip


def done(events: list[Event]) -> None:
    Event.objects.filter(pk__in=[event.pk for event in events]).update(processed_at=clock.now())


def test_the_first_event_of_another_integration_is_taken_with_a_storms_first() -> None:
    storm, quiet = way("5"), way("6")
    wait(storm, [f"k{n}" for n in range(2000)], clock.now())
    wait(quiet, ["only"], clock.now())
    keys: list[str] = []
    for _ in range(2):  # its lane may be of the other half
        events = claiming.claim(100)
        keys += [event.dedup_key for event in events]
        done(events)
    assert "only" in keys
    assert len(keys) > 50


def test_no_lane_waits_until_the_others_are_empty() -> None:
    storm = way("5")
    wait(storm, [f"k{n}" for n in range(4000)], clock.now())
    seen: set[int] = set()
    for _ in range(3):
        events = claiming.claim(500)
        seen |= {event.lane for event in events}
        done(events)
    assert len(seen) == LANES


def test_everything_is_taken_in_the_order_of_each_key() -> None:
    one, other = way("5"), way("6")
    wait(one, [f"k{n % 7}" for n in range(300)], clock.now())
    wait(other, [f"k{n % 3}" for n in range(100)], clock.now())
    taken: list[Event] = []
    while events := claiming.claim(40):
        taken += events
        done(events)
    assert len(taken) == 400
    for key in {(event.integration_id, event.dedup_key) for event in taken}:
        ids = [event.pk for event in taken if (event.integration_id, event.dedup_key) == key]
        assert ids == sorted(ids)


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_hold_one_key() -> None:
    storm = way("5")
    wait(storm, [f"k{n}" for n in range(500)], clock.now())
    theirs: list[str] = []
    held, release = threading.Event(), threading.Event()

    def other() -> None:
        with transaction.atomic():
            theirs.extend(event.dedup_key for event in claiming.claim(1000))
            held.set()
            release.wait(60)
        connection.close()

    worker = threading.Thread(target=other)
    worker.start()
    assert held.wait(60)
    with transaction.atomic():
        mine = [event.dedup_key for event in claiming.claim(1000)]
    release.set()
    worker.join()
    assert theirs
    assert mine
    assert not set(mine) & set(theirs)
