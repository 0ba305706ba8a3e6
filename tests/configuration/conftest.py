from datetime import UTC, datetime
from pathlib import Path

import pytest

from tocsin.apps.identity import actions, queries
from tocsin.domain.permissions import SYSTEM, Actor, Role

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
EXAMPLE = Path(__file__).parents[2] / "examples/org"

ROTATIONS = """\
rotations:
  - name: primary-oncall
    type: weekly
    participants:
      - user: alice@example.com
      - user: bob@example.com
      - user: charlie@example.com
    handoff_time: "09:00"
    timezone: "America/New_York"

  - name: secondary-oncall
    type: weekly
    start_delay: 7  # days after primary
"""


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def rotations() -> str:
    """The two rotations as their user wrote them."""
    return ROTATIONS


@pytest.fixture
def example() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in EXAMPLE.glob("*.yaml")}


def _actor(email: str, role: Role) -> Actor:
    person = actions.invite_user(actor=SYSTEM, email=email, role=role, now=NOW)
    return queries.actor_for(person.id)


@pytest.fixture
def owner(db: None) -> Actor:
    return _actor("owner@example.com", Role.OWNER)


@pytest.fixture
def mate(db: None) -> Actor:
    return _actor("mate@example.com", Role.RESPONDER)


@pytest.fixture
def stranger(db: None) -> Actor:
    return _actor("stranger@example.com", Role.OBSERVER)
