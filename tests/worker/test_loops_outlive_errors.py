import threading
import time
from collections.abc import Callable

import pytest
import time_machine
from django.db import OperationalError

from tests.escalation.conftest import NOW
from tocsin.apps.escalation import queries as escalation
from tocsin.apps.notify import delivery
from tocsin.apps.notify import queries as notify
from tocsin.apps.notify.models import WorkerProcess
from tocsin.entrypoints.worker.health import Health
from tocsin.entrypoints.worker.loops import Loop


def until(look: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("error", [OperationalError("the database went away"), RuntimeError("a mistake")])
def test_a_loop_goes_on_after_any_error(error: Exception) -> None:
    rounds: list[int] = []

    def step() -> float:
        rounds.append(1)
        if len(rounds) < 3:
            raise error
        return 60.0

    stop = threading.Event()
    loop = Loop("test", step, stop)
    loop.start()
    until(lambda: len(rounds) >= 3)
    stop.set()
    loop.ring()
    loop.join(60)
    assert not loop.is_alive()


def test_a_bell_ends_a_pause() -> None:
    rounds: list[int] = []

    def step() -> float:
        rounds.append(1)
        return 60.0

    stop = threading.Event()
    loop = Loop("test", step, stop)
    loop.start()
    until(lambda: len(rounds) == 1)
    loop.ring()
    until(lambda: len(rounds) == 2)
    stop.set()
    loop.ring()
    loop.join(60)


@pytest.mark.django_db
def test_the_heart_beats_and_reports_what_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    health = Health("w1", lag_s=10.0, watchdog_url="https://watchdog.example.com/")
    pings: list[int] = []
    monkeypatch.setattr(health, "_ping", lambda: pings.append(1))
    monkeypatch.setattr(delivery, "release_dead", lambda: 0)
    with time_machine.travel(NOW, tick=False):
        health.step()
    assert WorkerProcess.objects.get().pk == "w1"
    assert pings == [1]

    late = NOW.replace(minute=NOW.minute + 1)
    monkeypatch.setattr(escalation, "oldest_due", lambda _now: NOW)
    monkeypatch.setattr(notify, "waiting", lambda _now: (0, None))
    with time_machine.travel(late, tick=False):
        assert health._watch(late) is True
    monkeypatch.setattr(escalation, "oldest_due", lambda _now: None)
    assert health._watch(late) is False
