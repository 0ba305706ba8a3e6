import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from tocsin.apps.identity import actions, queries
from tocsin.apps.identity.models import User, UserState
from tocsin.domain.permissions import SYSTEM, Actor, Role
from tocsin.entrypoints.api import door
from tocsin.lib.ratelimit import Buckets
from tocsin.ports import registry
from tocsin.ports.channel import ADDRESS, PLAIN, Message, Receipt, Result, StillWanted

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class Caller:
    """Speaks JSON to the API as one person, or as nobody."""

    name: str
    client: Client = field(default_factory=Client)
    actor: Actor | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        data = b"" if body is None else json.dumps(body).encode()
        return self.client.generic(  # type: ignore[return-value]
            method, f"/api/v1{path}", data, content_type="application/json", headers=sent
        )

    def get(self, path: str, **headers: str) -> HttpResponse:
        return self("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> HttpResponse:
        return self("POST", path, body, **headers)


def person(name: str, role: Role) -> Caller:
    email = f"{name}@example.com"
    made = actions.invite_user(actor=SYSTEM, email=email, name=name.title(), role=role, now=NOW)
    row = User.objects.get(pk=made.id)
    row.state = UserState.ACTIVE
    row.save(update_fields=["state"])
    client = Client()
    client.force_login(row)
    return Caller(name, client, queries.actor_for(row.pk))


@pytest.fixture
def owner(db: None) -> Caller:
    return person("owner", Role.OWNER)


@pytest.fixture
def mate(db: None) -> Caller:
    """A responder of the owner's team."""
    return person("mate", Role.RESPONDER)


@pytest.fixture
def stranger(db: None) -> Caller:
    """Somebody of another team, who only looks."""
    return person("stranger", Role.OBSERVER)


@pytest.fixture
def nobody(db: None) -> Caller:
    return Caller("nobody")


@pytest.fixture
def token(owner: Caller) -> Caller:
    """A program with the role of an admin."""
    _, raw = actions.create_token(actor=owner.actor or SYSTEM, name="ci", role=Role.ADMIN, now=NOW)
    return Caller("token", headers={"Authorization": f"Bearer {raw}"})


@pytest.fixture(autouse=True)
def fresh_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test starts with full shares of requests."""
    monkeypatch.setattr(door, "_ASKERS", Buckets(rate=10_000, burst=10_000))
    monkeypatch.setattr(door, "_STRANGERS", Buckets(rate=10_000, burst=10_000))


@pytest.fixture(autouse=True)
def only_the_api(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tocsin.entrypoints.api.urls"


class Silent:
    """A channel that takes everything and reaches nobody."""

    fields = ()
    counts = True
    abilities = PLAIN
    address = ADDRESS
    ready = ""

    def __init__(self, kind: str) -> None:
        self.type = self.title = kind

    def check_address(self, address: str) -> str:
        return address

    def send(self, message: Message, still_wanted: StillWanted) -> Receipt:
        return Receipt(Result.SENT, "swallowed")


@pytest.fixture(autouse=True)
def channels(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("email", "webhook"):
        monkeypatch.setitem(registry.channels, kind, Silent(kind))


@pytest.fixture
def world(owner: Caller, mate: Caller, stranger: Caller) -> Any:
    from tests.api.world import build  # noqa: PLC0415 - it builds on the people of this module

    return build(owner, mate, stranger)
