"""The rules of an integration for mail: rows, a trial, errors beside their rows, what is saved."""

import pytest

from tests.web.conftest import Visitor
from tocsin.apps.integrations import actions, queries
from tocsin.apps.integrations.models import Event
from tocsin.apps.integrations.types import IntegrationSpec
from tocsin.domain.permissions import SYSTEM
from tocsin.entrypoints.web.ruleforms import config_of
from tocsin.lib.clock import now
from tocsin.ports import registry

PAGE = "/integrations/post/rules"
MAIL = "From: raid@nas.example.com\nSubject: disk sdb on nas1 failed\n\nPlease replace it.\n"
RULE = {
    "r-0-name": "disks",
    "r-0-then": "trigger",
    "r-0-dedup_key": "{host}/{disk}",
    "r-0-severity": "critical",
    "r-0-w-0-field": "subject",
    "r-0-w-0-operator": "regex",
    "r-0-w-0-value": "disk (?P<disk>[a-z]+) on (?P<host>[a-z0-9]+)",
    "r-0-w-1-field": "header:From",
    "r-0-w-1-operator": "contains",
    "r-0-w-1-value": "nas.example.com",
    "otherwise": "ignore",
    "message": MAIL,
}
CONFIG = {
    "rules": [
        {
            "name": "disks",
            "then": "trigger",
            "dedup_key": "{host}/{disk}",
            "severity": "critical",
            "when": [
                {"field": "subject", "regex": "disk (?P<disk>[a-z]+) on (?P<host>[a-z0-9]+)"},
                {"field": "header:From", "contains": "nas.example.com"},
            ],
        }
    ],
    "otherwise": "ignore",
}


@pytest.fixture
def post(house: str) -> None:
    save({"quota": 100})


def save(config: dict[str, object]) -> None:
    actions.save_integration(actor=SYSTEM, spec=IntegrationSpec("post", "email", config=config), now=now())


def config() -> dict[str, object]:
    found = queries.integration("post")
    assert found is not None
    return dict(found.config)


def shown_version(visitor: Visitor) -> str:
    return visitor.client.get(PAGE).content.decode().split('name="version" value="')[1].split('"')[0]


def test_without_rules_the_page_says_what_happens_and_tries_a_sample(owner: Visitor, post: None) -> None:
    page = owner.client.get(PAGE).content.decode()
    assert "No rules yet." in page
    assert "Add a rule" in page
    assert "PROBLEM: disk sda on db1" in page
    assert "There are no rules, so the subject decides" in page
    assert "disk sda on db1 is 95 % full</code>" in page  # the dedup key of that example
    assert PAGE in owner.client.get("/integrations/post").content.decode()


def test_rules_are_tried_on_a_mail_before_they_are_saved(owner: Visitor, post: None) -> None:
    part = owner.client.post(PAGE, RULE, headers={"HX-Request": "true"}).content.decode()
    assert "Rule “disks”" in part
    assert "nas1/sdb" in part
    assert "<html" not in part
    other = RULE | {"message": MAIL.replace("disk sdb", "fan 3")}
    assert "no rule fits" in owner.client.post(PAGE, other).content.decode().lower()
    assert config() == {"quota": 100}


def test_saved_rules_are_the_config_that_a_file_has(owner: Visitor, post: None) -> None:
    form = RULE | {"do": "save", "version": shown_version(owner)}
    assert owner.client.post(PAGE, form).status_code == 302
    assert config() == {"quota": 100, **CONFIG}
    page = owner.client.get(PAGE).content.decode()
    assert 'value="{host}/{disk}"' in page
    assert '<option value="regex" selected>' in page


def test_rules_of_a_file_come_back_as_they_were(owner: Visitor, post: None) -> None:
    single = {"rules": [{"when": {"field": "from", "equals": "a@b.example"}, "then": "ignore"}]}
    save(single)
    form = {
        "r-0-then": "ignore",
        "r-0-name": "",
        "r-0-w-0-field": "from",
        "r-0-w-0-operator": "equals",
        "r-0-w-0-value": "a@b.example",
        "do": "save",
        "version": shown_version(owner),
    }
    assert owner.client.post(PAGE, form).status_code == 302
    when = {"field": "from", "equals": "a@b.example"}
    assert config() == {"rules": [{"when": [when], "then": "ignore"}]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"r-0-w-0-value": "(?P<disk>["}, "regex"),
        ({"r-0-w-1-value": ""}, "contains must be text of 1 to"),
        ({"r-0-w-1-field": "colour"}, "field must be subject, from, to, body or header:Name"),
        ({"r-0-then": "explode"}, "then must be one of"),
        ({"otherwise": "panic"}, "otherwise: must be trigger or ignore"),
    ],
)
def test_what_is_wrong_stands_beside_its_row_and_nothing_is_lost(
    owner: Visitor, post: None, change: dict[str, str], said: str
) -> None:
    answer = owner.client.post(PAGE, RULE | change | {"do": "save", "version": shown_version(owner)})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert said in page
    assert 'value="{host}/{disk}"' in page
    assert config() == {"quota": 100}


def test_buttons_add_move_and_remove_rows(owner: Visitor, post: None) -> None:
    def pressed(deed: str) -> str:
        return owner.client.post(PAGE, RULE | {"do": deed}).content.decode()

    assert 'name="r-1-then"' in pressed("add rules")
    assert 'name="r-0-w-2-value"' in pressed("add when 0")
    assert 'name="r-0-w-1-value"' not in pressed("remove when 0.1")
    assert 'name="r-0-then"' not in pressed("remove rules 0")
    two = RULE | {"r-1-then": "ignore", "r-1-name": "second", "r-1-w-0-value": "x", "do": "up rules 1"}
    moved = owner.client.post(PAGE, two).content.decode()
    assert moved.index('value="second"') < moved.index('value="disks"')


@pytest.mark.parametrize("deed", ["up rules", "remove when 9.9", "add nothing 1", "down rules 99999999", "é"])
def test_a_strange_button_changes_nothing(owner: Visitor, post: None, deed: str) -> None:
    answer = owner.client.post(PAGE, RULE | {"do": deed})
    assert answer.status_code == 200
    assert 'name="r-0-w-1-value"' in answer.content.decode()


def test_two_who_edit_at_once_do_not_undo_each_other(owner: Visitor, post: None) -> None:
    seen = shown_version(owner)
    save({"otherwise": "ignore"})
    answer = owner.client.post(PAGE, RULE | {"do": "save", "version": seen})
    assert answer.status_code == 409
    assert "Somebody else changed" in answer.content.decode()
    assert config() == {"otherwise": "ignore"}


def test_who_may_not_edit_may_look_and_try(stranger: Visitor, post: None) -> None:
    page = stranger.client.get(PAGE).content.decode()
    assert 'value="save"' not in page
    assert stranger.client.post(PAGE, RULE | {"do": "try"}).status_code == 200
    seen = shown_version(stranger)
    assert stranger.client.post(PAGE, RULE | {"do": "save", "version": seen}).status_code == 403
    assert config() == {"quota": 100}


def test_another_kind_has_no_rules(owner: Visitor, house: str) -> None:
    actions.save_integration(actor=SYSTEM, spec=IntegrationSpec("any", "json"), now=now())
    assert owner.client.get("/integrations/any/rules").status_code == 404


def test_the_rest_of_the_config_stays() -> None:
    assert config_of({"rules": [], "otherwise": "trigger"}, {"quota": 5, "rules": [1]}) == {"quota": 5}


def test_a_mail_that_came_is_there_to_be_tried(owner: Visitor, post: None) -> None:
    found = queries.integration("post")
    assert found is not None
    source = registry.bound("email", {})
    (envelope,) = source.envelope(MAIL.encode())
    Event.objects.create(
        event_id="01",
        integration_id=found.id,
        action="trigger",
        dedup_key=envelope.dedup_key,
        lane=0,
        payload=envelope.payload,
        received_at=now(),
    )
    page = owner.client.get(PAGE).content.decode()
    assert "Subject: disk sdb on nas1 failed" in page
    assert "Please replace it." in page
