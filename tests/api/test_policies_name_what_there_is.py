"""A policy saved over the API names only what there is, as one in a file does."""

from typing import Any

import pytest

from tests.api.world import World

GOOD = {"schedule": "main"}


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"schedule": "mian"}, "there is no schedule 'mian'"),
        ({"team": "payment"}, "there is no team 'payment'"),
        ({"user": "nobody@example.com"}, "there is no person 'nobody@example.com'"),
        ({"chat": "#ops", "via": "sms"}, "there is no chat with rooms 'sms'"),
    ],
)
@pytest.mark.parametrize("field", ["steps[1].notify", "final"])
def test_what_stands_for_nothing_is_refused_where_it_is(
    world: World, target: dict[str, Any], said: str, field: str
) -> None:
    body: dict[str, Any] = {"name": "new", "steps": [{"notify": [GOOD]}, {"notify": [GOOD]}]}
    where = body if field == "final" else body["steps"][1]
    where[field.rpartition(".")[2]] = [target]
    answer = world.owner("POST", "/escalation-policies", body)
    assert answer.status_code == 422, answer.content
    (error,) = answer.json()["errors"]
    assert error["field"] == f"{field}[0]"
    assert said in error["message"]
    assert world.owner("GET", "/escalation-policies/new").status_code == 404


def test_a_policy_that_is_changed_is_asked_the_same(world: World) -> None:
    body = {"steps": [{"notify": [GOOD, {"team": "gone"}]}]}
    answer = world.owner("PUT", "/escalation-policies/payments", body, If_Match="*")
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == ["steps[0].notify[1]"]


def test_a_fallback_that_is_not_there_is_refused(world: World) -> None:
    body = {"name": "new", "steps": [{"notify": [GOOD]}], "fallback": "nope"}
    answer = world.owner("POST", "/escalation-policies", body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "fallback")
