from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.notify.fakes import FakeChannel
from tocsin.apps.identity.models import Membership, Team, User
from tocsin.ports import registry

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


@pytest.fixture
def mail(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeChannel]:
    channel = FakeChannel()
    monkeypatch.setattr(registry, "channels", {"email": channel})
    return channel


@pytest.fixture
def people(db: Any, mail: FakeChannel) -> dict[str, User]:
    names = ("alice", "bob", "carol", "lena", "mona", "owner")
    made = {
        name: User.objects.create(
            email=f"{name}@example.com",
            name=name.title(),
            state="active",
            role="owner" if name == "owner" else "responder",
            created_at=NOW,
        )
        for name in names
    }
    team = Team.objects.create(name="payments", lead=made["lena"], manager=made["mona"])
    for position, name in enumerate(("alice", "bob", "carol")):
        Membership.objects.create(team=team, user=made[name], position=position)
    return made
