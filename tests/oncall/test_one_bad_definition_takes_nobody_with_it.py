"""What is stored was checked; should it still not be understood, everything beside it goes on."""

from typing import Any

import pytest
from django.db import connection

from tests.oncall.conftest import NOW, at
from tocsin.apps.oncall import actions, queries
from tocsin.apps.oncall.models import Rotation
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.schedule import Layer
from tocsin.domain.schedule.definition import ScheduleDefinition

pytestmark = pytest.mark.usefixtures("rota")
OLD = {"definition": {"name": "noon", "follows": "nobody"}, "ring_offset": 0, "until": NOW.isoformat()}


def stack() -> None:
    plan = ScheduleDefinition("stack", (Layer("noon", 2), Layer("solo", 1)), fallback=("lead@x.org",))
    actions.save_schedule(actor=SYSTEM, definition=plan, now=NOW)


def who(name: str) -> list[str | None]:
    return [shift.user for shift in queries.on_call(name, at(1, 13))]


@pytest.mark.parametrize("form", [{"name": "noon"}, {"name": "noon", "type": "yearly"}])
def test_a_schedule_goes_on_without_the_layer(form: dict[str, Any]) -> None:
    stack()
    assert who("stack") == ["u2@x.org"]
    Rotation.objects.filter(name="noon").update(definition=form)
    assert who("stack") == ["u1@x.org"]
    assert who("web") == [None]


def test_so_does_one_whose_rotation_is_gone() -> None:
    stack()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM oncall_rotation WHERE name = 'noon'")
    assert who("stack") == ["u1@x.org"]


def test_a_past_that_is_not_understood_leaves_the_present() -> None:
    Rotation.objects.filter(name="noon").update(past=[OLD])
    assert who("web") == ["u2@x.org"]
