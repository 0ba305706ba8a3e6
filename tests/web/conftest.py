"""Three people at the pages: an owner, a team-mate who responds, a stranger who looks; and one incident."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.test import Client

from tocsin.apps.catalog import actions as catalog
from tocsin.apps.catalog.types import ServiceSpec
from tocsin.apps.identity import actions as identity
from tocsin.apps.identity import queries
from tocsin.apps.identity.models import User, UserState
from tocsin.apps.incidents import actions as incidents
from tocsin.apps.integrations import actions as integrations
from tocsin.apps.integrations.types import IntegrationSpec
from tocsin.domain.permissions import SYSTEM, Actor, Role
from tocsin.domain.severity import Severity
from tocsin.lib import clock


@dataclass(frozen=True)
class Visitor:
    email: str
    client: Client
    actor: Actor


def visitor(name: str, role: Role) -> Visitor:
    email = f"{name}@example.com"
    person = identity.invite_user(actor=SYSTEM, email=email, name=name.title(), role=role, now=clock.now())
    User.objects.filter(pk=person.id).update(state=UserState.ACTIVE)
    client = Client()
    client.force_login(
        User.objects.get(pk=person.id), backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    return Visitor(email, client, queries.actor_for(person.id))


@pytest.fixture
def owner(db: None) -> Visitor:
    return visitor("owner", Role.OWNER)


@pytest.fixture
def mate(db: None) -> Visitor:
    return visitor("mate", Role.RESPONDER)


@pytest.fixture
def stranger(db: None) -> Visitor:
    return visitor("stranger", Role.OBSERVER)


@pytest.fixture
def house(owner: Visitor, mate: Visitor, stranger: Visitor) -> str:
    """A team of the owner and the mate, their service, a way in, and an open incident; its ref."""
    at = clock.now()
    form = identity.TeamForm("payments", lead=owner.email, members=(owner.email, mate.email))
    identity.create_team(actor=SYSTEM, form=form, now=at)
    spec = ServiceSpec("checkout", team="payments", tier=1, description="Takes the money")
    catalog.save_service(actor=SYSTEM, spec=spec, now=at)
    door = IntegrationSpec("prometheus", "alertmanager", service="checkout")
    integrations.save_integration(actor=SYSTEM, spec=door, now=at)
    made = incidents.declare(
        actor=owner.actor,
        title="Checkout <b>fails</b>",
        service="checkout",
        severity=Severity.SEV2,
        summary="Half of all carts",
        started_at=at - timedelta(minutes=3),
        now=at,
    )
    return made.ref
