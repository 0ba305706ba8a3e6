import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from django.db import connections

from tests.oncall.conftest import NOW
from tocsin.apps.oncall import actions, queries
from tocsin.domain.errors import Conflict, Invalid
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.schedule import Layer
from tocsin.domain.schedule.definition import ScheduleDefinition


@pytest.mark.usefixtures("real_rota")
@pytest.mark.parametrize("attempt", range(3))
def test_no_rotation_goes_while_a_schedule_takes_it(attempt: int) -> None:
    solo = queries.rotation_definitions()["solo"]
    actions.save_rotations(actor=SYSTEM, definitions=[replace(solo, name="spare")], now=NOW)
    plan = ScheduleDefinition("new", (Layer("spare"),))
    starting, refused = threading.Barrier(2), []

    def run(deed: Callable[[], object]) -> None:
        starting.wait()
        try:
            deed()
        except (Conflict, Invalid) as error:
            refused.append(error)
        finally:
            connections.close_all()

    deeds = (
        lambda: actions.delete_rotation(actor=SYSTEM, name="spare", now=NOW),
        lambda: actions.save_schedule(actor=SYSTEM, definition=plan, now=NOW),
    )
    threads = [threading.Thread(target=run, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    named = {layer.rotation for one in queries.schedule_definitions().values() for layer in one.layers}
    assert named <= queries.rotation_definitions().keys()
