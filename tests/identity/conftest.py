from datetime import UTC, datetime

import pytest

from tocsin.apps.identity import actions, queries
from tocsin.domain.permissions import SYSTEM, Actor, Role

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


def _actor(email: str, role: Role) -> Actor:
    person = actions.invite_user(actor=SYSTEM, email=email, name=email.partition("@")[0], role=role, now=NOW)
    return queries.actor_for(person.id)


@pytest.fixture
def owner(db: None) -> Actor:
    return _actor("owner@example.com", Role.OWNER)


@pytest.fixture
def admin(db: None) -> Actor:
    return _actor("admin@example.com", Role.ADMIN)


@pytest.fixture
def mate(db: None) -> Actor:
    """A responder, in a team with the owner where a test makes one."""
    return _actor("mate@example.com", Role.RESPONDER)


@pytest.fixture
def stranger(db: None) -> Actor:
    return _actor("stranger@example.com", Role.OBSERVER)
