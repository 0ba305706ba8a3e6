"""How often a contact and a vendor may be written to, over the API."""

from typing import Any

from tests.api.conftest import Caller


def sms(caller: Caller, per: str = "contact") -> list[tuple[int, str, bool]]:
    items: list[dict[str, Any]] = caller.get("/throttles").json()["items"]
    mine = (one for one in items if one["via"] == "sms" and one["per"] == per)
    return [(one["most"], one["within"], one["shipped"]) for one in mine]


def put(caller: Caller, body: dict[str, Any]) -> Any:
    return caller("PUT", "/throttles", body, if_match=caller.get("/throttles")["ETag"])


def test_they_are_read_replaced_and_shipped_again(owner: Caller) -> None:
    shipped = [(1, "1m", True), (5, "15m", True), (11, "1h", True), (21, "3h", True)]
    assert sms(owner) == shipped
    limits = [{"most": 2, "within": "90s"}]
    assert put(owner, {"via": "sms", "per": "contact", "limits": limits}).status_code == 200
    assert sms(owner) == [(2, "1m30s", False)]
    assert sms(owner, "vendor") == [(10, "1s", True)]
    put(owner, {"via": "sms", "per": "contact", "limits": []})
    assert sms(owner) == [(0, "1s", False)]
    put(owner, {"via": "sms", "per": "contact", "limits": None})
    assert sms(owner) == shipped


def test_a_wrong_one_is_named(owner: Caller) -> None:
    body = {"via": "sms", "per": "contact", "limits": [{"most": 2, "within": "soon"}]}
    answer = put(owner, body)
    assert answer.status_code == 422
    assert "within" in answer.json()["errors"][0]["field"]
