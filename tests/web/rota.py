"""A rota of the owner and the mate, day by day, for the pages about being on call."""

from datetime import datetime, timedelta

import pytest

from tests.web.conftest import Visitor
from tocsin.apps.oncall import actions, queries
from tocsin.domain.configuration.rota import read_rotation, read_schedule
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.schedule import Shift
from tocsin.entrypoints.api import forms
from tocsin.lib import clock

NAME = "carts"
LONG_AGO = timedelta(days=30)


@pytest.fixture
def rota(house: str, owner: Visitor, mate: Visitor) -> str:
    """The schedule's name. It hands over at 09:00 UTC; the team is that of the house."""
    del house
    ring = {
        "type": "daily",
        "timezone": "UTC",
        "start": "2024-01-01T09:00",
        "participants": [owner.email, mate.email],
    }
    made = clock.now() - LONG_AGO
    rotation = forms.read(read_rotation, ring, "carts-daily")
    actions.save_rotations(actor=SYSTEM, definitions=[rotation], now=made)
    plan = {"team": "payments", "layers": [{"rotation": "carts-daily"}]}
    actions.save_schedule(actor=SYSTEM, definition=forms.read(read_schedule, plan, NAME), now=made)
    return NAME


def coming(visitor: Visitor) -> Shift:
    """Their first shift that has not begun."""
    at = clock.now()
    found = queries.shifts_of(visitor.email, at, at + timedelta(days=7))
    return next(shift for name, shift in found if name == NAME and shift.start > at)


def key(shift: Shift) -> str:
    return f"{NAME}|{shift.start.isoformat()}|{shift.end.isoformat()}"


def on_call(at: datetime) -> set[str | None]:
    return {shift.user for shift in queries.on_call(NAME, at)}


def text(answer: object) -> str:
    return answer.content.decode()  # type: ignore[attr-defined,no-any-return]  # the client's
