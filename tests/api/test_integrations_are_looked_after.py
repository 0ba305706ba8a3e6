"""Keys, health, secrets, and what was refused or set aside, by the API."""

from datetime import timedelta
from typing import Any

from tests.api.world import World
from tocsin.apps.integrations.models import Event, Integration, Rejected
from tocsin.lib import clock
from tocsin.ports import registry


def ask(world: World, method: str, path: str, body: Any = None) -> Any:
    answer = world.owner(method, f"/integrations/prom{path}", body)
    return answer.json() if answer.content else answer.status_code


def refused(body: bytes) -> Rejected:
    at = clock.now()
    prom = Integration.objects.get(name="prom")
    return Rejected.objects.create(
        integration=prom,
        kind="alertmanager",
        status=400,
        reason="odd",
        body=body,
        size=len(body),
        first_at=at,
        last_at=at,
    )


def aside() -> Event:
    at = clock.now()
    prom = Integration.objects.get(name="prom")
    return Event.objects.create(
        event_id="e1",
        integration=prom,
        action="trigger",
        dedup_key="k",
        lane=0,
        payload=b"{}",
        received_at=at,
        processed_at=at,
        set_aside="odd",
    )


def test_the_old_key_is_kept_as_long_as_asked_and_ended(world: World) -> None:
    until = ask(world, "POST", "/rotate-key", {"keep_for": "7d"})["old_key_until"]
    assert until > (clock.now() + timedelta(days=6)).isoformat()
    assert ask(world, "POST", "/end-old-key")["old_key_until"] is None
    until = ask(world, "POST", "/rotate-key")["old_key_until"]
    assert until < (clock.now() + timedelta(days=2)).isoformat()
    assert ask(world, "POST", "/rotate-key", {"keep_for": "200d"})["errors"][0]["field"] == "keep_for"


def test_secrets_go_in_and_only_their_names_come_out(world: World) -> None:
    given = {"name": "hub", "kind": "sentry", "config": {"secret": "hunter2", "quota": 5}}
    made = world.owner("POST", "/integrations", given).json()
    assert (made["config"], made["secrets"]) == ({"quota": 5}, ["secret"])
    again = {"name": "hub", "kind": "sentry", "config": {"quota": 6}}
    assert world.owner("PUT", "/integrations/hub", again, if_match="*").json()["secrets"] == ["secret"]
    assert Integration.objects.get(name="hub").config == {"quota": 6, "secret": "hunter2"}
    again["config"] = {"secret": None}
    assert world.owner("PUT", "/integrations/hub", again, if_match="*").json()["secrets"] == []
    wrong = world.owner("PUT", "/integrations/hub", {**again, "config": {"topic": 1}}, if_match="*").json()
    assert wrong["errors"][0]["field"] == "config.topic"
    seen = world.mate("GET", "/integrations/hub").json()
    assert (seen["config"], seen["secrets"]) == (None, [])


def test_what_was_set_aside_is_listed_tried_again_and_discarded(world: World) -> None:
    event = aside()
    assert ask(world, "GET", "/health")["set_aside"] == 1
    assert ask(world, "GET", "/health")["health"] == "errors"
    assert [each["id"] for each in ask(world, "GET", "/set-aside")["items"]] == [event.pk]
    assert ask(world, "POST", f"/set-aside/{event.pk}/retry") == {"events": 1}
    assert ask(world, "GET", "/set-aside")["items"] == []
    other = aside()
    assert ask(world, "DELETE", f"/set-aside/{other.pk}") == 204
    assert not Event.objects.filter(pk=other.pk).exists()
    aside()
    assert ask(world, "POST", "/set-aside/retry") == {"events": 1}


def test_what_was_refused_is_listed_tried_again_and_discarded(world: World) -> None:
    good, bad = refused(registry.sources["alertmanager"].sample("again")), refused(b"{}")
    shown = {each["id"]: each["can_be_tried"] for each in ask(world, "GET", "/rejected")["items"]}
    assert shown == {good.pk: True, bad.pk: True}
    assert ask(world, "POST", f"/rejected/{good.pk}/retry") == {"events": 1}
    assert ask(world, "POST", f"/rejected/{bad.pk}/retry")["status"] == 422
    assert ask(world, "DELETE", f"/rejected/{bad.pk}") == 204
    assert not Rejected.objects.exists()
