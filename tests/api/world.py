"""A small company for the API's tests: something of every kind."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from tests.api.conftest import NOW, Caller
from tocsin.apps.alerts.actions import save_silence
from tocsin.apps.alerts.models import Alert
from tocsin.apps.alerts.types import SilenceSpec
from tocsin.apps.catalog import actions as catalog
from tocsin.apps.catalog.types import ServiceSpec
from tocsin.apps.escalation import settings
from tocsin.apps.identity import actions as identity
from tocsin.apps.identity.actions import TeamForm
from tocsin.apps.identity.models import User
from tocsin.apps.incidents import actions as incidents
from tocsin.apps.integrations import actions as integrations
from tocsin.apps.integrations.heartbeat_actions import save_heartbeat
from tocsin.apps.integrations.heartbeat_queries import HeartbeatSpec
from tocsin.apps.integrations.types import IntegrationSpec
from tocsin.apps.notify import actions as notify
from tocsin.apps.notify import deliveries
from tocsin.apps.oncall import actions as oncall
from tocsin.apps.oncall.models import Readiness
from tocsin.domain.configuration.ladder import read_policy
from tocsin.domain.configuration.rota import read_rotation, read_schedule
from tocsin.domain.permissions import SYSTEM, Actor
from tocsin.domain.schedule.definition import OverrideDefinition
from tocsin.domain.schedule.hours import Kind
from tocsin.domain.severity import Severity
from tocsin.entrypoints.api import forms
from tocsin.lib import clock

PEOPLE = ("owner@example.com", "mate@example.com")


@dataclass(frozen=True)
class World:
    owner: Caller
    mate: Caller
    stranger: Caller
    ids: Mapping[str, int | str]
    now: datetime


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
    oncall.save_schedule(definition=replace(plan, name="idle"), **by)
    climb = {"steps": [{"notify": [{"schedule": "main"}], "wait": "5m"}]}
    settings.save_policy(policy=forms.read(read_policy, climb, "payments"), **by)
    mail = {"email": "mate@example.com", "type": "webhook", "address": "https://example.com/hook"}
    mates = notify.add_method(**{**by, "actor": mate.actor}, **mail)
    notify.add_method(email=PEOPLE[1], type="email", address="mate@home.example", **by)
    now = clock.now()
    test = notify.send_test(actor=mate.actor or SYSTEM, email=PEOPLE[1], now=now)
    (message, *_) = deliveries.of_page(test, email=PEOPLE[1], actor=SYSTEM)
    refs = [_incident(f"It burns {number}", now) for number in (1, 2)]
    change = OverrideDefinition(
        now.replace(year=now.year + 1), now.replace(year=now.year + 2), user=PEOPLE[0]
    )
    override = oncall.add_override(actor=SYSTEM, schedule="main", change=change, now=now)
    feed = oncall.make_feed(actor=mate.actor or SYSTEM, email=PEOPLE[1], now=now)
    address = "https://example.com/oncall.ics"
    calendar = oncall.add_calendar(name="Out", url=address, use="overrides", schedule="main", **by)
    ids = {"token": token.id, "override": override.id, "alert": _alert(), "method": mates.id}
    ids |= {"page": test, "delivery": message.id}
    ids |= {"feed": feed.id, "calendar": calendar.id}
    beat = HeartbeatSpec("prom", "nightly", cron="0 3 * * *")
    ids |= {"heartbeat": save_heartbeat(spec=beat, **by).id}
    ids |= _duty(now)
    ids |= {"silence": _silence(now)}
    ids |= _swaps(owner.actor or SYSTEM, mate.actor or SYSTEM, now)
    return World(owner, mate, stranger, {**ids, "incident": refs[0], "other": refs[1]}, now)


def _incident(title: str, now: datetime) -> str:
    made = incidents.declare(actor=SYSTEM, title=title, service="checkout", severity=Severity.SEV2, now=now)
    return made.ref


def _silence(now: datetime) -> str:
    spec = SilenceSpec(('host="db1"',), now, now + timedelta(hours=1))
    return save_silence(actor=SYSTEM, spec=spec, now=now).uid


def _duty(now: datetime) -> dict[str, int | str]:
    """The mate is asked to be ready, and had hours corrected."""
    asked = Readiness.objects.create(
        schedule="main",
        user=User.objects.get(email=PEOPLE[1]),
        role="primary",
        shift_start=now,
        shift_end=now + timedelta(days=1),
        asked_at=now,
    )
    corrected = oncall.add_correction(
        actor=SYSTEM, email=PEOPLE[1], day=now.date(), kind=Kind.NIGHT, minutes=5, reason="woken", now=now
    )
    return {"readiness": asked.pk, "correction": corrected.id}


def _swaps(owner: Actor, mate: Actor, now: datetime) -> dict[str, int | str]:
    """Of the owner: one for anybody, one that the mate offers to take for time in return, and one that only
    waits for approval. The mate is away.
    """
    span = {"start": now + timedelta(days=100), "end": now + timedelta(days=128), "now": now}
    back = {"return_start": now + timedelta(days=200), "return_end": now + timedelta(days=228)}
    plan = forms.read(read_schedule, {"team": "payments", "layers": ["primary"]}, "swapped")
    for name in ("swapped", "approved"):
        plan = replace(plan, name=name, swap_approval=name == "approved")
        oncall.save_schedule(actor=SYSTEM, definition=plan, now=now)
    swap, offer, waiting = (
        oncall.request_swap(actor=owner, schedule=name, **span) for name in ("idle", "swapped", "approved")
    )
    oncall.take_swap(actor=mate, swap_id=offer.id, **back, now=now)
    oncall.take_swap(actor=mate, swap_id=waiting.id, now=now)
    away = oncall.add_absence(actor=mate, email=PEOPLE[1], **span)
    return {"swap": swap.id, "offer": offer.id, "waiting": waiting.id, "absence": away.id}


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
