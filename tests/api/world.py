"""A small company for the API's tests: something of every kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.api.conftest import NOW, Caller
from tocsin.apps.alerts.models import Alert
from tocsin.apps.catalog import actions as catalog
from tocsin.apps.catalog.types import ServiceSpec
from tocsin.apps.identity import actions as identity
from tocsin.apps.identity.actions import TeamForm
from tocsin.apps.integrations import actions as integrations
from tocsin.apps.integrations.types import IntegrationSpec
from tocsin.apps.oncall import actions as oncall
from tocsin.domain.configuration.rota import read_rotation, read_schedule
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.schedule.definition import OverrideDefinition
from tocsin.entrypoints.api import forms
from tocsin.lib import clock

PEOPLE = ("owner@example.com", "mate@example.com")


@dataclass(frozen=True)
class World:
    owner: Caller
    mate: Caller
    stranger: Caller
    ids: Mapping[str, int]


def build(owner: Caller, mate: Caller, stranger: Caller) -> World:
    by: dict[str, Any] = {"actor": SYSTEM, "now": NOW}
    identity.create_team(form=TeamForm("payments", lead=PEOPLE[0], members=PEOPLE), **by)
    identity.create_team(form=TeamForm("empty"), **by)
    identity.create_team(form=TeamForm("others", members=("stranger@example.com",)), **by)
    identity.invite_user(email="invited@example.com", **by)
    token, _ = identity.create_token(name="old", **by)
    catalog.save_service(spec=ServiceSpec("checkout", team="payments"), **by)
    catalog.save_service(spec=ServiceSpec("lonely"), **by)
    integrations.save_integration(spec=IntegrationSpec("prom", "alertmanager", "checkout"), **by)
    ring = {"type": "weekly", "timezone": "UTC", "participants": list(PEOPLE)}
    rings = [forms.read(read_rotation, ring, name) for name in ("primary", "spare")]
    oncall.save_rotations(definitions=rings, **by)
    plan = forms.read(read_schedule, {"team": "payments", "layers": ["primary"]}, "main")
    oncall.save_schedule(definition=plan, **by)
    now = clock.now()
    change = OverrideDefinition(
        now.replace(year=now.year + 1), now.replace(year=now.year + 2), user=PEOPLE[0]
    )
    override = oncall.add_override(actor=SYSTEM, schedule="main", change=change, now=now)
    return World(owner, mate, stranger, {"token": token.id, "override": override.id, "alert": _alert()})


def _alert() -> int:
    sender = integrations.save_integration(
        actor=SYSTEM, spec=IntegrationSpec("loud", "generic", "checkout"), now=NOW
    )
    alert = Alert.objects.create(
        integration_id=sender.id,
        dedup_key="a",
        service_id=sender.service_id,
        summary="It burns",
        severity="SEV2",
        group_key="a",
        first_seen_at=NOW,
        last_seen_at=NOW,
    )
    return alert.pk
