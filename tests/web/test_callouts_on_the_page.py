"""The incident's ladder: what was passed over and why, whose turn it was, who of several has answered."""

from typing import Any

import pytest

from tests.web.conftest import Visitor
from tests.web.test_schedules import get
from tocsin.apps.catalog import actions as catalog
from tocsin.apps.catalog.types import ServiceSpec
from tocsin.apps.escalation import settings
from tocsin.apps.incidents import actions as incidents
from tocsin.apps.notify import actions as notify
from tocsin.domain.configuration.ladder import read_policy
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.severity import Severity
from tocsin.entrypoints.api import forms
from tocsin.lib import clock

pytestmark = pytest.mark.usefixtures("house")


def climb(owner: Visitor, mate: Visitor, *steps: dict[str, Any]) -> str:
    """The ref of an incident that climbs these steps; both can be reached."""
    at = clock.now()
    for each in (owner, mate):
        hook = f"https://hooks.example.com/{each.email}"
        notify.add_method(actor=SYSTEM, email=each.email, type="webhook", address=hook, now=at)
    policy = forms.read(read_policy, {"steps": list(steps)}, "front")
    settings.save_policy(actor=SYSTEM, policy=policy, now=at)
    catalog.save_service(actor=SYSTEM, spec=ServiceSpec("search", escalation_policy="front"), now=at)
    made = incidents.declare(
        actor=owner.actor, title="Slow", service="search", severity=Severity.SEV2, now=at
    )
    return made.ref


def ladder(reader: Visitor, ref: str) -> str:
    return get(reader, f"/incidents/{ref}").partition('<ol class="ladder">')[2].partition("</ol>")[0]


def test_a_step_that_its_condition_passes_over_says_so(owner: Visitor, mate: Visitor) -> None:
    ref = climb(
        owner,
        mate,
        {"notify": [{"user": owner.email}], "when": {"severity": ["SEV1"]}},
        {"notify": [{"user": mate.email}]},
    )
    first, second = ladder(owner, ref).split("</li>")[:2]
    assert "only SEV1" in first
    assert "is skipped" in first
    assert 'class="stop"' in first
    assert "called" in second
    assert "is skipped" not in second


def test_each_of_several_is_counted_as_they_answer(owner: Visitor, mate: Visitor) -> None:
    everybody = [{"user": owner.email}, {"user": mate.email}]
    ref = climb(owner, mate, {"notify": everybody, "ack": "each"})
    assert "0 of 2 acknowledged" in ladder(owner, ref)
    incidents.acknowledge(actor=mate.actor, ref=ref, now=clock.now())
    drawn = ladder(owner, ref)
    assert "1 of 2 acknowledged" in drawn
    assert drawn.count("answered</span>") == 1


def test_a_turn_calls_one_and_says_that_it_is_a_turn(owner: Visitor, mate: Visitor) -> None:
    ref = climb(
        owner,
        mate,
        {"notify": [{"user": owner.email}, {"user": mate.email}], "strategy": "round_robin"},
    )
    drawn = ladder(owner, ref)
    assert "one of them, in turn" in drawn
    assert drawn.partition('class="row small"')[2].count('class="person"') == 1
