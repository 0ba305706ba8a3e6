"""Contact methods, rules for each occasion, tests, and the log of what became of them."""

import pytest
from django.http import HttpResponse

from tests.api.conftest import Caller
from tests.notify.fakes import FakeChannel
from tocsin.apps.notify import delivery
from tocsin.lib import clock
from tocsin.ports import registry
from tocsin.ports.channel import FieldSpec

pytestmark = pytest.mark.django_db
ME = "/users/mate@example.com"


@pytest.fixture(autouse=True)
def channels(monkeypatch: pytest.MonkeyPatch) -> FakeChannel:
    mail = FakeChannel()
    secret = FakeChannel("chat", "Chat", address=FieldSpec("address", "Address", secret=True))
    monkeypatch.setitem(registry.channels, "email", mail)
    monkeypatch.setitem(registry.channels, "chat", secret)
    return mail


def put(who: Caller, path: str, body: object) -> HttpResponse:
    return who("PUT", path, body, if_match="*")


def test_rules_of_each_occasion_are_written_and_read(mate: Caller) -> None:
    rules = [
        {"urgency": "high", "after": "0s", "via": "email"},
        {"urgency": "high", "after": "90s", "via": "chat"},
        {"occasion": "handoff", "after": "5m", "via": "email"},
    ]
    answer = put(mate, f"{ME}/notification-rules", {"rules": rules})
    assert answer.status_code == 200
    found = mate.get(f"{ME}/notification-rules").json()["items"]
    assert [(one["occasion"], one["urgency"], one["after"], one["via"], one["own"]) for one in found] == [
        ("page", "high", "0s", "email", True),
        ("page", "high", "1m30s", "chat", True),
        ("handoff", None, "5m", "email", True),
    ]


@pytest.mark.parametrize("wrong", [{}, {"occasion": "swap", "urgency": "low"}])
def test_a_rule_is_for_pages_of_an_urgency_or_for_an_occasion(mate: Caller, wrong: dict[str, str]) -> None:
    rule = {"after": "0s", "via": "email", **wrong}
    answer = put(mate, f"{ME}/notification-rules", {"rules": [rule]})
    assert answer.status_code == 422
    assert "urgency" in answer.content.decode()


def test_a_test_is_followed_to_its_end(mate: Caller, channels: FakeChannel) -> None:
    rules = [{"urgency": "low", "after": after, "via": "email"} for after in ("0s", "5m")]
    put(mate, f"{ME}/notification-rules", {"rules": rules})
    made = mate.post(f"{ME}/test", {"urgency": "low", "at_once": False}).json()
    first, later = made["items"]
    assert [one["state"] for one in made["items"]] == ["planned", "planned"]
    assert first["user"] == "mate@example.com"
    page = made["page_id"]
    assert {one["id"] for one in mate.get(f"/deliveries?page_id={page}").json()["items"]} == {
        first["id"],
        later["id"],
    }
    mate.post(f"{ME}/tests/{page}/rest")
    for job in delivery.claim("w", clock.now(), 9):
        delivery.deliver_one(job, "w")
    done = mate.get(f"/deliveries/{later['id']}").json()
    # Due at one moment to one address, the two are one message.
    assert (done["state"], done["carried_by"]) == ("merged", first["id"])
    carrier = mate.get(f"/deliveries/{first['id']}").json()
    assert carrier["state"] == "sent"
    assert carrier["carries"] == [later["id"]]
    assert [each["detail"] for each in carrier["trail"]] == ["250 OK"]
    assert mate.get("/deliveries?problems=true").json()["items"] == []
    assert mate.post(f"{ME}/tests/{page + 999}/rest").status_code == 404


def test_at_once_means_all_of_it(mate: Caller) -> None:
    rules = [{"urgency": "high", "after": after, "via": "email"} for after in ("0s", "5m")]
    put(mate, f"{ME}/notification-rules", {"rules": rules})
    made = mate.post(f"{ME}/test", {"at_once": True}).json()
    assert len({one["due_at"] for one in made["items"]}) == 1
    assert "sent at once, as asked" in made["items"][1]["reason"]


def test_methods_are_put_in_order_and_keys_are_not_told(mate: Caller) -> None:
    added = mate.post(
        f"{ME}/contact-methods", {"type": "chat", "address": "https://hooks.example/very-secret-key"}
    )
    assert added.json()["address"] == "https://hooks.example/…-key"
    assert added.json()["code_until"] is not None
    listed = put(mate, f"{ME}/contact-methods", {"ids": [added.json()["id"]]}).json()["items"]
    assert [one["type"] for one in listed] == ["chat", "email"]
    assert "very-secret" not in mate.get("/deliveries").content.decode()


def test_a_list_of_what_is_not_there_is_refused(mate: Caller) -> None:
    assert mate.get("/deliveries?incident=INC-4711").status_code == 404
    assert mate.get("/deliveries?cursor=x").status_code == 422
    assert mate.get("/deliveries/999999999").status_code == 404
