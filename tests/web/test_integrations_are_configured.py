"""What a kind asks for is asked in the form of its integrations; secrets go in and never come out."""

import pytest

from tests.web.conftest import Visitor
from tests.web.test_integrations import FORM, look
from tocsin.apps.integrations.models import Integration
from tocsin.apps.integrations.settings import fields_of
from tocsin.ports import registry
from tocsin.ports.source import ConfiguredSource

TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"


def test_a_secret_is_set_kept_replaced_and_removed_and_never_shown(owner: Visitor, house: str) -> None:
    form = {"name": "sentry", "kind": "sentry", "config.secret": "hunter2"}
    page = owner.client.post("/integrations/add", form, follow=True).content.decode()
    assert "It is set; leave this empty to keep it" in page
    assert "hunter2" not in page

    def save(**given: str) -> dict[str, object]:
        data = {"name": "sentry", "severity_map": "", **given}
        assert owner.client.post("/integrations/sentry/edit", data).status_code == 302
        return dict(look("sentry").config)

    assert save(**{"config.secret": ""}) == {"secret": "hunter2"}
    assert save(**{"config.secret": "other"}) == {"secret": "other"}
    assert save(**{"config.secret": "", "config.secret.clear": "yes"}) == {}


def test_lists_choices_and_numbers_are_read_and_shown_again(owner: Visitor, house: str) -> None:
    form = {
        "name": "aws",
        "kind": "cloudwatch",
        "config.signature": "required",
        "config.topic_arns": f"{TOPIC}\n\n",
        "config.quota": "50",
    }
    page = owner.client.post("/integrations/add", form, follow=True).content.decode()
    assert look("aws").config == {"signature": "required", "topic_arns": [TOPIC], "quota": 50}
    assert '<option value="required" selected>' in page
    assert f"{TOPIC}</textarea>" in page
    owner.client.post("/integrations/aws/edit", {**form, "config.signature": "checked", "config.quota": ""})
    assert look("aws").config == {"topic_arns": [TOPIC]}


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("cloudwatch", "signature", "perhaps"),
        ("cloudwatch", "quota", "many"),
        ("alertmanager", "resolve_timeout", "soon"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_nothing_is_lost(
    kind: str, field: str, value: str, owner: Visitor, house: str
) -> None:
    form = {"name": "new", "kind": kind, f"config.{field}": value, "config.topic_arns": "kept"}
    answer = owner.client.post("/integrations/add", form)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert f'id="c-{field}-error"' in page
    if kind == "cloudwatch":
        assert "kept</textarea>" in page
    if field != "signature":
        assert f'value="{value}"' in page


def test_an_emptied_list_is_none_and_the_usual_one_is_not_stored(owner: Visitor, house: str) -> None:
    usual = "DeadMansSwitch\nWatchdog"
    assert f"{usual}</textarea>" in owner.client.get("/integrations/prometheus").content.decode()
    owner.client.post("/integrations/prometheus/edit", {**FORM, "config.heartbeats": usual})
    assert look().config == {}
    owner.client.post("/integrations/prometheus/edit", {**FORM, "config.heartbeats": ""})
    assert look().config == {"heartbeats": []}


def test_a_preset_asks_for_its_options_and_keeps_its_mapper(owner: Visitor, house: str) -> None:
    form = {"name": "git", "kind": "github", "config.options.failed_workflow": "note"}
    page = owner.client.post("/integrations/add", form, follow=True).content.decode()
    assert look("git").config == {"options": {"failed_workflow": "note"}}
    assert 'name="config.options.failed_workflow"' in page
    Integration.objects.filter(name="git").update(config={**look("git").config, "later": 1})
    data = {"name": "git", "severity_map": "", "config.options.failed_workflow": "trigger"}
    owner.client.post("/integrations/git/edit", data)
    assert look("git").config == {"later": 1}


def test_every_field_of_every_kind_is_a_word_of_its_config(db: None) -> None:
    for kind, source in registry.sources.items():
        for field in fields_of(kind, {}):
            if field.name == "quota":
                continue
            assert isinstance(source, ConfiguredSource), kind
            text = field.default or "some"
            value: object = text.split() if field.ask == "list" else text
            name, _, inner = field.name.partition(".")
            source.configured({name: {inner: value} if inner else value})
