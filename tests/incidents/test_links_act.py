from datetime import timedelta

from tests.incidents.conftest import Company
from tocsin.apps.identity.models import User, UserState
from tocsin.apps.incidents import actions, links
from tocsin.apps.incidents.links import DeadTarget, LinkTarget
from tocsin.domain.permissions import ActorKind


def test_a_link_acts_as_one_person_on_one_incident(company: Company) -> None:
    incident = company.trigger()
    token = links.make("mate@example.com", incident.id, "acknowledge", company.now)
    found = links.open(token, company.now)
    assert isinstance(found, LinkTarget)
    assert (found.actor.kind, found.actor.email) == (ActorKind.LINK, "mate@example.com")
    assert (found.incident.ref, found.action, found.person) == ("INC-1", "acknowledge", "mate")
    done = actions.acknowledge(actor=found.actor, ref=found.incident.ref, now=company.now)
    assert done.acknowledged_by == "mate@example.com"


def test_an_observer_who_is_called_may_answer(company: Company) -> None:
    incident = company.trigger(severity="SEV1")
    found = links.open(links.make("manager@example.com", incident.id, "seen", company.now), company.now)
    assert isinstance(found, LinkTarget)
    seen = actions.seen(actor=found.actor, ref="INC-1", now=company.now)
    assert (seen.acknowledged_at, seen.my_role) == (None, "stakeholder")


def test_a_link_dies_with_its_incident(company: Company) -> None:
    incident = company.trigger()
    token = links.make("mate@example.com", incident.id, "acknowledge", company.now)
    company.resolve()
    dead = links.open(token, company.now)
    assert isinstance(dead, DeadTarget)
    assert (dead.ref, "resolved" in dead.why) == ("INC-1", True)


def test_forged_old_and_withdrawn_links_are_dead(company: Company) -> None:
    incident = company.trigger()
    token = links.make("mate@example.com", incident.id, "view", company.now)
    for wrong in ("", "x", token[:-1], token.swapcase(), f"{token}x", "a.b.c"):
        assert isinstance(links.open(wrong, company.now), DeadTarget)
    assert isinstance(links.open(token, company.now + timedelta(days=31)), DeadTarget)
    links.withdraw(token, company.now)
    assert isinstance(links.open(token, company.now), DeadTarget)


def test_who_left_has_no_links(company: Company) -> None:
    incident = company.trigger()
    token = links.make("mate@example.com", incident.id, "view", company.now)
    User.objects.filter(email="mate@example.com").update(state=UserState.LEFT)
    assert isinstance(links.open(token, company.now), DeadTarget)
