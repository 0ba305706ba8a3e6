import pytest

from tests.web.conftest import Visitor
from tocsin.apps.integrations import actions, queries
from tocsin.apps.integrations.types import IntegrationSpec
from tocsin.domain.permissions import SYSTEM
from tocsin.lib.clock import now

MAPPER = "dedup_key: payload.key\nsummary: payload.words\nlabels:\n  host: payload.host\n"
MESSAGE = '{"key": "disk", "words": "Disk is full", "host": "db1"}'
PAGE = "/integrations/any/mapper"


@pytest.fixture
def any_json(house: str) -> None:
    actions.save_integration(actor=SYSTEM, spec=IntegrationSpec("any", "json"), now=now())


def test_a_mapper_is_tried_on_a_message_before_it_is_saved(owner: Visitor, any_json: None) -> None:
    page = owner.client.post(f"{PAGE}/test", {"mapper": MAPPER, "message": MESSAGE}).content.decode()
    assert "Disk is full" in page
    assert "What comes out" in page
    found = queries.integration("any")
    assert found is not None
    assert "mapper" not in found.config


def test_what_comes_out_changes_while_it_is_written(owner: Visitor, any_json: None) -> None:
    form = {"mapper": MAPPER + "  bad: payload.host + 1\n", "message": MESSAGE}
    part = owner.client.post(f"{PAGE}/test", form, headers={"HX-Request": "true"}).content.decode()
    assert "labels.bad" in part
    assert "<html" not in part


@pytest.mark.parametrize(
    ("mapper", "said"),
    [
        ("a: [", "this is not YAML"),
        ("dedup_key: payload.", "is not an expression"),
        ("summary: '1'", "dedup_key"),
    ],
)
def test_a_mapper_that_cannot_work_is_not_saved(
    owner: Visitor, any_json: None, mapper: str, said: str
) -> None:
    answer = owner.client.post(f"{PAGE}/save", {"mapper": mapper, "message": MESSAGE})
    assert answer.status_code == 422
    assert said in answer.content.decode()


def test_a_mapper_is_saved_and_dropped_again(owner: Visitor, any_json: None) -> None:
    owner.client.post(f"{PAGE}/save", {"mapper": MAPPER, "message": MESSAGE})
    found = queries.integration("any")
    assert found is not None
    assert found.config["mapper"]["summary"] == "payload.words"
    assert "payload.words" in owner.client.get(PAGE).content.decode()
    owner.client.post(f"{PAGE}/save", {"reset": "yes", "mapper": MAPPER, "message": MESSAGE})
    found = queries.integration("any")
    assert found is not None
    assert found.config == {}


def test_a_kind_without_a_mapper_has_no_such_page(owner: Visitor, house: str) -> None:
    assert owner.client.get("/integrations/prometheus/mapper").status_code == 404
