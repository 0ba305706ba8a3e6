"""Three people who take turns by the day, 12:00 to 15:00 UTC: u1, u2, u3; a team with a lead; strangers."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from tocsin.apps.identity import actions as identity
from tocsin.apps.identity import queries as people
from tocsin.apps.identity.models import User
from tocsin.apps.oncall import actions
from tocsin.domain.configuration import load
from tocsin.domain.permissions import SYSTEM, Actor, Role
from tocsin.lib import bus
from tocsin.ports.events import DutyWord, OnCallChanged, ShiftsMoved

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)  # a Wednesday
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TEXT = """
rotations:
  - {name: noon, type: daily, start: '2026-11-25T12:00', timezone: UTC,
     participants: [u1@x.org, u2@x.org, u3@x.org],
     restrictions: [{start: '12:00', end: '15:00'}]}
  - {name: solo, type: daily, start: '2026-11-01T00:00', timezone: UTC, participants: [u1@x.org]}
schedules:
  - {name: web, team: web, timezone: UTC, layers: [noon]}
  - {name: calm, team: web, timezone: UTC, layers: [noon], swap_approval: true}
  - {name: free, timezone: UTC, layers: [solo]}
"""


def at(day: int, hour: float) -> datetime:
    """An hour of so many days after the first."""
    return NOW.replace(hour=0) + day * DAY + hour * HOUR


def actor(name: str) -> Actor:
    return people.actor_for_email(f"{name}@x.org")


@pytest.fixture
def rota(db: None) -> None:
    _build()


@pytest.fixture
def real_rota(transactional_db: None) -> None:
    """The same with real transactions."""
    _build()


def _build() -> None:
    for name in ("u1", "u2", "u3", "lead", "mate", "boss"):
        role = Role.ADMIN if name == "boss" else Role.RESPONDER
        identity.invite_user(actor=SYSTEM, email=f"{name}@x.org", role=role, now=NOW)
    identity.invite_user(actor=SYSTEM, email="looker@x.org", role=Role.OBSERVER, now=NOW)
    User.objects.update(state="active")
    members = ("u1@x.org", "u2@x.org", "u3@x.org", "mate@x.org")
    form = identity.TeamForm("web", members=members, lead="lead@x.org")
    identity.create_team(actor=SYSTEM, form=form, now=NOW)
    identity.set_team_admin(actor=SYSTEM, team="web", email="mate@x.org", is_admin=True, now=NOW)
    org = load({"f": TEXT}).organisation
    actions.save_rotations(actor=SYSTEM, definitions=org.rotations.values(), now=NOW)
    for plan in org.schedules.values():
        actions.save_schedule(actor=SYSTEM, definition=plan, now=NOW)


class Heard:
    def __init__(self) -> None:
        self.moved: list[ShiftsMoved] = []
        self.changed: list[OnCallChanged] = []
        self.words: list[DutyWord] = []

    def moves(self) -> list[tuple[str, int, int]]:
        """Who, and how many stretches they gained and lost; then all is forgotten."""
        found = [(news.email.partition("@")[0], len(news.gained), len(news.lost)) for news in self.moved]
        self.moved.clear()
        return found

    def told(self) -> list[tuple[str, str]]:
        found = [(word.email.partition("@")[0], word.headline) for word in self.words]
        self.words.clear()
        return found


@pytest.fixture
def heard() -> Iterator[Heard]:
    news = Heard()
    with ExitStack() as stack:
        stack.enter_context(bus.listening(ShiftsMoved, news.moved.append))
        stack.enter_context(bus.listening(OnCallChanged, news.changed.append))
        stack.enter_context(bus.listening(DutyWord, news.words.append))
        yield news
