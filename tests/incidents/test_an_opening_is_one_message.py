"""What was quiet in the night is said in the morning: once for each person, whatever it was about."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.incidents.conftest import START, Company
from tests.notify.fakes import FakeChannel
from tocsin.apps.catalog import actions as catalog
from tocsin.apps.catalog.types import ServiceSpec
from tocsin.apps.incidents import actions, jobs, links
from tocsin.apps.incidents.models import Incident
from tocsin.apps.integrations import actions as integrations
from tocsin.apps.integrations.types import IntegrationSpec
from tocsin.apps.notify import delivery
from tocsin.apps.notify.models import Notification
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.severity import Urgency
from tocsin.ports import registry

OFFICE = {"timezone": "UTC", "days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00"}
SPEC = ServiceSpec(
    "checkout",
    team="payments",
    escalation_policy="payments",
    support_hours=OFFICE,
    outside="low",
    raise_at_opening=True,
)
NIGHT, MORNING = START.replace(hour=20), START.replace(day=24, hour=9)


@pytest.fixture
def night(company: Company) -> Company:
    """Two services of one policy, and what each sends goes to its own."""
    for name in ("checkout", "search"):
        catalog.save_service(actor=SYSTEM, spec=replace(SPEC, name=name), now=START)
    spec = IntegrationSpec("others", "generic", service="search", key="b" * 32)
    integrations.save_integration(actor=SYSTEM, spec=spec, now=START)
    company.now = NIGHT
    return company


def fire(company: Company, key: str, integration: str = "tools") -> None:
    company.send({"action": "trigger", "dedup_key": key, "summary": f"{key} is slow"}, integration)


def send_all(company: Company) -> None:
    delivery.beat("w", "host", 1)
    for job in delivery.claim("w", company.now, 100):
        delivery.deliver_one(job, "w")


def test_five_of_two_services_are_one_message_that_acknowledges_all_five(
    night: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = FakeChannel()
    monkeypatch.setitem(registry.channels, "email", channel)
    for key, integration in zip("abcde", ["tools", "others", "tools", "others", "tools"], strict=True):
        fire(night, key, integration)
    send_all(night)
    channel.sent.clear()
    night.now = MORNING
    assert jobs.sweep(night.now) == 5
    send_all(night)
    (message,) = [each for each in channel.sent if each.address == "mate@example.com"]
    refs = [f"INC-{number}" for number in range(1, 6)]
    assert sorted(one.ref for one in message.listed) == refs
    assert {one.service for one in message.listed} == {"checkout", "search"}
    (button,) = [action for action in message.actions if action.name == "acknowledge_all"]
    token = button.url.rpartition("/")[2]
    found = links.open_all(token, night.now)
    assert isinstance(found, links.AllTarget)
    assert sorted(row.ref for row in found.incidents) == refs
    fire(night, "late")
    ids = [row.id for row in found.incidents]
    answered = actions.acknowledge_all(actor=found.actor, incident_ids=ids, now=night.now)
    assert all(each.mine for each in answered)
    has = {row.ref: row.acknowledged_by for row in night.rows()}
    assert has == {**dict.fromkeys(refs, "mate@example.com"), "INC-6": None}


def test_each_opening_has_a_word_of_its_own(night: Company) -> None:
    fire(night, "a")
    Incident.objects.update(raise_at=MORNING + timedelta(hours=1))
    fire(night, "b")
    night.now = MORNING + timedelta(hours=1)
    jobs.sweep(night.now)
    loud = Notification.objects.filter(page__urgency=Urgency.HIGH, page__ended_at=None)
    words = {row.page.bundle for row in loud.select_related("page")}
    assert words == {"opening:2026-11-24T09:00Z", "opening:2026-11-24T10:00Z"}


def test_what_is_reopened_by_hand_is_raised_at_the_next_opening(night: Company) -> None:
    fire(night, "a")
    actions.resolve(actor=night.mate, ref="INC-1", now=night.now)
    assert Incident.objects.get().raise_at is None
    actions.reopen(actor=night.mate, ref="INC-1", now=night.now)
    assert Incident.objects.get().raise_at == MORNING
    actions.resolve(actor=night.mate, ref="INC-1", now=night.now)
    night.now = MORNING + timedelta(hours=1)
    made = actions.reopen(actor=night.mate, ref="INC-1", now=night.now)
    assert made.urgency is Urgency.HIGH
    open_pages = [page for page in made.pages if page.kind == "page" and page.ended_at is None]
    assert [page.urgency for page in open_pages] == [Urgency.HIGH]


def test_what_is_given_up_is_raised_at_the_next_opening(night: Company) -> None:
    fire(night, "a")
    actions.acknowledge(actor=night.mate, ref="INC-1", now=night.now)
    assert Incident.objects.get().raise_at is None
    actions.reassign(actor=night.mate, ref="INC-1", emails=["owner@example.com"], now=night.now)
    assert Incident.objects.get().raise_at == MORNING
    night.now = MORNING
    jobs.sweep(night.now)
    assert night.show("INC-1").urgency is Urgency.HIGH
