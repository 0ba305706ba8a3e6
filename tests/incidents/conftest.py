"""A small company: one team with a lead and a manager, one service, one integration of each kind."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from tocsin.apps.catalog import actions as catalog
from tocsin.apps.catalog.types import ServiceSpec
from tocsin.apps.escalation import settings as escalation_settings
from tocsin.apps.identity import actions as identity
from tocsin.apps.identity import queries as people
from tocsin.apps.identity.actions.teams import TeamForm
from tocsin.apps.incidents import jobs, queries
from tocsin.apps.incidents.types import IncidentDetail, IncidentRow
from tocsin.apps.integrations import actions as integrations
from tocsin.apps.integrations.models import Event, Integration
from tocsin.apps.integrations.types import IntegrationSpec
from tocsin.apps.notify.models import ContactMethod
from tocsin.domain.escalation.model import Policy, Step, Target, TargetKind
from tocsin.domain.permissions import SYSTEM, Actor, Role
from tocsin.domain.signal import lane_of
from tocsin.ports import registry
from tocsin.ports.channel import ADDRESS, PLAIN, Message, Receipt, Result, StillWanted

START = datetime(2026, 11, 23, 12, tzinfo=UTC)  # a Monday
KEY = "0123456789abcdef0123456789abcdef"


@dataclass
class Company:
    """Drives events through the pipeline on a clock of its own."""

    owner: Actor
    mate: Actor
    stranger: Actor
    manager: Actor
    now: datetime = START
    numbers: int = 0
    actors: dict[str, Actor] = field(default_factory=dict)

    def wait(self, **span: float) -> None:
        self.now += timedelta(**span)

    def send(self, body: Any, integration: str = "tools") -> int:
        """Through the adapter, the table and the worker, as one event after the other."""
        row = Integration.objects.get(name=integration)
        source = registry.source(row.kind)
        for envelope in source.envelope(json.dumps(body).encode()):
            self.numbers += 1
            Event.objects.create(
                event_id=str(self.numbers),
                integration=row,
                action=envelope.action,
                dedup_key=envelope.dedup_key,
                lane=lane_of(row.pk, envelope.dedup_key),
                payload=envelope.payload,
                received_at=self.now,
            )
        return jobs.process_waiting(self.now)

    def trigger(self, key: str = "k1", severity: str | None = "critical", **more: Any) -> IncidentDetail:
        self.send(
            {"action": "trigger", "dedup_key": key, "summary": f"{key} is down", "severity": severity, **more}
        )
        return self.newest()

    def resolve(self, key: str = "k1") -> IncidentDetail:
        self.send({"action": "resolve", "dedup_key": key})
        return self.newest()

    def rows(self) -> tuple[IncidentRow, ...]:
        return queries.incidents(actor=self.owner, limit=2000).items

    def newest(self) -> IncidentDetail:
        return self.show(self.rows()[0].ref)

    def show(self, ref: str, actor: Actor | None = None) -> IncidentDetail:
        return queries.incident(ref, actor=actor or self.owner)

    def kinds(self, ref: str) -> list[str]:
        return [entry.kind for entry in self.show(ref).timeline]


def person(email: str, role: Role) -> Actor:
    made = identity.invite_user(actor=SYSTEM, email=email, name=email.partition("@")[0], role=role, now=START)
    if not ContactMethod.objects.filter(user_id=made.id).exists():
        ContactMethod.objects.create(user_id=made.id, type="email", address=email, verified_at=START)
    ContactMethod.objects.filter(user_id=made.id).update(verified_at=START)
    return people.actor_for(made.id)


class Silent:
    """An e-mail channel that is set up, so that everybody with an address can be reached."""

    type = "email"
    title = "E-mail"
    fields = ()
    ready = ""
    counts = True
    abilities = PLAIN
    address = ADDRESS

    def check_address(self, address: str) -> str:
        return address

    def send(self, message: Message, still_wanted: StillWanted) -> Receipt:
        return (
            Receipt(Result.SENT, f"for {message.address}")
            if still_wanted()
            else Receipt(Result.WITHDRAWN, "")
        )


@pytest.fixture
def company(db: None, monkeypatch: pytest.MonkeyPatch) -> Company:
    monkeypatch.setitem(registry.channels, "email", Silent())
    with connection.cursor() as cursor:
        cursor.execute("ALTER SEQUENCE incidents_number RESTART")
    owner = person("owner@example.com", Role.OWNER)
    mate = person("mate@example.com", Role.RESPONDER)
    stranger = person("stranger@example.com", Role.OBSERVER)
    manager = person("manager@example.com", Role.OBSERVER)
    form = TeamForm("payments", "", "owner@example.com", "manager@example.com", ("mate@example.com",))
    identity.create_team(actor=SYSTEM, form=form, now=START)
    steps = (
        Step((Target(TargetKind.USER, "mate@example.com"),), timedelta(minutes=5)),
        Step((Target(TargetKind.USER, "owner@example.com"),), timedelta(minutes=10)),
    )
    escalation_settings.save_policy(actor=SYSTEM, policy=Policy("payments", steps), now=START)
    catalog.save_service(
        actor=SYSTEM, spec=ServiceSpec("checkout", team="payments", escalation_policy="payments"), now=START
    )
    for name, kind, key in (("tools", "generic", KEY), ("prometheus", "alertmanager", "a" * 32)):
        spec = IntegrationSpec(name, kind, service="checkout", key=key)
        integrations.save_integration(actor=SYSTEM, spec=spec, now=START)
    return Company(owner, mate, stranger, manager)


Send = Callable[..., IncidentDetail]
