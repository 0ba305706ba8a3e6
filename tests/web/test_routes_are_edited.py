"""The routing page: the tree is drawn, changed a node at a time, tried, compared and undone."""

import json

import pytest

from tests.web.conftest import Visitor
from tocsin.apps.alerts.models import Alert
from tocsin.apps.catalog import actions as catalog
from tocsin.apps.catalog.types import ServiceSpec
from tocsin.apps.integrations import actions, queries
from tocsin.apps.integrations.forms import read_tree, route_form
from tocsin.apps.integrations.models import Event, Integration
from tocsin.apps.integrations.types import IntegrationSpec
from tocsin.domain.permissions import SYSTEM
from tocsin.lib import clock

pytestmark = pytest.mark.django_db
TREE = {
    "routes": [
        {"match": ['team="payments"'], "set": {"labels": {"owner": "alice"}}, "severity": "SEV1"},
        {"match": ['team="web"']},
    ]
}


@pytest.fixture(autouse=True)
def _routes() -> None:
    catalog.save_service(actor=SYSTEM, spec=ServiceSpec("till"), now=clock.now())
    actions.save_integration(actor=SYSTEM, spec=IntegrationSpec("tool", "generic"), now=clock.now())
    actions.save_routes(actor=SYSTEM, tree=read_tree(TREE), now=clock.now())


def form() -> object:
    return route_form(queries.routes())


def test_an_alert_is_tried_and_its_way_is_shown(owner: Visitor) -> None:
    page = owner.client.get("/routing/", {"labels": "team=payments", "summary": "x"})
    text = page.content.decode()
    assert page.status_code == 200
    assert "SEV1: set by the route" in text
    assert "set: owner=alice" in text


def test_what_cannot_be_read_says_where(owner: Visitor) -> None:
    text = owner.client.get("/routing/", {"labels": "a=1\nnonsense"}).content.decode()
    assert "Line 2: expected name=value" in text


def test_a_node_is_changed_added_moved_removed_and_undone(owner: Visitor) -> None:
    def deed(path: str, deed: str, text: str = "") -> int:
        return owner.client.post("/routing/change", {"path": path, "deed": deed, "text": text}).status_code

    assert deed("2", "save", "match: ['team=\"web\"']\nservice: till") == 302
    assert form() == {"routes": [TREE["routes"][0], {"match": ['team="web"'], "service": "till"}]}
    assert deed("2", "up") == 302
    assert deed("1", "add", "{if: 'labels.a == \"1\"', severity: SEV4}") == 302
    assert queries.routes().routes[0].routes[0].severity == "SEV4"
    assert deed("2", "remove") == 302
    assert len(queries.routes().routes) == 1
    owner.client.post("/routing/undo")
    assert len(queries.routes().routes) == 2


def test_a_wrong_node_changes_nothing_and_keeps_what_was_typed(owner: Visitor) -> None:
    before = form()
    answer = owner.client.post("/routing/change", {"path": "1", "deed": "save", "text": "service: nowhere"})
    assert answer.status_code == 422
    assert "Route 1, service: there is no service &#x27;nowhere&#x27;" in answer.content.decode()
    assert "service: nowhere" in answer.content.decode()
    assert form() == before


def test_a_draft_is_compared_before_it_is_saved(owner: Visitor) -> None:
    before = form()
    answer = owner.client.post("/routing/draft", {"deed": "compare", "text": "service: till"})
    assert answer.status_code == 200
    assert form() == before
    assert owner.client.post("/routing/draft", {"deed": "save", "text": "service: till"}).status_code == 302
    assert form() == {"service": "till"}


def test_who_only_looks_sees_the_tree_and_changes_nothing(stranger: Visitor) -> None:
    assert "team=&quot;payments&quot;" in stranger.client.get("/routing/?node=1").content.decode()
    before = form()
    stranger.client.post("/routing/change", {"path": "1", "deed": "remove"})
    assert form() == before


def test_an_alert_that_is_picked_stands_in_the_form(owner: Visitor) -> None:
    alert = alert_of("payments")
    text = owner.client.get("/routing/", {"alert": alert.pk}).content.decode()
    assert "team=payments" in text.partition('id="t-labels"')[2].partition("</textarea>")[0]
    assert 'value="payments is slow"' in text


def test_what_flaps_is_offered_once(owner: Visitor) -> None:
    for _ in range(3):
        alert_of("payments")
    alert_of("web")
    text = owner.client.get("/routing/").content.decode()
    assert text.count("payments is slow</a>") == 1
    assert text.count("web is slow</a>") == 1


def alert_of(team: str) -> Alert:
    return Alert.objects.create(
        integration=Integration.objects.get(name="tool"),
        dedup_key=team,
        summary=f"{team} is slow",
        labels={"team": team},
        status="resolved",
        first_seen_at=clock.now(),
        last_seen_at=clock.now(),
    )


def test_a_draft_says_only_what_differs_and_once_for_each_name(owner: Visitor) -> None:
    for key in ("db-1", "db-2"):
        Event.objects.create(
            integration=Integration.objects.get(name="tool"),
            received_at=clock.now(),
            payload=json.dumps(
                {"action": "trigger", "dedup_key": key, "summary": "Disk full", "severity": "critical"}
            ).encode(),
            action="trigger",
            lane=0,
            dedup_key=key,
        )
    answer = owner.client.post("/routing/draft", {"deed": "compare", "text": "severity: SEV4"})
    text = answer.content.decode()
    assert "Of the last 2 events, 2 would be treated otherwise" in text
    assert "severity SEV2 → SEV4" in text
    assert "2 times" in text
    assert "service " not in text.partition("What would differ")[2].partition("</table>")[0]


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        ('alertname=Disk "C" full\nhost=db1', ['alertname="Disk \\"C\\" full"']),
        ("host=db1\nenv=prod", ['env="prod"', 'host="db1"']),
    ],
)
def test_a_route_is_begun_from_what_was_tried(owner: Visitor, labels: str, match: list[str]) -> None:
    tried = {"labels": labels, "summary": "x"}
    assert "new=1" in owner.client.get("/routing/", tried).content.decode()
    page = owner.client.get("/routing/", {**tried, "new": "1"})
    text = page.context["node"]["text"]
    assert 'value="add"' in page.content.decode()
    assert 'name="deed" value="save">Save</button>' not in page.content.decode()  # that would be the root
    sent = {"path": "root", "deed": "add", "text": f"{text}till"}
    assert owner.client.post("/routing/change", sent).status_code == 302
    added = queries.routes().routes[-1]
    assert route_form(added) == {"match": match, "service": "till"}


def test_who_may_not_configure_is_offered_no_route(stranger: Visitor) -> None:
    asked = {"labels": "host=db1", "summary": "x", "new": "1"}
    page = stranger.client.get("/routing/", asked).content.decode()
    assert "A route for such alerts" not in page
    assert 'name="text" rows="9"' not in page
