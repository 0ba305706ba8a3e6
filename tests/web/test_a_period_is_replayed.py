"""The replay page: a past period through edited routes, which incidents and pages would differ."""

from datetime import timedelta
from typing import Any

import pytest

from tests.web.conftest import Visitor
from tocsin.apps.catalog import actions as catalog
from tocsin.apps.catalog.types import ServiceSpec
from tocsin.apps.integrations import actions, queries
from tocsin.apps.integrations.forms import read_tree, route_form
from tocsin.apps.integrations.models import Event, Integration
from tocsin.apps.integrations.types import IntegrationSpec
from tocsin.domain.permissions import SYSTEM
from tocsin.lib import clock

pytestmark = pytest.mark.django_db
BODY = b'{"action": "trigger", "dedup_key": "db-1", "summary": "Disk full", "severity": "critical"}'


@pytest.fixture(autouse=True)
def _house() -> None:
    for name in ("till", "shop"):
        catalog.save_service(actor=SYSTEM, spec=ServiceSpec(name), now=clock.now())
    spec = IntegrationSpec("tool", "generic", service="till")
    actions.save_integration(actor=SYSTEM, spec=spec, now=clock.now())
    actions.save_routes(actor=SYSTEM, tree=read_tree({}), now=clock.now())


def recorded(hours: int = 3) -> None:
    Event.objects.create(
        integration=Integration.objects.get(name="tool"),
        received_at=clock.now() - timedelta(hours=hours),
        payload=BODY,
        action="trigger",
        lane=0,
        dedup_key="db-1",
    )


def play(visitor: Visitor, text: str, **period: str) -> Any:
    return visitor.client.post("/routing/replay", {"text": text, **period})


def test_the_page_offers_the_routes_in_force_and_the_last_week(owner: Visitor) -> None:
    actions.save_routes(actor=SYSTEM, tree=read_tree({"service": "shop"}), now=clock.now())
    page = owner.client.get("/routing/replay").content.decode()
    assert "service: shop" in page
    assert 'name="since"' in page


def test_an_incident_that_would_open_elsewhere_is_shown(owner: Visitor) -> None:
    recorded()
    answer = play(owner, "service: shop")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "service till → shop" in text
    assert "Disk full" in text, "said as people know it, not by its key"
    assert route_form(queries.routes()) == {}, "a replay saves nothing"


def test_the_routes_in_force_differ_in_nothing(owner: Visitor) -> None:
    recorded()
    assert "nothing differs" in play(owner, "").content.decode()


def test_a_period_without_events_says_so(owner: Visitor) -> None:
    assert "Nothing came in" in play(owner, "service: shop").content.decode()


def test_only_what_came_in_within_the_period_is_played(owner: Visitor) -> None:
    recorded(hours=30)
    at = clock.now()
    since = (at - timedelta(hours=20)).strftime("%Y-%m-%dT%H:%M")
    until = at.strftime("%Y-%m-%dT%H:%M")
    text = play(owner, "service: shop", since=since, until=until, here="UTC").content.decode()
    assert "Nothing came in" in text


@pytest.mark.parametrize(
    ("text", "period", "said"),
    [
        ("service: [", {}, "This is not YAML"),
        ("service: nowhere", {}, "there is no service"),
        ("", {"since": "2020-01-01T00:00", "until": "2021-01-01T00:00"}, "by at most 62 days"),
        ("", {"since": "2150-01-01T00:00", "until": "2150-01-02T00:00"}, "lies ahead"),
        ("", {"since": "yesterday"}, "is not a date and time"),
    ],
)
def test_what_cannot_be_played_says_why_and_is_kept(
    owner: Visitor, text: str, period: dict[str, str], said: str
) -> None:
    answer = play(owner, text, **period)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert text in answer.content.decode()


def test_who_only_looks_may_play_it_too_and_is_offered_no_saving(stranger: Visitor) -> None:
    recorded()
    answer = play(stranger, "service: shop")
    assert answer.status_code == 200
    assert "Save these routes" not in answer.content.decode()
