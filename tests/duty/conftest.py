from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.escalation.conftest import mail, people
from tests.notify.fakes import FakeChannel
from tocsin.apps.identity.models import User
from tocsin.apps.notify import delivery
from tocsin.apps.notify.models import ContactMethod
from tocsin.apps.oncall import actions, notices, readiness
from tocsin.domain.configuration.rota import read_rotation, read_schedule
from tocsin.domain.permissions import SYSTEM
from tocsin.entrypoints.api import forms
from tocsin.ports.channel import Message

__all__ = ["mail", "people"]

LONG_AGO = datetime(2026, 11, 1, tzinfo=UTC)
Outbox = Callable[[datetime], list[Message]]


def at(text: str) -> datetime:
    """`23 09:00` is in November 2026, whose 23rd is a Monday, in UTC."""
    return datetime.strptime(f"2026-11-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


@pytest.fixture
def reachable(people: dict[str, User]) -> dict[str, User]:
    for user in people.values():
        ContactMethod.objects.create(user=user, type="email", address=user.email, verified_at=LONG_AGO)
    return people


@pytest.fixture
def rota(reachable: dict[str, User]) -> Callable[..., None]:
    """A daily rotation of `people` in a schedule of the same name with an s, of the payments team."""

    def make(name: str = "payment", people: tuple[str, ...] = ("alice", "bob"), **form: Any) -> None:
        ring = {
            "type": "daily",
            "timezone": "UTC",
            "start": "2026-11-02T09:00",
            "participants": [f"{each}@example.com" for each in people],
        }
        plan = {"team": "payments", "layers": [{"rotation": name}], **form.pop("schedule", {})}
        rotation = forms.read(read_rotation, {**ring, **form}, name)
        actions.save_rotations(actor=SYSTEM, definitions=[rotation], now=LONG_AGO)
        schedule = forms.read(read_schedule, plan, f"{name}s")
        actions.save_schedule(actor=SYSTEM, definition=schedule, now=LONG_AGO)

    return make


def tick(now: datetime) -> None:
    """One round of the worker."""
    while notices.tick(now):
        pass
    readiness.tick(now)


@pytest.fixture
def outbox(mail: FakeChannel) -> Outbox:
    """What leaves until `now`, since it was last looked at."""

    def leave(now: datetime) -> list[Message]:
        before = len(mail.sent)
        for job in delivery.claim("test", now, 100):
            delivery.deliver_one(job, "test")
        return mail.sent[before:]

    return leave


def said(messages: list[Message]) -> list[tuple[str, str]]:
    """Who got what, sorted."""
    return sorted((message.address.partition("@")[0], message.headline) for message in messages)
